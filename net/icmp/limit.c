#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/icmp/icmp.h"

void so_icmp_limit_init(so_icmp_limit *l, const uint8_t key[16], uint32_t per_second) {
  SO_ASSERT(per_second != 0);
  memset(l, 0, sizeof *l);
  l->interval_ns = SO_NS_PER_S / per_second;
  l->burst_ns = SO_NS_PER_S;
  memcpy(l->key, key, sizeof l->key);
}

// A bucket is the time until which messages were allowed; it may run `burst_ns` ahead of the clock.
static bool has_room(const so_icmp_limit *l, uint64_t bucket_ns, uint64_t now_ns) {
  return bucket_ns <= now_ns || bucket_ns - now_ns < l->burst_ns;
}

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

bool so_icmp_limit_take(so_icmp_limit *l, const so_ip *dst, uint64_t now_ns) {
  const uint64_t h = so_siphash24(l->key, so_bytes_of(dst->bytes, so_ip_len(dst)));
  uint64_t *slot = &l->slot_ns[h % SO_ICMP_LIMIT_SLOTS];
  if (!has_room(l, l->all_ns, now_ns) || !has_room(l, *slot, now_ns)) {
    return false;
  }
  l->all_ns = later(l->all_ns, now_ns) + l->interval_ns;
  *slot = later(*slot, now_ns) + 4 * l->interval_ns;
  return true;
}
