#include "base/mem.h"
#include "base/time.h"
#include "tls/asn1/asn1.h"

// Length bytes after the first one that a content of `len` bytes needs.
static size_t long_form_len(size_t len) {
  return len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
}

static void put_len(so_writer *w, size_t len) {
  const size_t more = long_form_len(len);
  if (more == 0) {
    so_write_u8(w, (uint8_t)len);
    return;
  }
  so_write_u8(w, (uint8_t)(0x80 | more));
  for (size_t i = more; i > 0; i--) {
    so_write_u8(w, (uint8_t)(len >> (8 * (i - 1))));
  }
}

size_t so_der_open(so_writer *w, uint8_t tag) {
  so_write_u8(w, tag);
  so_write_u8(w, 0);
  return w->len;
}

void so_der_close(so_writer *w, size_t mark) {
  if (w->failed) {
    return;
  }
  const size_t len = w->len - mark;
  const size_t more = long_form_len(len);
  if (len > SO_DER_LEN_MAX || w->cap - w->len < more) {
    w->failed = true;
    return;
  }
  if (more > 0) {
    memmove(w->buf + mark + more, w->buf + mark, len);
  }
  so_writer head = so_writer_of(w->buf + mark - 1, 1 + more);
  put_len(&head, len);
  w->len += more;
}

void so_der_write(so_writer *w, uint8_t tag, so_bytes content) {
  if (content.len > SO_DER_LEN_MAX) {
    w->failed = true;
    return;
  }
  so_write_u8(w, tag);
  put_len(w, content.len);
  so_write_bytes(w, content);
}

void so_der_write_boolean(so_writer *w, bool v) {
  const uint8_t b = v ? 0xff : 0;
  so_der_write(w, SO_DER_BOOLEAN, so_bytes_of(&b, 1));
}

void so_der_write_unsigned(so_writer *w, so_bytes magnitude) {
  while (magnitude.len > 0 && magnitude.ptr[0] == 0) {
    magnitude = so_bytes_from(magnitude, 1);
  }
  const bool sign_byte = magnitude.len == 0 || magnitude.ptr[0] >= 0x80;
  const size_t mark = so_der_open(w, SO_DER_INTEGER);
  so_write_zeros(w, sign_byte ? 1 : 0);
  so_write_bytes(w, magnitude);
  so_der_close(w, mark);
}

void so_der_write_u32(so_writer *w, uint32_t v) {
  const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
  so_der_write_unsigned(w, so_bytes_of(b, sizeof b));
}

void so_der_write_bit_string(so_writer *w, so_bytes v) {
  const size_t mark = so_der_open(w, SO_DER_BIT_STRING);
  so_write_u8(w, 0);
  so_write_bytes(w, v);
  so_der_close(w, mark);
}

void so_der_write_bits(so_writer *w, uint16_t bits) {
  // X.690 11.2.2: trailing zero bits of a named bit list are not encoded.
  uint8_t count = 16;
  while (count > 0 && (bits >> (count - 1) & 1) == 0) {
    count--;
  }
  uint8_t out[2] = {0, 0};
  for (unsigned i = 0; i < count; i++) {
    out[i / 8] = (uint8_t)(out[i / 8] | (bits >> i & 1) << (7 - i % 8));
  }
  const size_t len = (count + 7u) / 8;
  const size_t mark = so_der_open(w, SO_DER_BIT_STRING);
  so_write_u8(w, (uint8_t)(len * 8 - count));
  so_write_bytes(w, so_bytes_of(out, len));
  so_der_close(w, mark);
}

static void put_digits(so_writer *w, unsigned count, uint32_t v) {
  uint32_t unit = 1;
  for (unsigned i = 1; i < count; i++) {
    unit *= 10;
  }
  for (; unit > 0; unit /= 10) {
    so_write_u8(w, (uint8_t)('0' + v / unit % 10));
  }
}

void so_der_write_time(so_writer *w, int64_t unix_s) {
  // 0000-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
  if (unix_s < INT64_C(-62167219200) || unix_s > INT64_C(253402300799)) {
    w->failed = true;
    return;
  }
  const so_civil c = so_civil_of(unix_s);
  const bool utc = c.year >= 1950 && c.year < 2050;
  const size_t mark = so_der_open(w, utc ? SO_DER_UTC_TIME : SO_DER_GENERALIZED_TIME);
  put_digits(w, utc ? 2 : 4, (uint32_t)c.year);
  put_digits(w, 2, c.month);
  put_digits(w, 2, c.day);
  put_digits(w, 2, c.hour);
  put_digits(w, 2, c.minute);
  put_digits(w, 2, c.second);
  so_write_u8(w, 'Z');
  so_der_close(w, mark);
}
