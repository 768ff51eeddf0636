// The unified format, as POSIX `diff -u` has it.

#include "base/fmt.h"
#include "store/diff3/internal.h"

// put_lines writes lines with a mark before each, and says so when the last one lacks its LF.
static void put_lines(so_buf *out, const so_text *t, uint32_t start, uint32_t count, char mark) {
  for (uint32_t i = start; i < start + count; i++) {
    const so_bytes line = so_text_lines(t, i, 1);
    so_buf_append_u8(out, (uint8_t)mark);
    so_buf_append(out, line);
    if (line.ptr[line.len - 1] != '\n') {
      so_buf_append_str(out, "\n\\ No newline at end of file\n");
    }
  }
}

// put_range writes "start,count", counting from 1. A range without lines names the line before it.
static void put_range(so_buf *out, char sign, uint32_t start, uint32_t count) {
  so_buf_printf(out, "%c%u", sign, count == 0 ? start : start + 1);
  if (count != 1) {
    so_buf_printf(out, ",%u", count);
  }
}

static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

// put_group writes hunks [first, last] as one, with the context around and between them.
static void put_group(so_buf *out, const so_texts *t, const so_hunks *h, size_t first, size_t last,
                      uint32_t context) {
  const so_text *a = &t->items[0];
  const so_text *b = &t->items[1];
  const so_hunk *begin = &h->items[first];
  const so_hunk *end = &h->items[last];
  const uint32_t before = min_u32(context, begin->a_start);
  const uint32_t after = min_u32(context, a->count - (end->a_start + end->a_count));
  const uint32_t a_start = begin->a_start - before;
  const uint32_t b_start = begin->b_start - before;
  so_buf_append_str(out, "@@ ");
  put_range(out, '-', a_start, end->a_start + end->a_count + after - a_start);
  so_buf_append_str(out, " ");
  put_range(out, '+', b_start, end->b_start + end->b_count + after - b_start);
  so_buf_append_str(out, " @@\n");
  uint32_t at = a_start;
  for (size_t i = first; i <= last; i++) {
    const so_hunk *x = &h->items[i];
    put_lines(out, a, at, x->a_start - at, ' ');
    put_lines(out, a, x->a_start, x->a_count, '-');
    put_lines(out, b, x->b_start, x->b_count, '+');
    at = x->a_start + x->a_count;
  }
  put_lines(out, a, at, after, ' ');
}

static void put_all(so_buf *out, const so_texts *t, const so_hunks *h, uint32_t context) {
  size_t first = 0;
  while (first < h->count) {
    size_t last = first;
    while (last + 1 < h->count) {
      const so_hunk *x = &h->items[last];
      const uint32_t gap = h->items[last + 1].a_start - (x->a_start + x->a_count);
      if (gap > 2 * (uint64_t)context) {
        break;
      }
      last++;
    }
    put_group(out, t, h, first, last, context);
    first = last + 1;
  }
}

so_status so_text_unified(so_bytes a, so_bytes b, uint32_t context, const so_heap *heap,
                          so_buf *out) {
  const so_bytes both[2] = {a, b};
  so_texts texts;
  so_hunks hunks;
  SO_TRY(so_texts_open(both, 2, heap, &texts));
  const so_status s = so_texts_hunks(&texts, 0, 1, &hunks);
  if (so_ok(s)) {
    put_all(out, &texts, &hunks, context);
    so_hunks_release(&hunks);
  }
  so_texts_release(&texts);
  SO_TRY(s);
  so_bytes ignored;
  return so_buf_end(out, &ignored);
}
