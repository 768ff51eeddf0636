#ifndef SO_BASE_WRITER_H_
#define SO_BASE_WRITER_H_

// Fixed-capacity byte builder into a caller's buffer. Never allocates.
//
// Writes return void: running out of room poisons the writer, later writes do nothing, and
// so_writer_end reports LIMIT once. Writers see trusted values, so no caller has to branch in the
// middle of a message.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_writer {
  uint8_t *buf;
  size_t cap;
  size_t len;  // Bytes written; `len <= cap` always.
  bool failed;
} so_writer;

// The most bytes that so_write_varint emits.
#define SO_VARINT_LEN_MAX 10

static inline so_writer so_writer_of(uint8_t *buf, size_t cap) {
  const so_writer w = {buf, cap, 0, false};
  return w;
}

void so_write_u8(so_writer *w, uint8_t v);
void so_write_u16be(so_writer *w, uint16_t v);
void so_write_u24be(so_writer *w, uint32_t v);
void so_write_u32be(so_writer *w, uint32_t v);
void so_write_u64be(so_writer *w, uint64_t v);
void so_write_u16le(so_writer *w, uint16_t v);
void so_write_u32le(so_writer *w, uint32_t v);
void so_write_u64le(so_writer *w, uint64_t v);
void so_write_bytes(so_writer *w, so_bytes v);
void so_write_str(so_writer *w, const char *text);
void so_write_zeros(so_writer *w, size_t n);

// so_write_varint writes the shortest unsigned LEB128 form.
void so_write_varint(so_writer *w, uint64_t v);

// so_write_varbytes writes a varint length and the bytes.
void so_write_varbytes(so_writer *w, so_bytes v);

// so_open8/16/24 reserve a big-endian length and return its offset; the so_close of the same size
// fills it with the number of bytes written since. Pairs nest. A body too long for its length
// poisons the writer.
size_t so_open8(so_writer *w);
size_t so_open16(so_writer *w);
size_t so_open24(so_writer *w);
void so_close8(so_writer *w, size_t mark);
void so_close16(so_writer *w, size_t mark);
void so_close24(so_writer *w, size_t mark);

// so_writer_bytes views what was written so far.
static inline so_bytes so_writer_bytes(const so_writer *w) { return so_bytes_of(w->buf, w->len); }

// so_writer_end sets `*out` to the message, which borrows the buffer. LIMIT when it did not fit.
SO_MUST_USE so_status so_writer_end(const so_writer *w, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_WRITER_H_
