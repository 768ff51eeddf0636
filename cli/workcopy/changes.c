#include "cli/workcopy/changes.h"

#include <stdlib.h>
#include <string.h>

#include "cli/workcopy/scan.h"

#define ARENA_LEN_MAX ((size_t)2 << 30)

// A comparison in progress: the files and the map side by side, both in path order.
typedef struct comparison {
  cli_workcopy *w;
  const so_oid *root;
  const char *const *paths;
  size_t path_count;
  cli_changes_mode mode;
  cli_changes *out;
  cli_ignore ignore;
  cli_index fresh;  // The index that this comparison builds.
  so_cursor *cursor;
  cli_progress progress;
  uint64_t files;
} comparison;

void cli_changes_release(cli_changes *changes) {
  free(changes->items);
  so_arena_release(&changes->arena);
}

static so_status add(cli_changes *out, const cli_change *change) {
  if (out->count == out->cap) {
    const size_t cap = out->cap == 0 ? 64 : out->cap * 2;
    cli_change *grown = realloc(out->items, cap * sizeof *grown);
    if (grown == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    out->items = grown;
    out->cap = cap;
  }
  out->items[out->count++] = *change;
  return so_done();
}

// --- which paths ----------------------------------------------------------------------------

static bool is_below(so_bytes path, so_bytes top) {
  return top.len == 0 || so_bytes_equal(path, top) ||
         (so_bytes_has_prefix(path, top) && path.ptr[top.len] == '/');
}

static bool wanted(const comparison *m, so_bytes path) {
  for (size_t i = 0; i < m->path_count; i++) {
    if (is_below(path, so_str(m->paths[i]))) {
      return true;
    }
  }
  return m->path_count == 0;
}

// map_has: is there this path in the map, or (a directory) one below it?
static bool map_has(const comparison *m, so_bytes path, bool is_dir) {
  bool has = false;
  so_cursor *probe = malloc(sizeof *probe);
  if (probe != NULL && so_ok(so_cursor_seek(probe, &m->w->tree, m->root, path))) {
    while (!probe->at_end && so_bytes_has_prefix(probe->key, path)) {
      const bool exact = probe->key.len == path.len;
      if (exact == !is_dir || (is_dir && probe->key.ptr[path.len] == '/')) {
        has = true;
        break;
      }
      if (!so_ok(so_cursor_next(probe))) {
        break;
      }
    }
    so_cursor_close(probe);
  }
  free(probe);
  return has;
}

// skip keeps out what is ignored, unless the map has it already.
static bool skip(void *ctx, so_bytes path, bool is_dir) {
  const comparison *m = ctx;
  return cli_ignore_matches(&m->ignore, path, is_dir) && !map_has(m, path, is_dir);
}

// --- comparing ------------------------------------------------------------------------------

static so_status copy_entry(so_arena *arena, const so_entry *entry, so_entry *out) {
  *out = *entry;
  SO_TRY(so_arena_copy(arena, entry->meta, &out->meta));
  return entry->is_inline ? so_arena_copy(arena, entry->inline_value, &out->inline_value)
                          : so_done();
}

// removed takes the entry at the cursor, which has no file.
static so_status removed(comparison *m) {
  if (wanted(m, m->cursor->key)) {
    cli_change change = {.has_old = true};
    SO_TRY(so_arena_copy(&m->out->arena, m->cursor->key, &change.path));
    SO_TRY(copy_entry(&m->out->arena, &m->cursor->entry, &change.old_entry));
    SO_TRY(add(m->out, &change));
  }
  return so_cursor_next(m->cursor);
}

// compare_file compares a file with the entry at the cursor (`has_old`), or finds it new.
static so_status compare_file(comparison *m, const cli_scan_file *file, bool has_old) {
  so_oid old_tag = {{0}}, new_tag;
  cli_change change = {.has_old = has_old, .has_new = true};
  const cli_index_entry *seen = cli_index_find(&m->w->index, file->path);
  if (has_old) {
    so_entry_tag(&m->cursor->entry, &old_tag);
  }
  if (seen != NULL && cli_index_fresh(&m->w->index, seen, &file->stat) && has_old &&
      so_oid_equal(&seen->tag, &old_tag)) {
    return cli_index_add(&m->fresh, file->path, &file->stat, &old_tag);
  }
  const so_arena_mark mark = so_arena_save(&m->out->arena);
  char path[CLI_PATH_LEN];
  memcpy(path, file->path.ptr, file->path.len);
  path[file->path.len] = '\0';
  SO_TRY(cli_entry_read(m->w, m->mode, path, &file->stat, &m->out->arena, &change.new_entry));
  if (has_old) {  // What files cannot hold stays as it was.
    SO_TRY(so_arena_copy(&m->out->arena, m->cursor->entry.meta, &change.new_entry.meta));
  }
  so_entry_tag(&change.new_entry, &new_tag);
  SO_TRY(cli_index_add(&m->fresh, file->path, &file->stat, &new_tag));
  if (has_old && so_oid_equal(&old_tag, &new_tag)) {
    so_arena_rewind(&m->out->arena, mark);
    return so_done();
  }
  SO_TRY(so_arena_copy(&m->out->arena, file->path, &change.path));
  if (has_old) {
    SO_TRY(copy_entry(&m->out->arena, &m->cursor->entry, &change.old_entry));
  }
  return add(m->out, &change);
}

static so_status one_file(comparison *m, const cli_scan_file *file) {
  while (!m->cursor->at_end && so_bytes_compare(m->cursor->key, file->path) < 0) {
    SO_TRY(removed(m));
  }
  const bool has_old = !m->cursor->at_end && so_bytes_equal(m->cursor->key, file->path);
  cli_progress_update(&m->progress, ++m->files, 0, 0);
  if (wanted(m, file->path)) {
    SO_TRY(compare_file(m, file, has_old));
  } else {
    const cli_index_entry *seen = cli_index_find(&m->w->index, file->path);
    if (seen != NULL && cli_index_fresh(&m->w->index, seen, &file->stat)) {
      SO_TRY(cli_index_add(&m->fresh, file->path, &file->stat, &seen->tag));
    }
  }
  return has_old ? so_cursor_next(m->cursor) : so_done();
}

static so_status all_files(comparison *m, cli_scan *scan) {
  cli_scan_file file;
  so_status status = cli_scan_next(scan, &file);
  while (so_ok(status)) {
    SO_TRY(one_file(m, &file));
    status = cli_scan_next(scan, &file);
  }
  if (!so_is(status, SO_NOT_FOUND)) {
    return status;
  }
  while (!m->cursor->at_end) {
    SO_TRY(removed(m));
  }
  return so_done();
}

static int run(comparison *m) {
  const cli_scan_filter filter = {skip, m};
  cli_scan *scan;
  so_status status = cli_scan_open(m->w->root_fd, &filter, &scan);
  if (!so_ok(status)) {
    return cli_fail_status(status, m->w->root);
  }
  status = so_cursor_seek(m->cursor, &m->w->tree, m->root, so_bytes_of(NULL, 0));
  if (so_ok(status)) {
    status = all_files(m, scan);
    so_cursor_close(m->cursor);
  }
  cli_progress_end(&m->progress);
  const int code = so_ok(status) ? CLI_DONE : cli_fail_status(status, cli_scan_where(scan));
  const char *example;
  const size_t others = cli_scan_others(scan, &example);
  if (code == CLI_DONE && others != 0) {
    cli_note(m->w->c, "note: %zu sockets, pipes or devices cannot be kept, such as %s", others,
             example);
  }
  cli_scan_close(scan);
  return code;
}

// save_index replaces the working copy's index by the one just built. A cache that cannot be written
// costs time, not data.
static void save_index(comparison *m) {
  char path[CLI_PATH_LEN];
  cli_workcopy_file(m->w, "index", path);
  (void)cli_index_save(&m->fresh, path, m->w->c->heap).code;
  cli_index_release(&m->fresh);
  cli_index_release(&m->w->index);
  cli_index_load(&m->w->index, path);
}

int cli_changes_find(cli_workcopy *w, const so_oid *root, const char *const *paths,
                     size_t path_count, cli_changes_mode mode, cli_changes *out) {
  const cli_changes none = {.count = 0};
  comparison m = {.w = w, .root = root, .paths = paths, .path_count = path_count, .mode = mode,
                  .out = out};
  *out = none;
  so_arena_init(&out->arena, w->c->heap, ARENA_LEN_MAX);
  m.cursor = malloc(sizeof *m.cursor);
  if (m.cursor == NULL) {
    return cli_fail(CLI_REFUSED, "out of memory");
  }
  cli_index_init(&m.fresh, w->c->heap);
  cli_ignore_load(&m.ignore, w);
  cli_progress_begin(&m.progress, w->c, "Looking at files");
  const int code = run(&m);
  if (code == CLI_DONE) {
    save_index(&m);
  } else {
    cli_index_release(&m.fresh);
  }
  cli_ignore_release(&m.ignore);
  free(m.cursor);
  return code;
}
