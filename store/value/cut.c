#include "store/value/cut.h"

#include "base/mem.h"
#include "crypto/siphash/siphash.h"

#define HASH_FROM (SO_CHUNK_LEN_MIN - SO_CUT_WINDOW)
#define SALT_PURPOSE 0x80u

void so_cutter_init(so_cutter *c, const uint8_t salt[SO_SALT_LEN]) {
  uint8_t key[SO_SALT_LEN];
  memcpy(key, salt, SO_SALT_LEN);
  key[SO_SALT_LEN - 1] ^= SALT_PURPOSE;  // Levels of maps use the numbers below.
  for (unsigned i = 0; i < 256; i++) {
    const uint8_t byte = (uint8_t)i;
    c->table[i] = so_siphash24(key, so_bytes_of(&byte, 1));
  }
  c->hash = 0;
  c->len = 0;
}

// A stretch of a chunk in which the same rule holds: nothing is looked at, the hash warms up, or a
// threshold cuts. Returns how far it goes, or what is left of the input.
static size_t stretch(size_t len, size_t until, size_t left) {
  const size_t n = until > len ? until - len : 0;
  return n < left ? n : left;
}

static size_t warm_up(so_cutter *c, so_bytes in) {
  uint64_t hash = c->hash;
  for (size_t i = 0; i < in.len; i++) {
    hash = (hash << 1) + c->table[in.ptr[i]];
  }
  c->hash = hash;
  return in.len;
}

static size_t seek_cut(so_cutter *c, so_bytes in, uint64_t threshold, bool *out_found) {
  uint64_t hash = c->hash;
  size_t i = 0;
  bool found = false;
  while (i < in.len && !found) {
    hash = (hash << 1) + c->table[in.ptr[i]];
    found = hash < threshold;
    i++;
  }
  c->hash = hash;
  *out_found = found;
  return i;
}

// The byte that makes the chunk SO_CHUNK_LEN_MIN long is the first after which it may end.
size_t so_cutter_feed(so_cutter *c, so_bytes bytes, bool *out_is_end) {
  size_t at = stretch(c->len, HASH_FROM, bytes.len);
  bool found = false;
  at += warm_up(c, so_bytes_first(so_bytes_from(bytes, at),
                                  stretch(c->len + at, SO_CHUNK_LEN_MIN - 1, bytes.len - at)));
  at += seek_cut(c,
                 so_bytes_first(so_bytes_from(bytes, at),
                                stretch(c->len + at, SO_CHUNK_LEN_AVERAGE, bytes.len - at)),
                 SO_CUT_THRESHOLD_SHORT, &found);
  if (!found) {
    at += seek_cut(c,
                   so_bytes_first(so_bytes_from(bytes, at),
                                  stretch(c->len + at, SO_CHUNK_LEN_MAX, bytes.len - at)),
                   SO_CUT_THRESHOLD_LONG, &found);
  }
  c->len += at;
  *out_is_end = found || c->len == SO_CHUNK_LEN_MAX;
  if (*out_is_end) {
    c->len = 0;
    c->hash = 0;
  }
  return at;
}
