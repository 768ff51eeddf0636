// Lookups: begun, joined, answered without asking, given up, taken.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/dns/resolver/internal.h"

// --- lookups -------------------------------------------------------------------------------------

so_resolver_id so_resolver_id_of(const so_resolver *r, const resolver_lookup *l) {
  return (uint32_t)l->generation << 8 | (uint32_t)(l - r->lookups + 1);
}

resolver_lookup *so_resolver_lookup_of(so_resolver *r, so_resolver_id id) {
  const uint32_t index = (id & 0xff) - 1;
  if (index >= SO_RESOLVER_LOOKUPS_MAX) {
    return NULL;
  }
  resolver_lookup *const l = &r->lookups[index];
  return l->state != RESOLVER_FREE && l->generation == id >> 8 ? l : NULL;
}

void so_resolver_finish(resolver_lookup *l, so_status result) {
  l->state = RESOLVER_DONE;
  l->result = result;
  l->deadline_ns = SO_NEVER;
}

resolver_server *so_resolver_server_of(so_resolver *r, const resolver_lookup *l) {
  return &r->servers[l->attempt % r->server_count];
}

void so_resolver_ask(resolver_lookup *l) {
  l->state = RESOLVER_SEND;
  l->attempt = 0;
  l->bad_cookies = 0;
  l->tcp = false;
  l->distrust = false;
}

void so_resolver_attempt_failed(so_resolver *r, resolver_lookup *l) {
  if (l->distrust && !l->tcp) {
    l->tcp = true;
    l->state = RESOLVER_SEND;
    return;
  }
  l->attempt++;
  l->bad_cookies = 0;
  l->tcp = false;
  l->distrust = false;
  l->state = RESOLVER_SEND;
  if (l->attempt >= SO_RESOLVER_ROUNDS * r->server_count) {
    so_resolver_finish(l, so_status_make(SO_IO, 0));
  }
}

// --- starting ------------------------------------------------------------------------------------

static bool is_host_name(const so_dns_name *name) {
  size_t at = 0;
  while (at < name->len && name->bytes[at] != 0) {
    const size_t end = at + 1 + name->bytes[at];
    for (size_t i = at + 1; i < end; i++) {
      const uint8_t b = name->bytes[i];
      if (!((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '-' || b == '_')) {
        return false;
      }
    }
    at = end;
  }
  return name->len > 1;
}

// answer_locally answers what is never asked (RFC 6761 6.3 and 6.4).
static bool answer_locally(resolver_lookup *l) {
  static const uint8_t localhost[] = {9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't', 0};
  static const uint8_t invalid[] = {7, 'i', 'n', 'v', 'a', 'l', 'i', 'd', 0};
  static const uint8_t loopback4[4] = {127, 0, 0, 1};
  static const uint8_t loopback6[16] = {[15] = 1};
  const so_bytes name = so_dns_name_view(&l->asked);
  if (so_dns_name_is_under(name, so_bytes_of(localhost, sizeof localhost))) {
    l->answer.addresses[0] = l->type == SO_DNS_A ? so_ip4(loopback4) : so_ip6(loopback6);
    l->answer.count = 1;
    l->answer.ttl_s = SO_RESOLVER_TTL_MAX_S;
    so_resolver_finish(l, so_done());
    return true;
  }
  if (so_dns_name_is_under(name, so_bytes_of(invalid, sizeof invalid))) {
    so_resolver_finish(l, so_status_make(SO_NOT_FOUND, 0));
    return true;
  }
  return false;
}

static bool answer_from_cache(so_resolver *r, resolver_lookup *l, uint64_t now_ns) {
  const resolver_entry *e = so_resolver_cache_find(r, &l->asked, l->type, now_ns);
  if (e == NULL) {
    return false;
  }
  l->answer = e->answer;
  l->answer.ttl_s = (uint32_t)((e->expires_ns - now_ns) / SO_NS_PER_S);
  r->stats.cache_hits++;
  so_resolver_finish(l, e->is_negative ? so_status_make(SO_NOT_FOUND, 0) : so_done());
  return true;
}

// find_same: the same question twice at a time would make forging answers easier (RFC 5452 5).
static resolver_lookup *find_same(so_resolver *r, const so_dns_name *name, uint16_t type) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    resolver_lookup *const l = &r->lookups[i];
    if ((l->state == RESOLVER_SEND || l->state == RESOLVER_WAIT) && l->type == type &&
        l->refs < UINT16_MAX &&
        so_bytes_equal(so_dns_name_view(&l->asked), so_dns_name_view(name))) {
      return l;
    }
  }
  return NULL;
}

static resolver_lookup *find_free(so_resolver *r) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    if (r->lookups[i].state == RESOLVER_FREE) {
      return &r->lookups[i];
    }
  }
  return NULL;
}

