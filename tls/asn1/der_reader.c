#include "base/mem.h"
#include "base/time.h"
#include "tls/asn1/asn1.h"

// Poisons the cursor, as a failed read of so_reader does.
static bool fail(so_der *d) {
  d->in.failed = true;
  d->in.len = 0;
  return false;
}

so_der so_der_of(so_bytes in) {
  const so_der d = {so_reader_of(in), 0};
  return d;
}

bool so_der_done(const so_der *d) { return so_reader_done(&d->in); }

bool so_der_more(const so_der *d) { return !d->in.failed && d->in.len > 0; }

bool so_der_peek(const so_der *d, uint8_t tag) { return so_der_more(d) && d->in.ptr[0] == tag; }

// read_len reads a definite length in its shortest form (X.690 10.1).
static bool read_len(so_reader *r, size_t *out) {
  uint8_t first;
  if (!so_read_u8(r, &first)) {
    return false;
  }
  if (first < 0x80) {
    *out = first;
    return true;
  }
  // 0x80 is the indefinite form.
  const unsigned count = first & 0x7f;
  if (count == 0 || count > 3) {
    return false;
  }
  size_t len = 0;
  for (unsigned i = 0; i < count; i++) {
    uint8_t b;
    if (!so_read_u8(r, &b)) {
      return false;
    }
    len = len << 8 | b;
  }
  const size_t least = count == 1 ? 0x80 : (size_t)1 << (8 * (count - 1));
  if (len < least) {
    return false;
  }
  *out = len;
  return true;
}

bool so_der_any(so_der *d, uint8_t *tag, so_bytes *content, so_bytes *whole) {
  const so_bytes start = so_reader_rest(&d->in);
  uint8_t t;
  size_t len;
  so_bytes body;
  // Tags of several bytes, and 0, which would end an indefinite length, do not occur in our formats.
  if (!so_read_u8(&d->in, &t) || (t & 0x1f) == 0x1f || t == 0 || !read_len(&d->in, &len) ||
      !so_read_bytes(&d->in, len, &body)) {
    return fail(d);
  }
  *tag = t;
  *content = body;
  *whole = so_bytes_first(start, start.len - d->in.len);
  return true;
}

bool so_der_read(so_der *d, uint8_t tag, so_bytes *content) {
  uint8_t got;
  so_bytes body, whole;
  if (!so_der_peek(d, tag) || !so_der_any(d, &got, &body, &whole)) {
    return fail(d);
  }
  *content = body;
  return true;
}

bool so_der_enter(so_der *d, uint8_t tag, so_der *sub) {
  so_bytes body;
  if (d->depth >= SO_DER_DEPTH_MAX || !so_der_read(d, tag, &body)) {
    return fail(d);
  }
  const uint8_t depth = (uint8_t)(d->depth + 1);
  *sub = so_der_of(body);
  sub->depth = depth;
  return true;
}

bool so_der_enter_optional(so_der *d, uint8_t tag, so_der *sub, bool *present) {
  if (d->in.failed) {
    return false;
  }
  const bool there = so_der_peek(d, tag);
  if (there && !so_der_enter(d, tag, sub)) {
    return false;
  }
  *present = there;
  return true;
}

bool so_der_boolean(so_der *d, bool *out) {
  so_bytes v;
  if (!so_der_read(d, SO_DER_BOOLEAN, &v) || v.len != 1 || (v.ptr[0] != 0 && v.ptr[0] != 0xff)) {
    return fail(d);
  }
  *out = v.ptr[0] != 0;
  return true;
}

bool so_der_integer(so_der *d, so_bytes *out) {
  so_bytes v;
  if (!so_der_read(d, SO_DER_INTEGER, &v) || v.len == 0) {
    return fail(d);
  }
  // X.690 8.3.2: the first nine bits are not all equal.
  const bool padded = v.len > 1 && ((v.ptr[0] == 0x00 && v.ptr[1] < 0x80) ||
                                    (v.ptr[0] == 0xff && v.ptr[1] >= 0x80));
  if (padded) {
    return fail(d);
  }
  *out = v;
  return true;
}

