#include "base/assert.h"
#include "base/heap.h"
#include "base/mem.h"
#include "base/writer.h"

#define CAP_MIN 256u

void so_buf_init(so_buf *buf, const so_heap *heap, size_t limit) {
  const so_buf empty = {heap, NULL, 0, 0, limit, false};
  *buf = empty;
}

void so_buf_release(so_buf *buf) {
  so_heap_free(buf->heap, buf->ptr, buf->cap);
  so_buf_init(buf, buf->heap, buf->limit);
}

void so_buf_clear(so_buf *buf) {
  buf->len = 0;
  buf->failed = false;
}

static bool set_cap(so_buf *buf, size_t cap) {
  void *ptr = buf->heap->resize(buf->heap->ctx, buf->ptr, buf->cap, cap);
  if (ptr == NULL) {
    return false;
  }
  buf->ptr = ptr;
  buf->cap = cap;
  return true;
}

uint8_t *so_buf_reserve(so_buf *buf, size_t n) {
  if (buf->failed || n > buf->limit - buf->len) {
    buf->failed = true;
    return NULL;
  }
  if (n > buf->cap - buf->len || buf->ptr == NULL) {
    size_t cap = buf->cap < CAP_MIN ? CAP_MIN : buf->cap;
    while (cap < buf->len + n) {
      cap = cap > buf->limit / 2 ? buf->limit : cap * 2;
    }
    if (!set_cap(buf, cap)) {
      buf->failed = true;
      return NULL;
    }
  }
  return buf->ptr + buf->len;
}

void so_buf_commit(so_buf *buf, size_t n) {
  SO_ASSERT(!buf->failed && n <= buf->cap - buf->len);
  buf->len += n;
}

void so_buf_append(so_buf *buf, so_bytes bytes) {
  if (bytes.len == 0) {
    return;
  }
  uint8_t *p = so_buf_reserve(buf, bytes.len);
  if (p != NULL) {
    memcpy(p, bytes.ptr, bytes.len);
    so_buf_commit(buf, bytes.len);
  }
}

void so_buf_append_str(so_buf *buf, const char *text) { so_buf_append(buf, so_str(text)); }

void so_buf_append_u8(so_buf *buf, uint8_t v) { so_buf_append(buf, so_bytes_of(&v, 1)); }

void so_buf_append_varint(so_buf *buf, uint64_t v) {
  uint8_t bytes[SO_VARINT_LEN_MAX];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_write_varint(&w, v);
  so_buf_append(buf, so_writer_bytes(&w));
}

void so_buf_drop(so_buf *buf, size_t n) {
  SO_ASSERT(n <= buf->len);
  if (n != 0) {
    memmove(buf->ptr, buf->ptr + n, buf->len - n);
    buf->len -= n;
  }
}

so_bytes so_buf_bytes(const so_buf *buf) { return so_bytes_of(buf->ptr, buf->len); }

so_status so_buf_end(const so_buf *buf, so_bytes *out) {
  if (buf->failed) {
    return so_status_make(SO_LIMIT, 0);
  }
  *out = so_buf_bytes(buf);
  return so_done();
}
