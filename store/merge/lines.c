#include "store/merge/internal.h"

static bool ends_line(so_bytes text) { return text.len == 0 || text.ptr[text.len - 1] == '\n'; }

static so_bytes first_line(so_bytes text) {
  return so_bytes_first(text, so_bytes_find(text, '\n') + 1);
}

bool so_merge_log_lines(so_bytes base, so_bytes ours, so_bytes theirs, so_buf *out) {
  if (!so_bytes_has_prefix(ours, base) || !so_bytes_has_prefix(theirs, base) || !ends_line(base) ||
      !ends_line(ours) || !ends_line(theirs)) {
    return false;
  }
  so_bytes x = so_bytes_from(ours, base.len);
  so_bytes y = so_bytes_from(theirs, base.len);
  so_buf_append(out, base);
  while (x.len != 0 || y.len != 0) {
    const so_bytes a = first_line(x);
    const so_bytes b = first_line(y);
    const int c = a.len == 0 ? 1 : b.len == 0 ? -1 : so_bytes_compare(a, b);
    so_buf_append(out, c <= 0 ? a : b);
    x = so_bytes_from(x, c <= 0 ? a.len : 0);
    y = so_bytes_from(y, c >= 0 ? b.len : 0);
  }
  return true;
}
