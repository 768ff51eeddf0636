#include "kernel/virtio/find/find.h"

#include <stdbool.h>

#define REGISTERS_LEN 0x200u
#define ALIGN 0x200u

// take_number takes a number off the front of `in`; false: there is none, or it is too large.
static bool take_number(so_bytes *in, uint64_t *out) {
  const bool is_hex = in->len > 2 && in->ptr[0] == '0' && (in->ptr[1] | 0x20) == 'x';
  const uint64_t base = is_hex ? 16 : 10;
  size_t at = is_hex ? 2 : 0;
  const size_t first = at;
  uint64_t value = 0;
  for (; at < in->len; at++) {
    const uint8_t c = in->ptr[at];
    const uint8_t lower = c | 0x20;
    uint64_t digit = base;
    if (c >= '0' && c <= '9') {
      digit = (uint64_t)(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      digit = (uint64_t)(lower - 'a') + 10;
    }
    if (digit >= base) {
      break;
    }
    if (value > (UINT64_MAX - digit) / base) {
      return false;
    }
    value = value * base + digit;
  }
  if (at == first) {
    return false;
  }
  *in = so_bytes_from(*in, at);
  *out = value;
  return true;
}

static bool take_suffix(so_bytes *in, uint64_t *value) {
  unsigned shift = 0;
  if (in->len != 0) {
    const uint8_t c = in->ptr[0] | 0x20;
    shift = c == 'k' ? 10 : c == 'm' ? 20 : c == 'g' ? 30 : 0;
  }
  if (shift == 0) {
    return true;
  }
  if (*value > UINT64_MAX >> shift) {
    return false;
  }
  *value <<= shift;
  *in = so_bytes_from(*in, 1);
  return true;
}

static bool take_mark(so_bytes *in, uint8_t mark) {
  if (in->len == 0 || in->ptr[0] != mark) {
    return false;
  }
  *in = so_bytes_from(*in, 1);
  return true;
}

static bool parse(so_bytes in, so_virtio_place *out) {
  uint64_t irq;
  uint64_t id;
  if (!take_number(&in, &out->len) || !take_suffix(&in, &out->len) || !take_mark(&in, '@') ||
      !take_number(&in, &out->base) || !take_suffix(&in, &out->base) || !take_mark(&in, ':') ||
      !take_number(&in, &irq)) {
    return false;
  }
  if (take_mark(&in, ':') && !take_number(&in, &id)) {
    return false;
  }
  if (in.len != 0 || irq > UINT32_MAX) {
    return false;
  }
  out->irq = (uint32_t)irq;
  return out->base % ALIGN == 0 && out->base != 0 && out->len >= REGISTERS_LEN &&
         out->len <= UINT64_MAX - out->base;
}

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t so_virtio_find_words(so_bytes line, so_virtio_place *out, size_t cap, size_t *out_bad) {
  const so_bytes prefix = so_str(SO_VIRTIO_PLACE_WORD);
  size_t count = 0;
  *out_bad = 0;
  while (line.len != 0) {
    size_t end = 0;
    while (end < line.len && !is_space(line.ptr[end])) {
      end++;
    }
    const so_bytes word = so_bytes_first(line, end);
    line = so_bytes_from(line, end + (end < line.len));
    if (!so_bytes_has_prefix(word, prefix)) {
      continue;
    }
    so_virtio_place place;
    if (count < cap && parse(so_bytes_from(word, prefix.len), &place)) {
      out[count++] = place;
    } else {
      ++*out_bad;
    }
  }
  return count;
}
