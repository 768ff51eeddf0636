#include "base/writer.h"

#include "base/assert.h"
#include "base/mem.h"

static uint8_t *grow(so_writer *w, size_t n) {
  if (w->failed || n > w->cap - w->len) {
    w->failed = true;
    return NULL;
  }
  uint8_t *p = w->buf + w->len;
  w->len += n;
  return p;
}

static void put_be(uint8_t *p, uint64_t v, size_t n) {
  for (size_t i = 0; i < n; i++) {
    p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
  }
}

static void write_be(so_writer *w, uint64_t v, size_t n) {
  uint8_t *p = grow(w, n);
  if (p != NULL) {
    put_be(p, v, n);
  }
}

static void write_le(so_writer *w, uint64_t v, size_t n) {
  uint8_t *p = grow(w, n);
  for (size_t i = 0; p != NULL && i < n; i++) {
    p[i] = (uint8_t)(v >> (8 * i));
  }
}

void so_write_u8(so_writer *w, uint8_t v) { write_be(w, v, 1); }
void so_write_u16be(so_writer *w, uint16_t v) { write_be(w, v, 2); }
void so_write_u24be(so_writer *w, uint32_t v) { write_be(w, v, 3); }
void so_write_u32be(so_writer *w, uint32_t v) { write_be(w, v, 4); }
void so_write_u64be(so_writer *w, uint64_t v) { write_be(w, v, 8); }
void so_write_u16le(so_writer *w, uint16_t v) { write_le(w, v, 2); }
void so_write_u32le(so_writer *w, uint32_t v) { write_le(w, v, 4); }
void so_write_u64le(so_writer *w, uint64_t v) { write_le(w, v, 8); }

void so_write_bytes(so_writer *w, so_bytes v) {
  uint8_t *p = v.len != 0 ? grow(w, v.len) : NULL;
  if (p != NULL) {
    memcpy(p, v.ptr, v.len);
  }
}

void so_write_str(so_writer *w, const char *text) { so_write_bytes(w, so_str(text)); }

void so_write_zeros(so_writer *w, size_t n) {
  uint8_t *p = n != 0 ? grow(w, n) : NULL;
  if (p != NULL) {
    memset(p, 0, n);
  }
}

void so_write_varint(so_writer *w, uint64_t v) {
  while (v >= 0x80) {
    so_write_u8(w, (uint8_t)(v | 0x80));
    v >>= 7;
  }
  so_write_u8(w, (uint8_t)v);
}

void so_write_varbytes(so_writer *w, so_bytes v) {
  so_write_varint(w, v.len);
  so_write_bytes(w, v);
}

static size_t open_n(so_writer *w, size_t n) {
  const size_t mark = w->len;
  so_write_zeros(w, n);
  return mark;
}

static void close_n(so_writer *w, size_t mark, size_t n) {
  if (w->failed) {
    return;
  }
  SO_ASSERT(w->len >= mark + n);
  const size_t body = w->len - mark - n;
  if (body >> (8 * n) != 0) {
    w->failed = true;
    return;
  }
  put_be(w->buf + mark, body, n);
}

size_t so_open8(so_writer *w) { return open_n(w, 1); }
size_t so_open16(so_writer *w) { return open_n(w, 2); }
size_t so_open24(so_writer *w) { return open_n(w, 3); }
void so_close8(so_writer *w, size_t mark) { close_n(w, mark, 1); }
void so_close16(so_writer *w, size_t mark) { close_n(w, mark, 2); }
void so_close24(so_writer *w, size_t mark) { close_n(w, mark, 3); }

so_status so_writer_end(const so_writer *w, so_bytes *out) {
  if (w->failed) {
    return so_status_make(SO_LIMIT, 0);
  }
  *out = so_writer_bytes(w);
  return so_done();
}
