#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/dns/resolver/internal.h"

// ways gives the places that a question may take. The key is secret: names of others' choice cannot
// be made to meet in one set.
static resolver_entry *ways(so_resolver *r, const so_dns_name *name, uint16_t type) {
  uint8_t buf[SO_DNS_NAME_LEN_MAX + 2];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_write_bytes(&w, so_dns_name_view(name));
  so_write_u16be(&w, type);
  const uint64_t hash = so_siphash24(r->cache_key, so_writer_bytes(&w));
  return &r->cache[(size_t)(hash % (r->cache_count / RESOLVER_WAYS)) * RESOLVER_WAYS];
}

static bool is_for(const resolver_entry *e, const so_dns_name *name, uint16_t type) {
  return e->type == type && so_bytes_equal(so_dns_name_view(&e->name), so_dns_name_view(name));
}

resolver_entry *so_resolver_cache_find(so_resolver *r, const so_dns_name *name, uint16_t type,
                                       uint64_t now_ns) {
  resolver_entry *const set = ways(r, name, type);
  for (size_t i = 0; i < RESOLVER_WAYS; i++) {
    if (set[i].expires_ns > now_ns && is_for(&set[i], name, type)) {
      set[i].used_ns = now_ns;
      return &set[i];
    }
  }
  return NULL;
}

// place chooses the entry's own place, or one that is over, or the one longest unused.
static resolver_entry *place(so_resolver *r, const so_dns_name *name, uint16_t type,
                             uint64_t now_ns) {
  resolver_entry *const set = ways(r, name, type);
  resolver_entry *best = &set[0];
  for (size_t i = 0; i < RESOLVER_WAYS; i++) {
    if (set[i].expires_ns != 0 && is_for(&set[i], name, type)) {
      return &set[i];
    }
    const bool over = set[i].expires_ns <= now_ns;
    const bool best_over = best->expires_ns <= now_ns;
    if ((over && !best_over) || (over == best_over && set[i].used_ns < best->used_ns)) {
      best = &set[i];
    }
  }
  r->stats.evicted += best->expires_ns > now_ns;
  return best;
}

void so_resolver_cache_put(so_resolver *r, const so_dns_name *name, uint16_t type,
                           bool is_negative, uint32_t ttl_s, const so_resolver_answer *answer,
                           uint64_t now_ns) {
  if (ttl_s == 0) {
    return;
  }
  resolver_entry *const e = place(r, name, type, now_ns);
  e->expires_ns = now_ns + ttl_s * SO_NS_PER_S;
  e->used_ns = now_ns;
  e->type = type;
  e->is_negative = is_negative;
  e->name = *name;
  e->answer = *answer;
}
