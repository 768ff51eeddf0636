#include "cli/workcopy/checkout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/workcopy/changes.h"
#include "cli/workcopy/files.h"
#include "store/value/value.h"

#define LISTED_MAX 10
#define TEMPORARY CLI_DIR "/tmp"

static so_status io_error(void) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  const bool denied = errno == EACCES || errno == EPERM || errno == EROFS;
  return so_status_make(full ? SO_LIMIT : denied ? SO_DENIED : SO_IO, (uint16_t)errno);
}

static bool path_text(so_bytes path, char out[CLI_PATH_LEN]) {
  if (path.len >= CLI_PATH_LEN || !so_ok(so_path_check(path))) {
    return false;
  }
  memcpy(out, path.ptr, path.len);
  out[path.len] = '\0';
  return true;
}

// --- writing --------------------------------------------------------------------------------

static so_status write_value(cli_workcopy *w, int fd, const so_entry *entry) {
  so_value_reader *reader;
  SO_TRY(so_value_reader_open(&w->tree, entry, 0, &reader));
  so_status status = so_done();
  for (;;) {
    so_bytes piece;
    status = so_value_read(reader, &piece);
    if (!so_ok(status) || piece.len == 0) {
      break;
    }
    while (piece.len != 0 && so_ok(status)) {
      const ssize_t n = write(fd, piece.ptr, piece.len);
      status = n < 0 && errno != EINTR ? io_error() : status;
      piece = so_bytes_from(piece, n < 0 ? 0 : (size_t)n);
    }
    if (!so_ok(status)) {
      break;
    }
  }
  so_value_reader_close(reader);
  return status;
}

static so_status make_file(cli_workcopy *w, const so_entry *entry) {
  unlinkat(w->root_fd, TEMPORARY, 0);
  const int fd =
      openat(w->root_fd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return io_error();
  }
  so_status status = write_value(w, fd, entry);
  if (so_ok(status) && fchmod(fd, entry->mode & 0777) != 0) {
    status = io_error();
  }
  if (close(fd) != 0 && so_ok(status)) {
    status = io_error();
  }
  return status;
}

static so_status make_link(cli_workcopy *w, const so_entry *entry) {
  so_buf target;
  so_buf_init(&target, w->c->heap, PATH_MAX);
  so_status status = so_value_read_all(&w->tree, entry, &target);
  so_buf_append_u8(&target, 0);
  if (so_ok(status) && (target.failed || strlen((const char *)target.ptr) + 1 != target.len)) {
    status = so_status_make(SO_MALFORMED, 0);
  }
  if (so_ok(status)) {
    unlinkat(w->root_fd, TEMPORARY, 0);
    if (symlinkat((const char *)target.ptr, w->root_fd, TEMPORARY) != 0) {
      status = io_error();
    }
  }
  so_buf_release(&target);
  return status;
}

