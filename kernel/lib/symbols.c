#include "kernel/lib/symbols.h"

#include "base/reader.h"

enum { END = 0, LETTER = 1, DIGIT = 27, UNDERSCORE = 37, PREFIX = 38, OTHER = 39, RADIX = 40 };

// --- writing ----------------------------------------------------------------------------------

// The next character of `name`, and how many bytes it stands for.
static unsigned char_of(so_bytes name, size_t *out_len) {
  const uint8_t c = name.ptr[0];
  *out_len = 1;
  if (so_bytes_has_prefix(name, so_str("so_"))) {
    *out_len = 3;
    return PREFIX;
  }
  if (c >= 'a' && c <= 'z') {
    return (unsigned)(LETTER + c - 'a');
  }
  if (c >= 'A' && c <= 'Z') {
    return (unsigned)(LETTER + c - 'A');
  }
  if (c >= '0' && c <= '9') {
    return (unsigned)(DIGIT + c - '0');
  }
  return c == '_' ? UNDERSCORE : OTHER;
}

void so_symbols_put(so_writer *w, uint64_t distance, so_bytes name) {
  unsigned chars[SO_SYMBOLS_NAME_MAX + 3] = {END};
  size_t count = 0;
  while (name.len != 0 && count < SO_SYMBOLS_NAME_MAX) {
    size_t len;
    chars[count++] = char_of(name, &len);
    name = so_bytes_from(name, len);
  }
  so_write_varint(w, distance);
  so_write_u8(w, (uint8_t)((count + 2) / 3));
  for (size_t i = 0; i < count; i += 3) {
    const unsigned word = chars[i] + RADIX * chars[i + 1] + RADIX * RADIX * chars[i + 2];
    so_write_u8(w, (uint8_t)word);
    so_write_u8(w, (uint8_t)(word >> 8));
  }
}

// --- reading ----------------------------------------------------------------------------------

static void put_char(unsigned c, so_writer *w) {
  if (c == PREFIX) {
    so_write_bytes(w, so_str("so_"));
  } else if (c != END) {
    so_write_u8(w, (uint8_t)(c < DIGIT        ? 'a' + c - LETTER
                             : c < UNDERSCORE ? '0' + c - DIGIT
                             : c == UNDERSCORE ? '_'
                                               : '?'));
  }
}

static size_t decode(so_bytes words, uint8_t *out, size_t cap) {
  uint8_t name[3 * SO_SYMBOLS_NAME_MAX];
  so_writer w = so_writer_of(name, sizeof name);
  for (size_t i = 0; i + 2 <= words.len; i += 2) {
    unsigned word = words.ptr[i] | (unsigned)words.ptr[i + 1] << 8;
    for (unsigned k = 0; k < 3; k++, word /= RADIX) {
      put_char(word % RADIX, &w);
    }
  }
  const so_bytes all = so_writer_bytes(&w);
  const size_t len = all.len < cap ? all.len : cap;
  for (size_t i = 0; i < len; i++) {
    out[i] = all.ptr[i];
  }
  return len;
}

static bool next_entry(so_reader *r, uint64_t *out_distance, so_bytes *out_words) {
  uint8_t count;
  return so_read_varint(r, out_distance) && so_read_u8(r, &count) &&
         so_read_bytes(r, 2u * count, out_words);
}

size_t so_symbols_find(so_bytes table, uint64_t off, uint8_t *out, size_t cap, uint64_t *out_into) {
  so_reader r = so_reader_of(table);
  so_bytes words = {NULL, 0};
  so_bytes name;
  uint64_t at = 0;
  uint64_t distance;
  while (next_entry(&r, &distance, &name) && distance <= off - at) {
    at += distance;
    words = name;
  }
  *out_into = off - at;
  return decode(words, out, cap);
}
