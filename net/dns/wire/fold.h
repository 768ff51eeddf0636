#ifndef SO_NET_DNS_WIRE_FOLD_H_
#define SO_NET_DNS_WIRE_FOLD_H_

// Letters of names in lower case, eight bytes at a time: names compare without regard to the case
// of ASCII letters (RFC 4343), and a server folds several for each query. The lengths of labels are
// below 'A', so that names may be folded as they stand on the wire.

#include <stddef.h>
#include <stdint.h>

#define SO_DNS_EACH_BYTE UINT64_C(0x0101010101010101)

// so_dns_fold8 gives the eight bytes of `word` with 'A' to 'Z' as 'a' to 'z', others unchanged.
static inline uint64_t so_dns_fold8(uint64_t word) {
  const uint64_t low = word & (0x7f * SO_DNS_EACH_BYTE);
  // The highest bit of each byte of the sums: at least 'A', and above 'Z'.
  const uint64_t from_a = low + (0x80 - 'A') * SO_DNS_EACH_BYTE;
  const uint64_t above_z = low + (0x7f - 'Z') * SO_DNS_EACH_BYTE;
  const uint64_t upper = (from_a ^ above_z) & ~word & (0x80 * SO_DNS_EACH_BYTE);
  return word | upper >> 2;
}

static inline uint64_t so_dns_load8(const uint8_t *p) {
  uint64_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return word;
}

#endif  // SO_NET_DNS_WIRE_FOLD_H_