so_status cli_checkout_file(cli_workcopy *w, so_bytes path, const so_entry *entry) {
  char text[CLI_PATH_LEN];
  const char *name;
  if (!path_text(path, text)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  SO_TRY(entry->type == SO_ENTRY_SYMLINK ? make_link(w, entry) : make_file(w, entry));
  const int dir = cli_dir_open(w->root_fd, text, true, &name);
  if (dir < 0) {
    return io_error();
  }
  const so_status status =
      renameat(w->root_fd, TEMPORARY, dir, name) == 0 ? so_done() : io_error();
  close(dir);
  return status;
}

static so_status remove_file(cli_workcopy *w, so_bytes path) {
  char text[CLI_PATH_LEN];
  const char *name;
  if (!path_text(path, text)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  const int dir = cli_dir_open(w->root_fd, text, false, &name);
  if (dir < 0) {
    return so_done();
  }
  const bool ok = unlinkat(dir, name, 0) == 0 || errno == ENOENT || errno == EISDIR;
  const so_status status = ok ? so_done() : io_error();
  close(dir);
  cli_dir_prune(w->root_fd, text);
  return status;
}

// --- looking first --------------------------------------------------------------------------

typedef struct look {
  cli_workcopy *w;
  size_t in_the_way;
  char names[LISTED_MAX][256];
} look;

static void note(look *l, const char *path) {
  if (l->in_the_way < LISTED_MAX) {
    snprintf(l->names[l->in_the_way], sizeof l->names[0], "%s", path);
  }
  l->in_the_way++;
}

// matches: is the file what an entry says? A file that is gone matches none.
static so_status tag_of_file(cli_workcopy *w, const char *path, const struct stat *s,
                             so_oid *out) {
  const cli_index_entry *seen = cli_index_find(&w->index, so_str(path));
  if (seen != NULL && cli_index_fresh(&w->index, seen, s)) {
    *out = seen->tag;
    return so_done();
  }
  so_arena arena;
  so_entry entry;
  so_arena_init(&arena, w->c->heap, (size_t)64 << 20);
  const so_status status = cli_entry_read(w, CLI_CHANGES_LOOK, path, s, &arena, &entry);
  if (so_ok(status)) {
    so_entry_tag(&entry, out);
  }
  so_arena_release(&arena);
  return status;
}

// bare_tag is the tag that a file with this content would have: metadata is not in files.
static void bare_tag(const so_entry *entry, so_oid *out) {
  so_entry bare = *entry;
  bare.meta = so_bytes_of(NULL, 0);
  bare.mode = bare.mode & 0777;
  so_entry_tag(&bare, out);
}

static so_status look_at(look *l, const so_change *change) {
  char path[CLI_PATH_LEN];
  const char *name;
  struct stat s;
  so_oid now, expected;
  if (!path_text(change->key, path)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  const int dir = cli_dir_open(l->w->root_fd, path, false, &name);
  if (dir < 0) {
    if (errno == ENOTDIR || errno == ELOOP) {
      note(l, path);  // A file, or a link, stands where a directory should be.
    }
    return so_done();
  }
  const bool there = fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0;
  close(dir);
  if (!there) {
    return so_done();
  }
  if (!S_ISREG(s.st_mode) && !S_ISLNK(s.st_mode)) {
    if (change->has_new) {
      note(l, path);
    }
    return so_done();
  }
  SO_TRY(tag_of_file(l->w, path, &s, &now));
  for (int side = 0; side < 2; side++) {
    const bool has = side == 0 ? change->has_old : change->has_new;
    if (has) {
      bare_tag(side == 0 ? &change->old_entry : &change->new_entry, &expected);
      if (so_oid_equal(&now, &expected)) {
        return so_done();
      }
    }
  }
  note(l, path);
  return so_done();
}

// --- all changes ----------------------------------------------------------------------------

typedef so_status (*on_change)(void *ctx, const so_change *change);

static so_status each_change(cli_workcopy *w, const so_oid *from, const so_oid *to, on_change run,
                             void *ctx) {
  so_diff *diff;
  const so_bytes none = {NULL, 0};
  SO_TRY(so_diff_open(&w->tree, from, to, none, none, &diff));
  so_change change;
  so_status status = so_diff_next(diff, &change);
  while (so_ok(status)) {
    status = run(ctx, &change);
    if (so_ok(status)) {
      status = so_diff_next(diff, &change);
    }
  }
  so_diff_close(diff);
  return so_is(status, SO_NOT_FOUND) ? so_done() : status;
}

static so_status on_look(void *ctx, const so_change *change) { return look_at(ctx, change); }

static so_status on_remove(void *ctx, const so_change *change) {
  return change->has_new ? so_done() : remove_file(ctx, change->key);
}

typedef struct writing {
  cli_workcopy *w;
  bool force;
  cli_progress progress;
  uint64_t files;
} writing;

// clear_way removes a file, or a link, that stands where a directory of this path should be.
static void clear_way(cli_workcopy *w, so_bytes path) {
  char text[CLI_PATH_LEN];
  if (!path_text(path, text)) {
    return;
  }
  for (char *slash = strchr(text, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    const char *name;
    struct stat s;
    *slash = '\0';
    const int dir = cli_dir_open(w->root_fd, text, false, &name);
    if (dir < 0) {
      return;  // Nothing is there.
    }
    if (fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(s.st_mode)) {
      unlinkat(dir, name, 0);
    }
    close(dir);
    *slash = '/';
  }
}

static so_status on_write(void *ctx, const so_change *change) {
  writing *x = ctx;
  cli_progress_update(&x->progress, ++x->files, 0, 0);
  if (x->force && change->has_new) {
    clear_way(x->w, change->key);
  }
  return change->has_new ? cli_checkout_file(x->w, change->key, &change->new_entry) : so_done();
}

static int refuse(const look *l) {
  for (size_t i = 0; i < l->in_the_way && i < LISTED_MAX; i++) {
    cli_note(l->w->c, "  %s", l->names[i]);
  }
  return cli_fail(CLI_REFUSED,
                  "%zu files have changes of yours that this would overwrite; commit them, or move "
                  "them away, and try again. Nothing was changed",
                  l->in_the_way);
}

int cli_checkout(cli_workcopy *w, const so_oid *from, const so_oid *to, bool force) {
  look l = {.w = w};
  writing x = {.w = w, .force = force};
  if (!force) {
    const so_status status = each_change(w, from, to, on_look, &l);
    if (!so_ok(status)) {
      return cli_fail_status(status, "looking at the files");
    }
    if (l.in_the_way != 0) {
      return refuse(&l);
    }
  }
  so_status status = each_change(w, from, to, on_remove, w);
  if (so_ok(status)) {
    cli_progress_begin(&x.progress, w->c, "Writing files");
    status = each_change(w, from, to, on_write, &x);
    cli_progress_end(&x.progress);
  }
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "writing the files");
}
