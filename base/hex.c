#include "base/hex.h"

void so_hex_write(so_writer *w, so_bytes bytes) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < bytes.len; i++) {
    so_write_u8(w, (uint8_t)digits[bytes.ptr[i] >> 4]);
    so_write_u8(w, (uint8_t)digits[bytes.ptr[i] & 15]);
  }
}

static int digit_value(uint8_t c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const uint8_t folded = (uint8_t)(c | 0x20);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

so_status so_hex_read(so_bytes text, uint8_t *out, size_t out_len) {
  if (text.len % 2 != 0 || text.len / 2 != out_len) {
    return so_status_make(SO_MALFORMED, 0);
  }
  for (size_t i = 0; i < out_len; i++) {
    const int high = digit_value(text.ptr[2 * i]);
    const int low = digit_value(text.ptr[2 * i + 1]);
    if (high < 0 || low < 0) {
      return so_status_make(SO_MALFORMED, 0);
    }
    out[i] = (uint8_t)(high << 4 | low);
  }
  return so_done();
}
