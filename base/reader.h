#ifndef SO_BASE_READER_H_
#define SO_BASE_READER_H_

// Bounds-checked cursor over bytes that somebody else owns.
//
// Invariants:
//   - `ptr[0..len)` is readable, or `len` is 0.
//   - Once a read fails the reader is poisoned: `failed` stays set, `len` is 0, every later read
//     fails. A missed check cannot turn into a later success.
//   - A failed read does not write its out parameters.
// Ownership: borrows. The bytes must outlive the reader and every view from it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_reader {
  const uint8_t *ptr;
  size_t len;  // Bytes left.
  bool failed;
} so_reader;

static inline so_reader so_reader_of(so_bytes in) {
  const so_reader r = {in.ptr, in.len, false};
  return r;
}

// so_reader_done is true when every byte was consumed and no read failed.
// Every parser of untrusted input ends with it: trailing bytes are MALFORMED.
SO_MUST_USE static inline bool so_reader_done(const so_reader *r) {
  return !r->failed && r->len == 0;
}

// so_reader_rest views the bytes not yet read, without consuming them.
static inline so_bytes so_reader_rest(const so_reader *r) { return so_bytes_of(r->ptr, r->len); }

SO_MUST_USE bool so_read_u8(so_reader *r, uint8_t *out);
SO_MUST_USE bool so_read_u16be(so_reader *r, uint16_t *out);
SO_MUST_USE bool so_read_u24be(so_reader *r, uint32_t *out);
SO_MUST_USE bool so_read_u32be(so_reader *r, uint32_t *out);
SO_MUST_USE bool so_read_u64be(so_reader *r, uint64_t *out);
SO_MUST_USE bool so_read_u16le(so_reader *r, uint16_t *out);
SO_MUST_USE bool so_read_u32le(so_reader *r, uint32_t *out);
SO_MUST_USE bool so_read_u64le(so_reader *r, uint64_t *out);
SO_MUST_USE bool so_read_bytes(so_reader *r, size_t n, so_bytes *out);
SO_MUST_USE bool so_read_copy(so_reader *r, uint8_t *out, size_t n);
SO_MUST_USE bool so_skip(so_reader *r, size_t n);

// so_read_varint reads an unsigned LEB128 number of at most 64 bits. Only the shortest form is
// accepted, so that each value has one encoding.
SO_MUST_USE bool so_read_varint(so_reader *r, uint64_t *out);

// so_read_varbytes reads a varint length L, then views the next L bytes.
SO_MUST_USE bool so_read_varbytes(so_reader *r, so_bytes *out);

// so_read_sub8/16/24 read a big-endian length L of 1, 2 or 3 bytes, then set `*sub` to the next L
// bytes and move `r` past them. `*sub` cannot read outside its L bytes.
SO_MUST_USE bool so_read_sub8(so_reader *r, so_reader *sub);
SO_MUST_USE bool so_read_sub16(so_reader *r, so_reader *sub);
SO_MUST_USE bool so_read_sub24(so_reader *r, so_reader *sub);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_READER_H_