bool so_der_unsigned(so_der *d, uint8_t *out, size_t out_len) {
  so_bytes v;
  if (!so_der_integer(d, &v) || v.ptr[0] >= 0x80) {
    return fail(d);
  }
  if (v.ptr[0] == 0) {
    v = so_bytes_from(v, 1);
  }
  if (v.len > out_len) {
    return fail(d);
  }
  memset(out, 0, out_len);
  if (v.len > 0) {
    memcpy(out + out_len - v.len, v.ptr, v.len);
  }
  return true;
}

bool so_der_u32(so_der *d, uint32_t *out) {
  uint8_t b[4];
  if (!so_der_unsigned(d, b, sizeof b)) {
    return false;
  }
  *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
  return true;
}

bool so_der_oid(so_der *d, so_bytes *out) {
  so_bytes v;
  if (!so_der_read(d, SO_DER_OID, &v) || v.len == 0 || v.ptr[v.len - 1] >= 0x80) {
    return fail(d);
  }
  // X.690 8.19.2: a subidentifier does not begin with 0x80.
  bool first = true;
  for (size_t i = 0; i < v.len; i++) {
    if (first && v.ptr[i] == 0x80) {
      return fail(d);
    }
    first = v.ptr[i] < 0x80;
  }
  *out = v;
  return true;
}

bool so_der_bit_string(so_der *d, so_bytes *out, uint8_t *unused_bits) {
  so_bytes v;
  if (!so_der_read(d, SO_DER_BIT_STRING, &v) || v.len == 0 || v.ptr[0] > 7) {
    return fail(d);
  }
  const uint8_t unused = v.ptr[0];
  const uint8_t unused_mask = (uint8_t)((1u << unused) - 1);
  if (unused != 0 && (v.len == 1 || (v.ptr[v.len - 1] & unused_mask) != 0)) {
    return fail(d);
  }
  *out = so_bytes_from(v, 1);
  *unused_bits = unused;
  return true;
}

bool so_der_octets(so_der *d, so_bytes *out) { return so_der_read(d, SO_DER_OCTET_STRING, out); }

bool so_der_null(so_der *d) {
  so_bytes v;
  return (so_der_read(d, SO_DER_NULL, &v) && v.len == 0) || fail(d);
}

// read_digits turns `count` decimal digits into a number.
static bool read_digits(so_reader *r, unsigned count, uint32_t *out) {
  uint32_t v = 0;
  for (unsigned i = 0; i < count; i++) {
    uint8_t c;
    if (!so_read_u8(r, &c) || c < '0' || c > '9') {
      return false;
    }
    v = v * 10 + (uint32_t)(c - '0');
  }
  *out = v;
  return true;
}

// read_civil reads MMDDHHMMSSZ up to the end.
static bool read_civil(so_reader *r, so_civil *c) {
  uint32_t month, day, hour, minute, second;
  uint8_t zone;
  if (!read_digits(r, 2, &month) || !read_digits(r, 2, &day) || !read_digits(r, 2, &hour) ||
      !read_digits(r, 2, &minute) || !read_digits(r, 2, &second) || !so_read_u8(r, &zone)) {
    return false;
  }
  c->month = (uint8_t)month;
  c->day = (uint8_t)day;
  c->hour = (uint8_t)hour;
  c->minute = (uint8_t)minute;
  c->second = (uint8_t)second;
  return zone == 'Z' && so_reader_done(r);
}

bool so_der_time(so_der *d, int64_t *out_unix_s) {
  const bool utc = so_der_peek(d, SO_DER_UTC_TIME);
  so_bytes v;
  if (!so_der_read(d, utc ? SO_DER_UTC_TIME : SO_DER_GENERALIZED_TIME, &v)) {
    return false;
  }
  so_reader r = so_reader_of(v);
  uint32_t year;
  so_civil c = {0};
  if (!read_digits(&r, utc ? 2 : 4, &year) || !read_civil(&r, &c)) {
    return fail(d);
  }
  if (utc) {
    year += year < 50 ? 2000 : 1900;
  } else if (year >= 1950 && year < 2050) {
    return fail(d);
  }
  c.year = (int32_t)year;
  int64_t unix_s;
  if (!so_ok(so_civil_to_unix_s(&c, &unix_s))) {
    return fail(d);
  }
  *out_unix_s = unix_s;
  return true;
}
