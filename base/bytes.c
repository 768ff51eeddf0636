#include "base/bytes.h"

#include "base/mem.h"

so_bytes so_str_measured(const char *text) {
  size_t len = 0;
  while (text != NULL && text[len] != '\0') {
    len++;
  }
  return so_bytes_of(text, len);
}

bool so_bytes_equal(so_bytes a, so_bytes b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int so_bytes_compare(so_bytes a, so_bytes b) {
  const size_t common = a.len < b.len ? a.len : b.len;
  const int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
  if (order != 0 || a.len == b.len) {
    return order;
  }
  return a.len < b.len ? -1 : 1;
}

bool so_bytes_has_prefix(so_bytes b, so_bytes prefix) {
  return so_bytes_equal(so_bytes_first(b, prefix.len), prefix);
}

bool so_bytes_has_suffix(so_bytes b, so_bytes suffix) {
  return b.len >= suffix.len && so_bytes_equal(so_bytes_from(b, b.len - suffix.len), suffix);
}

size_t so_bytes_find(so_bytes b, uint8_t c) {
  size_t i = 0;
  while (i < b.len && b.ptr[i] != c) {
    i++;
  }
  return i;
}

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c; }

bool so_bytes_equal_nocase(so_bytes a, so_bytes b) {
  if (a.len != b.len) {
    return false;
  }
  for (size_t i = 0; i < a.len; i++) {
    if (lower(a.ptr[i]) != lower(b.ptr[i])) {
      return false;
    }
  }
  return true;
}