static void begin(resolver_lookup *l, const so_dns_name *name, uint16_t type) {
  const uint16_t generation = (uint16_t)(l->generation + 1);
  memset(l, 0, sizeof *l);
  l->generation = generation;
  l->refs = 1;
  l->type = type;
  l->asked = *name;
  l->name = *name;
  l->answer.canonical = *name;
  l->ttl_s = UINT32_MAX;
  l->deadline_ns = SO_NEVER;
  so_resolver_ask(l);
}

so_status so_resolver_start(so_resolver *r, so_bytes text, uint16_t type, uint64_t now_ns,
                            so_resolver_id *out) {
  so_dns_name name;
  if ((type != SO_DNS_A && type != SO_DNS_AAAA) ||
      !so_ok(so_dns_name_from_text(text, so_bytes_of(NULL, 0), &name))) {
    return so_status_make(SO_MALFORMED, 0);
  }
  so_dns_name_lower(&name);
  if (!is_host_name(&name)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  resolver_lookup *l = find_same(r, &name, type);
  r->stats.lookups++;
  if (l != NULL) {
    l->refs++;
    r->stats.joined++;
    *out = so_resolver_id_of(r, l);
    return so_done();
  }
  l = find_free(r);
  if (l == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  begin(l, &name, type);
  if (!answer_locally(l) && !answer_from_cache(r, l, now_ns) && r->server_count == 0) {
    l->state = RESOLVER_FREE;
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = so_resolver_id_of(r, l);
  return so_done();
}

void so_resolver_cancel(so_resolver *r, so_resolver_id id) {
  resolver_lookup *const l = so_resolver_lookup_of(r, id);
  if (l != NULL && --l->refs == 0) {
    l->state = RESOLVER_FREE;
  }
}

so_status so_resolver_take(so_resolver *r, so_resolver_id id, uint64_t now_ns,
                           so_resolver_answer *out) {
  resolver_lookup *const l = so_resolver_lookup_of(r, id);
  (void)now_ns;
  SO_ASSERT(l != NULL);
  if (l->state != RESOLVER_DONE) {
    return so_status_make(SO_AGAIN, 0);
  }
  const so_status result = l->result;
  *out = l->answer;
  so_resolver_cancel(r, id);
  return result;
}

// --- time ----------------------------------------------------------------------------------------

uint64_t so_resolver_deadline(const so_resolver *r) {
  uint64_t first = SO_NEVER;
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    const resolver_lookup *l = &r->lookups[i];
    if (l->state == RESOLVER_WAIT && l->deadline_ns < first) {
      first = l->deadline_ns;
    }
  }
  return first;
}

void so_resolver_tick(so_resolver *r, uint64_t now_ns) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    resolver_lookup *const l = &r->lookups[i];
    if (l->state == RESOLVER_WAIT && l->deadline_ns <= now_ns) {
      r->stats.timeouts++;
      so_resolver_attempt_failed(r, l);
    }
  }
}

// --- life ----------------------------------------------------------------------------------------

void so_resolver_set_servers(so_resolver *r, const so_endpoint *servers, size_t count,
                             uint64_t now_ns) {
  (void)now_ns;
  memset(r->servers, 0, sizeof r->servers);
  r->server_count = count < SO_RESOLVER_SERVERS_MAX ? count : SO_RESOLVER_SERVERS_MAX;
  for (size_t i = 0; i < r->server_count; i++) {
    r->servers[i].at = servers[i];
  }
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    if (r->lookups[i].state == RESOLVER_SEND || r->lookups[i].state == RESOLVER_WAIT) {
      so_resolver_ask(&r->lookups[i]);
    }
  }
}

so_status so_resolver_init(const so_resolver_config *config, const so_heap *heap,
                           so_resolver **out) {
  size_t entries = RESOLVER_WAYS;
  const size_t wanted =
      config->cache_entries != 0 ? config->cache_entries : SO_RESOLVER_CACHE_DEFAULT;
  while (entries < wanted && entries <= SIZE_MAX / 4) {
    entries *= 2;
  }
  so_resolver *const r = so_heap_alloc_array(heap, 1, sizeof *r);
  resolver_entry *const cache = so_heap_alloc_array(heap, entries, sizeof *cache);
  if (r == NULL || cache == NULL) {
    so_heap_free(heap, r, sizeof *r);
    so_heap_free(heap, cache, entries * sizeof *cache);
    return so_status_make(SO_LIMIT, 0);
  }
  r->heap = heap;
  r->cache = cache;
  r->cache_count = entries;
  so_rng_init(&r->rng, config->seed);
  so_rng_fill(&r->rng, r->cookie_key, sizeof r->cookie_key);
  so_rng_fill(&r->rng, r->cache_key, sizeof r->cache_key);
  so_resolver_set_servers(r, config->servers, config->server_count, 0);
  *out = r;
  return so_done();
}

void so_resolver_release(so_resolver *r) {
  const so_heap *const heap = r->heap;
  so_rng_wipe(&r->rng);
  so_heap_free(heap, r->cache, r->cache_count * sizeof *r->cache);
  so_heap_free(heap, r, sizeof *r);
}

const so_resolver_stats *so_resolver_statistics(const so_resolver *r) { return &r->stats; }
