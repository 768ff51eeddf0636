// Token buckets. One over all bounds what we send; one for each hashed destination keeps a single
// stranger from using that up, and from reading in it how much others used (which is how a source
// port was once found by counting errors).

#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/icmp6/icmp6.h"

#define MILLI 1000u
#define SHARE 4u  // A destination's part of the rate.

void so_icmp6_limit_init(so_icmp6_limit *l, const uint8_t key[16], uint32_t rate, uint32_t burst) {
  memset(l, 0, sizeof *l);
  memcpy(l->key, key, sizeof l->key);
  l->rate = rate;
  l->burst = burst;
  l->all.tokens_milli = burst * MILLI;
  for (unsigned i = 0; i < SO_ICMP6_LIMIT_SLOTS; i++) {
    l->slots[i].tokens_milli = burst / SHARE * MILLI;
  }
}

// Adds what `rate` gave since the last time. Time that did not make a whole thousandth is kept.
static void refill(so_icmp6_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ns) {
  const uint64_t cap = (uint64_t)burst * MILLI;
  if (rate == 0 || now_ns <= b->last_ns) {
    return;
  }
  const uint64_t elapsed = now_ns - b->last_ns;
  const uint64_t milli_ns = SO_NS_PER_S / MILLI / rate;  // Nanoseconds for a thousandth.
  const uint64_t gained = milli_ns == 0 ? cap : elapsed / milli_ns;
  if (gained >= cap - b->tokens_milli) {
    b->tokens_milli = (uint32_t)cap;
    b->last_ns = now_ns;
    return;
  }
  b->tokens_milli += (uint32_t)gained;
  b->last_ns += gained * milli_ns;
}

bool so_icmp6_limit_take(so_icmp6_limit *l, const so_ip *dst, uint64_t now_ns) {
  // The first 8 bytes: who has one address of a network often has all of them.
  const uint64_t hash = so_siphash24(l->key, so_bytes_of(dst->bytes, 8));
  so_icmp6_bucket *slot = &l->slots[hash % SO_ICMP6_LIMIT_SLOTS];
  refill(&l->all, l->rate, l->burst, now_ns);
  refill(slot, l->rate / SHARE, l->burst / SHARE, now_ns);
  if (l->all.tokens_milli < MILLI || slot->tokens_milli < MILLI) {
    l->refused++;
    return false;
  }
  l->all.tokens_milli -= MILLI;
  slot->tokens_milli -= MILLI;
  l->allowed++;
  return true;
}
