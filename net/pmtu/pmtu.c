#include "net/pmtu/pmtu.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"

#define AGE_NS (600 * SO_NS_PER_S)

so_status so_pmtu_init(so_pmtu *t, const so_heap *heap, const uint8_t key[16], uint32_t entry_max) {
  SO_ASSERT(entry_max >= 1 && entry_max <= 1u << 20);
  uint32_t sets = 1;
  while (sets * SO_PMTU_WAYS < entry_max) {
    sets *= 2;
  }
  memset(t, 0, sizeof *t);
  t->entries = so_heap_alloc_array(heap, sets * SO_PMTU_WAYS, sizeof *t->entries);
  if (t->entries == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  t->heap = heap;
  t->set_mask = sets - 1;
  memcpy(t->key, key, sizeof t->key);
  return so_done();
}

void so_pmtu_release(so_pmtu *t) {
  if (t->entries != NULL) {
    const size_t count = ((size_t)t->set_mask + 1) * SO_PMTU_WAYS;
    so_heap_free(t->heap, t->entries, count * sizeof *t->entries);
    t->entries = NULL;
  }
}

static so_pmtu_entry *set_of(const so_pmtu *t, const so_ip *dst) {
  const uint64_t h = so_siphash24(t->key, so_bytes_of(dst->bytes, so_ip_len(dst)));
  return &t->entries[((uint32_t)h & t->set_mask) * SO_PMTU_WAYS];
}

static so_pmtu_entry *find(so_pmtu *t, const so_ip *dst, uint64_t now_ns) {
  so_pmtu_entry *set = set_of(t, dst);
  for (size_t k = 0; k < SO_PMTU_WAYS; k++) {
    if (set[k].dst.family == 0 || !so_ip_equal(&set[k].dst, dst)) {
      continue;
    }
    if (now_ns - set[k].lowered_ns >= AGE_NS) {
      set[k].dst.family = 0;
      t->used--;
      return NULL;
    }
    return &set[k];
  }
  return NULL;
}

uint32_t so_pmtu_get(so_pmtu *t, const so_ip *dst, uint32_t link_mtu, uint64_t now_ns) {
  if (t->used == 0) {
    return link_mtu;
  }
  const so_pmtu_entry *e = find(t, dst, now_ns);
  return e == NULL || e->mtu > link_mtu ? link_mtu : e->mtu;
}

// RFC 1191 7.1: what links really carry.
static uint32_t plateau_below(uint32_t len) {
  static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 576};
  for (size_t k = 0; k < sizeof plateaus / sizeof plateaus[0]; k++) {
    if (plateaus[k] < len) {
      return plateaus[k];
    }
  }
  return 0;
}

uint32_t so_pmtu_propose(so_pmtu *t, const so_ip *dst, uint32_t link_mtu, uint32_t reported,
                         uint32_t sent_len, uint64_t now_ns) {
  const uint32_t floor = dst->family == 4 ? SO_PMTU_FLOOR_IPV4 : SO_PMTU_FLOOR_IPV6;
  const uint32_t now = so_pmtu_get(t, dst, link_mtu, now_ns);
  uint32_t mtu = reported;
  if (mtu == 0 && dst->family == 4) {
    mtu = plateau_below(sent_len < now ? sent_len : now);
  }
  if (mtu < floor) {
    mtu = floor;
  }
  if (mtu >= now) {
    t->refused++;
    return 0;
  }
  return mtu;
}

void so_pmtu_lower(so_pmtu *t, const so_ip *dst, uint32_t mtu, uint64_t now_ns) {
  SO_ASSERT(mtu <= UINT16_MAX);
  so_pmtu_entry *e = find(t, dst, now_ns);
  if (e == NULL) {
    so_pmtu_entry *set = set_of(t, dst);
    e = &set[0];
    for (size_t k = 0; k < SO_PMTU_WAYS && e->dst.family != 0; k++) {
      if (set[k].dst.family == 0 || set[k].lowered_ns < e->lowered_ns) {
        e = &set[k];
      }
    }
    t->evicted += e->dst.family != 0;
    t->used += e->dst.family == 0;
    e->dst = *dst;
  }
  e->mtu = (uint16_t)mtu;
  e->lowered_ns = now_ns;
  t->lowered++;
}
