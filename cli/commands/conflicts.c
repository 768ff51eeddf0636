// What a merge left to settle: `.storectl/CONFLICTS`, one line each: "text PATH" (markers in the
// file) or "choice PATH" (values that cannot be shown side by side).

#include <stdio.h>
#include <unistd.h>

#include "cli/commands/shared.h"
#include "cli/workcopy/files.h"

#define LIST_LEN_MAX ((size_t)64 << 20)
#define FILE_LEN_MAX ((size_t)64 << 20)

int cli_conflicts_read(cli_workcopy *w, cli_conflicts *out) {
  char file[CLI_PATH_LEN];
  so_buf list;
  so_bytes text = {NULL, 0};
  out->paths = NULL;
  out->count = 0;
  so_arena_init(&out->arena, w->c->heap, 4 * LIST_LEN_MAX);
  so_buf_init(&list, w->c->heap, LIST_LEN_MAX);
  cli_workcopy_file(w, "CONFLICTS", file);
  so_status status = cli_file_read(file, &list);
  if (so_is(status, SO_NOT_FOUND)) {
    so_buf_release(&list);
    return CLI_DONE;
  }
  if (so_ok(status)) {
    status = so_arena_copy(&out->arena, so_buf_bytes(&list), &text);
  }
  so_buf_release(&list);
  size_t lines = 0;
  for (size_t i = 0; i < text.len; i++) {
    lines += text.ptr[i] == '\n';
  }
  out->paths = so_arena_alloc(&out->arena, lines * sizeof *out->paths);
  if (!so_ok(status) || out->paths == NULL) {
    return cli_fail(CLI_DAMAGED, "%s cannot be read; resolve the merge by hand and remove it", file);
  }
  while (text.len != 0) {
    const so_bytes line = so_bytes_first(text, so_bytes_find(text, '\n'));
    text = so_bytes_from(text, line.len + 1);
    if (out->count < lines) {
      out->paths[out->count++] = line;
    }
  }
  return CLI_DONE;
}

int cli_conflicts_write(cli_workcopy *w, const so_bytes *paths, size_t count) {
  char file[CLI_PATH_LEN];
  so_buf list;
  cli_workcopy_file(w, "CONFLICTS", file);
  if (count == 0) {
    unlink(file);
    return CLI_DONE;
  }
  so_buf_init(&list, w->c->heap, LIST_LEN_MAX);
  for (size_t i = 0; i < count; i++) {
    so_buf_append(&list, paths[i]);
    so_buf_append_u8(&list, '\n');
  }
  so_bytes text;
  so_status status = so_buf_end(&list, &text);
  if (so_ok(status)) {
    status = cli_file_replace(file, text);
  }
  so_buf_release(&list);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, file);
}

void cli_conflicts_release(cli_conflicts *conflicts) { so_arena_release(&conflicts->arena); }

static bool has_markers(so_bytes text) {
  while (text.len != 0) {
    const so_bytes line = so_bytes_first(text, so_bytes_find(text, '\n'));
    if (so_bytes_has_prefix(line, so_str("<<<<<<<")) ||
        so_bytes_has_prefix(line, so_str(">>>>>>>"))) {
      return true;
    }
    text = so_bytes_from(text, line.len + 1);
  }
  return false;
}

bool cli_conflict_settled(cli_workcopy *w, so_bytes line) {
  if (!so_bytes_has_prefix(line, so_str("text "))) {
    return false;
  }
  char file[2 * CLI_PATH_LEN];
  const so_bytes path = so_bytes_from(line, 5);
  snprintf(file, sizeof file, "%s/%.*s", w->root, (int)path.len, (const char *)path.ptr);
  so_buf text;
  so_buf_init(&text, w->c->heap, FILE_LEN_MAX);
  const so_status status = cli_file_read(file, &text);
  const bool settled = so_is(status, SO_NOT_FOUND) ||
                       (so_ok(status) && !has_markers(so_buf_bytes(&text)));
  so_buf_release(&text);
  return settled;
}
