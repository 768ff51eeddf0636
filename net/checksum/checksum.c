#include "net/checksum/checksum.h"

#include "base/assert.h"
#include "base/mem.h"

static uint32_t load32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static uint16_t swap16(uint16_t v) { return (uint16_t)(v << 8 | v >> 8); }

// Ones' complement addition does not mind which 16-bit lane a carry comes back to, so a wide
// sum may be cut in halves and added as often as it takes.
static uint16_t fold(uint64_t sum) {
  sum = (sum & UINT32_MAX) + (sum >> 32);
  sum = (sum & UINT32_MAX) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// The value of two bytes as they lie in memory, in network order, or the reverse.
static uint16_t network16(uint16_t v) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return swap16(v);
#else
  return v;
#endif
}

// The last one to three bytes, as if zeros followed to make the word whole.
static uint32_t load_tail(const uint8_t *p, size_t len) {
  uint8_t word[4] = {0};
  memcpy(word, p, len);
  return load32(word);
}

// Four sums that do not wait for each other; the compiler makes vectors of them.
static uint64_t sum_words(const uint8_t *p, size_t len) {
  uint64_t a = 0;
  uint64_t b = 0;
  uint64_t c = 0;
  uint64_t d = 0;
  for (; len >= 16; p += 16, len -= 16) {
    a += load32(p);
    b += load32(p + 4);
    c += load32(p + 8);
    d += load32(p + 12);
  }
  for (; len >= 4; p += 4, len -= 4) {
    a += load32(p);
  }
  if (len != 0) {
    b += load_tail(p, len);
  }
  return a + b + c + d;
}

void so_checksum_add(so_checksum *c, so_bytes bytes) {
  if (bytes.len == 0) {
    return;
  }
  const uint64_t sum = sum_words(bytes.ptr, bytes.len);
  // Bytes that start at an odd offset stand in the other half of their words (RFC 1071 2.B).
  c->sum += c->odd ? swap16(fold(sum)) : fold(sum);
  c->odd ^= (bytes.len & 1) != 0;
}

void so_checksum_add_packet(so_checksum *c, const so_packet *p, size_t off, size_t len) {
  SO_ASSERT(off <= p->len && len <= p->len - off);
  for (size_t k = 0; len != 0; k++) {
    const so_frag *f = &p->frags[k];
    if (off >= f->len) {
      off -= f->len;
      continue;
    }
    const size_t have = f->len - off;
    const size_t n = have < len ? have : len;
    so_checksum_add(c, so_bytes_of(f->ptr + off, n));
    off = 0;
    len -= n;
  }
}

void so_checksum_add_pseudo(so_checksum *c, const so_ip *src, const so_ip *dst, uint8_t protocol,
                            uint32_t len) {
  SO_ASSERT(!c->odd && src->family == dst->family);
  const size_t n = so_ip_len(src);
  so_checksum_add(c, so_bytes_of(src->bytes, n));
  so_checksum_add(c, so_bytes_of(dst->bytes, n));
  c->sum += (uint64_t)network16(protocol) + network16((uint16_t)(len >> 16)) +
            network16((uint16_t)len);
}

uint16_t so_checksum_fold(const so_checksum *c) { return network16(fold(c->sum)); }

uint16_t so_checksum_end(const so_checksum *c) { return (uint16_t)~so_checksum_fold(c); }

uint16_t so_checksum_of(so_bytes bytes) {
  so_checksum c = so_checksum_start();
  so_checksum_add(&c, bytes);
  return so_checksum_end(&c);
}

uint16_t so_checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word) {
  return (uint16_t)~fold((uint64_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word);
}
