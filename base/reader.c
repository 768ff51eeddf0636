#include "base/reader.h"

#include "base/mem.h"

// take is the only place that compares a length with what is left.
static bool take(so_reader *r, size_t n, const uint8_t **out) {
  if (r->failed || n > r->len) {
    r->failed = true;
    r->len = 0;
    return false;
  }
  *out = r->ptr;
  if (n != 0) {  // NULL + 0 is undefined in C17.
    r->ptr += n;
    r->len -= n;
  }
  return true;
}

// number reads `n` bytes, the most significant first.
static bool number_be(so_reader *r, size_t n, uint64_t *out) {
  const uint8_t *p;
  if (!take(r, n, &p)) {
    return false;
  }
  uint64_t v = 0;
  for (size_t i = 0; i < n; i++) {
    v = v << 8 | p[i];
  }
  *out = v;
  return true;
}

static bool number_le(so_reader *r, size_t n, uint64_t *out) {
  const uint8_t *p;
  if (!take(r, n, &p)) {
    return false;
  }
  uint64_t v = 0;
  for (size_t i = n; i > 0; i--) {
    v = v << 8 | p[i - 1];
  }
  *out = v;
  return true;
}

bool so_read_u8(so_reader *r, uint8_t *out) {
  uint64_t v;
  if (!number_be(r, 1, &v)) {
    return false;
  }
  *out = (uint8_t)v;
  return true;
}

bool so_read_u16be(so_reader *r, uint16_t *out) {
  uint64_t v;
  if (!number_be(r, 2, &v)) {
    return false;
  }
  *out = (uint16_t)v;
  return true;
}

bool so_read_u24be(so_reader *r, uint32_t *out) {
  uint64_t v;
  if (!number_be(r, 3, &v)) {
    return false;
  }
  *out = (uint32_t)v;
  return true;
}

bool so_read_u32be(so_reader *r, uint32_t *out) {
  uint64_t v;
  if (!number_be(r, 4, &v)) {
    return false;
  }
  *out = (uint32_t)v;
  return true;
}

bool so_read_u64be(so_reader *r, uint64_t *out) { return number_be(r, 8, out); }

bool so_read_u16le(so_reader *r, uint16_t *out) {
  uint64_t v;
  if (!number_le(r, 2, &v)) {
    return false;
  }
  *out = (uint16_t)v;
  return true;
}

bool so_read_u32le(so_reader *r, uint32_t *out) {
  uint64_t v;
  if (!number_le(r, 4, &v)) {
    return false;
  }
  *out = (uint32_t)v;
  return true;
}

bool so_read_u64le(so_reader *r, uint64_t *out) { return number_le(r, 8, out); }

bool so_read_bytes(so_reader *r, size_t n, so_bytes *out) {
  const uint8_t *p;
  if (!take(r, n, &p)) {
    return false;
  }
  *out = so_bytes_of(p, n);
  return true;
}

bool so_read_copy(so_reader *r, uint8_t *out, size_t n) {
  const uint8_t *p;
  if (!take(r, n, &p)) {
    return false;
  }
  if (n != 0) {
    memcpy(out, p, n);
  }
  return true;
}

bool so_skip(so_reader *r, size_t n) {
  const uint8_t *p;
  return take(r, n, &p);
}

static bool fail(so_reader *r) {
  r->failed = true;
  r->len = 0;
  return false;
}

bool so_read_varint(so_reader *r, uint64_t *out) {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t b;
    if (!so_read_u8(r, &b)) {
      return false;
    }
    const bool overflows = shift == 63 && b > 1;
    const bool padded = shift != 0 && b == 0;
    if (overflows || padded) {
      return fail(r);
    }
    v |= (uint64_t)(b & 0x7f) << shift;
    if ((b & 0x80) == 0) {
      *out = v;
      return true;
    }
  }
  return fail(r);
}

bool so_read_varbytes(so_reader *r, so_bytes *out) {
  uint64_t n;
  if (!so_read_varint(r, &n)) {
    return false;
  }
  return n <= SIZE_MAX ? so_read_bytes(r, (size_t)n, out) : fail(r);
}

static bool sub(so_reader *r, size_t length_bytes, so_reader *out) {
  uint64_t n;
  so_bytes body;
  if (!number_be(r, length_bytes, &n) || !so_read_bytes(r, (size_t)n, &body)) {
    return false;
  }
  *out = so_reader_of(body);
  return true;
}

bool so_read_sub8(so_reader *r, so_reader *out) { return sub(r, 1, out); }
bool so_read_sub16(so_reader *r, so_reader *out) { return sub(r, 2, out); }
bool so_read_sub24(so_reader *r, so_reader *out) { return sub(r, 3, out); }
