// Making an entry out of a file.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/workcopy/changes.h"
#include "cli/workcopy/files.h"
#include "store/value/value.h"

#define PIECE_LEN ((size_t)1 << 18)
#define MODE_BITS 0777

// --- an object set that only computes names -------------------------------------------------

static so_status hash_get(void *ctx, const so_oid *oid, so_object *out) {
  (void)ctx;
  (void)oid;
  (void)out;
  return so_status_make(SO_NOT_FOUND, 0);
}

static void hash_unpin(void *ctx, so_object *object) {
  (void)ctx;
  (void)object;
}

static so_status hash_has(void *ctx, const so_oid *oid) {
  (void)ctx;
  (void)oid;
  return so_status_make(SO_NOT_FOUND, 0);
}

static so_status hash_put(void *ctx, so_kind kind, so_bytes payload, so_oid *out) {
  (void)ctx;
  so_oid_of(kind, payload, out);
  return so_done();
}

static const so_objects_ops hash_ops = {hash_get, hash_unpin, hash_has, hash_put};

// --- reading --------------------------------------------------------------------------------

static so_status copy_pieces(int fd, so_value_writer *writer) {
  uint8_t *piece = malloc(PIECE_LEN);
  so_status status = piece == NULL ? so_status_make(SO_LIMIT, 0) : so_done();
  while (so_ok(status)) {
    const ssize_t n = read(fd, piece, PIECE_LEN);
    if (n == 0) {
      break;
    }
    if (n > 0) {
      status = so_value_write(writer, so_bytes_of(piece, (size_t)n));
    } else if (errno != EINTR) {
      status = so_status_make(SO_IO, (uint16_t)errno);
    }
  }
  free(piece);
  return status;
}

// keep copies what the entry views, since the writer goes away.
static so_status keep(so_arena *arena, so_entry *entry) {
  return entry->is_inline ? so_arena_copy(arena, entry->inline_value, &entry->inline_value)
                          : so_done();
}

static so_status read_file(const so_tree *tree, int fd, so_arena *arena, so_entry *out) {
  so_value_writer *writer;
  SO_TRY(so_value_writer_open(tree, &writer));
  so_status status = copy_pieces(fd, writer);
  if (so_ok(status)) {
    status = so_value_writer_end(writer, out);
  }
  if (so_ok(status)) {
    status = keep(arena, out);
  }
  so_value_writer_close(writer);
  return status;
}

static so_status read_link(const so_tree *tree, int dir_fd, const char *name, so_arena *arena,
                           so_entry *out) {
  char target[PATH_MAX];
  const ssize_t n = readlinkat(dir_fd, name, target, sizeof target);
  if (n < 0 || (size_t)n == sizeof target) {
    return so_status_make(SO_IO, (uint16_t)errno);
  }
  out->type = SO_ENTRY_SYMLINK;
  out->mode = MODE_BITS;
  SO_TRY(so_value_of(tree, so_bytes_of(target, (size_t)n), out));
  return keep(arena, out);
}

so_status cli_entry_read(cli_workcopy *w, cli_changes_mode mode, const char *path,
                         const struct stat *s, so_arena *arena, so_entry *out) {
  const so_entry empty = {.type = SO_ENTRY_FILE, .mode = (uint16_t)(s->st_mode & MODE_BITS)};
  const so_objects hash_only = {&hash_ops, NULL};
  so_tree tree = w->tree;
  if (mode == CLI_CHANGES_LOOK) {
    tree.objects = &hash_only;
  }
  *out = empty;
  const char *name;
  const int dir = cli_dir_open(w->root_fd, path, false, &name);
  if (dir < 0) {
    return so_status_make(SO_IO, (uint16_t)errno);
  }
  so_status status;
  if (S_ISLNK(s->st_mode)) {
    status = read_link(&tree, dir, name, arena, out);
  } else {
    const int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    status = fd < 0 ? so_status_make(errno == EACCES ? SO_DENIED : SO_IO, (uint16_t)errno)
                    : read_file(&tree, fd, arena, out);
    if (fd >= 0) {
      close(fd);
    }
  }
  close(dir);
  return status;
}
