#include "base/hex.h"

// Everything below is arithmetic on the character, without a table indexed by it: private keys
// pass through here.

// within is all ones when low <= c <= high, else zero.
static uint32_t within(uint32_t c, uint32_t low, uint32_t high) {
  return ~((c - low) | (high - c)) >> 31 == 1 ? UINT32_MAX : 0;
}

static uint8_t to_char(uint32_t v, so_base64_form form) {
  const uint32_t c62 = form == SO_BASE64 ? '+' : '-';
  const uint32_t c63 = form == SO_BASE64 ? '/' : '_';
  const uint32_t c = (within(v, 0, 25) & (v + 'A')) | (within(v, 26, 51) & (v - 26 + 'a')) |
                     (within(v, 52, 61) & (v - 52 + '0')) | (within(v, 62, 62) & c62) |
                     (within(v, 63, 63) & c63);
  return (uint8_t)c;
}

// from_char gives the value of a character plus one, or 0 for one outside the alphabet.
static uint32_t from_char(uint32_t c, so_base64_form form) {
  const uint32_t c62 = form == SO_BASE64 ? '+' : '-';
  const uint32_t c63 = form == SO_BASE64 ? '/' : '_';
  return (within(c, 'A', 'Z') & (c - 'A' + 1)) | (within(c, 'a', 'z') & (c - 'a' + 27)) |
         (within(c, '0', '9') & (c - '0' + 53)) | (within(c, c62, c62) & 63) |
         (within(c, c63, c63) & 64);
}

void so_base64_write(so_writer *w, so_base64_form form, so_bytes bytes) {
  for (size_t i = 0; i < bytes.len; i += 3) {
    const size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
    uint32_t group = (uint32_t)bytes.ptr[i] << 16;
    group |= n > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0;
    group |= n > 2 ? (uint32_t)bytes.ptr[i + 2] : 0;
    for (size_t k = 0; k <= n; k++) {
      so_write_u8(w, to_char(group >> (18 - 6 * k) & 63, form));
    }
    for (size_t k = n; form == SO_BASE64 && k < 3; k++) {
      so_write_u8(w, '=');
    }
  }
}

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// read_group decodes 2 to 4 characters into 1 to 3 bytes.
static so_status read_group(so_base64_form form, const uint8_t *text, size_t count, so_writer *w) {
  uint32_t group = 0;
  for (size_t k = 0; k < count; k++) {
    const uint32_t v = from_char(text[k], form);
    if (v == 0) {
      return malformed();
    }
    group |= (v - 1) << (18 - 6 * k);
  }
  const size_t n = count - 1;
  const uint32_t unused = n == 1 ? 0xffff : n == 2 ? 0xff : 0;
  if ((group & unused) != 0) {
    return malformed();
  }
  for (size_t k = 0; k < n; k++) {
    so_write_u8(w, (uint8_t)(group >> (16 - 8 * k)));
  }
  return so_done();
}

so_status so_base64_read(so_base64_form form, so_bytes text, so_writer *w) {
  size_t len = text.len;
  if (form == SO_BASE64) {
    if (len % 4 != 0) {
      return malformed();
    }
    for (int pads = 0; pads < 2 && len > 0 && text.ptr[len - 1] == '='; pads++) {
      len--;
    }
  }
  if (len % 4 == 1) {
    return malformed();
  }
  for (size_t i = 0; i < len; i += 4) {
    SO_TRY(read_group(form, text.ptr + i, len - i < 4 ? len - i : 4, w));
  }
  so_bytes written;
  return so_writer_end(w, &written);
}
