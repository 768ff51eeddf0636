// `.storeignore`: one pattern a line; '*' and '?' stop at '/', '**' does not; a pattern without '/'
// (but at its end) is matched against the last segment; a '/' at its end means directories only; '!'
// takes back; '#' begins a comment. The last line that matches decides.

#include <stdio.h>

#include "cli/workcopy/changes.h"
#include "cli/workcopy/files.h"
#include "store/merge/merge.h"

#define IGNORE_LEN_MAX ((size_t)1 << 20)

void cli_ignore_load(cli_ignore *ignore, const cli_workcopy *w) {
  char path[CLI_PATH_LEN];
  so_buf_init(&ignore->text, w->c->heap, IGNORE_LEN_MAX);
  snprintf(path, sizeof path, "%s/.storeignore", w->root);
  if (!so_ok(cli_file_read(path, &ignore->text))) {
    so_buf_clear(&ignore->text);
  }
}

void cli_ignore_release(cli_ignore *ignore) { so_buf_release(&ignore->text); }

static so_bytes last_segment(so_bytes path) {
  size_t start = 0;
  for (size_t i = 0; i < path.len; i++) {
    start = path.ptr[i] == '/' ? i + 1 : start;
  }
  return so_bytes_from(path, start);
}

static bool line_matches(so_bytes pattern, so_bytes path, bool is_dir) {
  if (pattern.len != 0 && pattern.ptr[pattern.len - 1] == '/') {
    if (!is_dir) {
      return false;
    }
    pattern = so_bytes_first(pattern, pattern.len - 1);
  }
  if (pattern.len != 0 && pattern.ptr[0] == '/') {
    return so_glob_match(so_bytes_from(pattern, 1), path);
  }
  const bool anywhere = so_bytes_find(pattern, '/') == pattern.len;
  return so_glob_match(pattern, anywhere ? last_segment(path) : path);
}

bool cli_ignore_matches(const cli_ignore *ignore, so_bytes path, bool is_dir) {
  bool ignored = false;
  so_bytes rest = so_buf_bytes(&ignore->text);
  while (rest.len != 0) {
    so_bytes line = so_bytes_first(rest, so_bytes_find(rest, '\n'));
    rest = so_bytes_from(rest, line.len + 1);
    if (line.len != 0 && line.ptr[line.len - 1] == '\r') {
      line = so_bytes_first(line, line.len - 1);
    }
    if (line.len == 0 || line.ptr[0] == '#') {
      continue;
    }
    const bool takes_back = line.ptr[0] == '!';
    if (line_matches(takes_back ? so_bytes_from(line, 1) : line, path, is_dir)) {
      ignored = !takes_back;
    }
  }
  return ignored;
}
