#include "net/dns/nsec3/nsec3.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/endian/endian.h"

#define BLOCK_LEN 64

typedef struct sha1 {
  uint32_t state[5];
  uint8_t block[BLOCK_LEN];
  size_t used;  // Of the block.
  uint64_t total;
} sha1;

static uint32_t round_word(size_t i, uint32_t b, uint32_t c, uint32_t d) {
  if (i < 20) {
    return ((b & c) | (~b & d)) + 0x5a827999u;
  }
  if (i < 40) {
    return (b ^ c ^ d) + 0x6ed9eba1u;
  }
  if (i < 60) {
    return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
  }
  return (b ^ c ^ d) + 0xca62c1d6u;
}

static void compress(sha1 *s) {
  uint32_t w[80];
  for (size_t i = 0; i < 16; i++) {
    w[i] = so_load_be32(s->block + 4 * i);
  }
  for (size_t i = 16; i < 80; i++) {
    w[i] = so_rotl32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  uint32_t a = s->state[0], b = s->state[1], c = s->state[2], d = s->state[3], e = s->state[4];
  for (size_t i = 0; i < 80; i++) {
    const uint32_t t = so_rotl32(a, 5) + round_word(i, b, c, d) + e + w[i];
    e = d;
    d = c;
    c = so_rotl32(b, 30);
    b = a;
    a = t;
  }
  s->state[0] += a;
  s->state[1] += b;
  s->state[2] += c;
  s->state[3] += d;
  s->state[4] += e;
}

static void update(sha1 *s, so_bytes data) {
  s->total += data.len;
  while (data.len != 0) {
    const size_t n = data.len < BLOCK_LEN - s->used ? data.len : BLOCK_LEN - s->used;
    memcpy(s->block + s->used, data.ptr, n);
    s->used += n;
    data = so_bytes_from(data, n);
    if (s->used == BLOCK_LEN) {
      compress(s);
      s->used = 0;
    }
  }
}

static void finish(sha1 *s, uint8_t out[SO_DNS_NSEC3_HASH_LEN]) {
  static const uint8_t pad[BLOCK_LEN] = {0x80};
  uint8_t length[8];
  so_store_be64(length, s->total * 8);
  const size_t pad_len = (BLOCK_LEN + 55 - s->used) % BLOCK_LEN + 1;
  update(s, so_bytes_of(pad, pad_len));
  update(s, so_bytes_of(length, sizeof length));
  SO_ASSERT(s->used == 0);
  for (size_t i = 0; i < 5; i++) {
    so_store_be32(out + 4 * i, s->state[i]);
  }
}

void so_dns_sha1(so_bytes data, so_bytes salt, uint8_t out[SO_DNS_NSEC3_HASH_LEN]) {
  sha1 s = {.state = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}};
  update(&s, data);
  update(&s, salt);
  finish(&s, out);
}

void so_dns_nsec3_hash(so_bytes name, so_bytes salt, uint16_t iterations,
                       uint8_t out[SO_DNS_NSEC3_HASH_LEN]) {
  uint8_t folded[255];
  SO_ASSERT(name.len <= sizeof folded);
  for (size_t i = 0; i < name.len; i++) {
    const uint8_t c = name.ptr[i];
    folded[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
  }
  so_dns_sha1(so_bytes_of(folded, name.len), salt, out);
  for (uint16_t i = 0; i < iterations; i++) {
    uint8_t last[SO_DNS_NSEC3_HASH_LEN];
    memcpy(last, out, sizeof last);
    so_dns_sha1(so_bytes_of(last, sizeof last), salt, out);
  }
}
