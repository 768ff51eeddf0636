#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/dns/resolver/internal.h"

#define PORT_MIN 1024u

// --- lookups -------------------------------------------------------------------------------------

static so_resolver_id id_of(const so_resolver *r, const resolver_lookup *l) {
  return (uint32_t)l->generation << 8 | (uint32_t)(l - r->lookups + 1);
}

static resolver_lookup *lookup_of(so_resolver *r, so_resolver_id id) {
  const uint32_t index = (id & 0xff) - 1;
  if (index >= SO_RESOLVER_LOOKUPS_MAX) {
    return NULL;
  }
  resolver_lookup *const l = &r->lookups[index];
  return l->state != RESOLVER_FREE && l->generation == id >> 8 ? l : NULL;
}

static void finish(resolver_lookup *l, so_status result) {
  l->state = RESOLVER_DONE;
  l->result = result;
  l->deadline_ns = SO_NEVER;
}

static resolver_server *server_of(so_resolver *r, const resolver_lookup *l) {
  return &r->servers[l->attempt % r->server_count];
}

// ask begins a question anew, with the first server.
static void ask(resolver_lookup *l) {
  l->state = RESOLVER_SEND;
  l->attempt = 0;
  l->bad_cookies = 0;
  l->tcp = false;
  l->distrust = false;
}

// attempt_failed goes on to the next server or round, or gives up. A server that was not to be
// believed over UDP is asked over TCP first.
static void attempt_failed(so_resolver *r, resolver_lookup *l) {
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
    finish(l, so_status_make(SO_IO, 0));
  }
}

static void found(so_resolver *r, resolver_lookup *l, uint64_t now_ns) {
  l->answer.ttl_s = l->ttl_s;
  r->stats.answers++;
  so_resolver_cache_put(r, &l->asked, l->type, false, l->ttl_s, &l->answer, now_ns);
  finish(l, so_done());
}

static void absent(so_resolver *r, resolver_lookup *l, uint64_t now_ns) {
  l->answer.count = 0;
  l->answer.ttl_s = l->ttl_s;
  r->stats.negatives++;
  so_resolver_cache_put(r, &l->asked, l->type, true, l->ttl_s, &l->answer, now_ns);
  finish(l, so_status_make(SO_NOT_FOUND, 0));
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
    finish(l, so_done());
    return true;
  }
  if (so_dns_name_is_under(name, so_bytes_of(invalid, sizeof invalid))) {
    finish(l, so_status_make(SO_NOT_FOUND, 0));
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
  finish(l, e->is_negative ? so_status_make(SO_NOT_FOUND, 0) : so_done());
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
  ask(l);
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
    *out = id_of(r, l);
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
  *out = id_of(r, l);
  return so_done();
}

void so_resolver_cancel(so_resolver *r, so_resolver_id id) {
  resolver_lookup *const l = lookup_of(r, id);
  if (l != NULL && --l->refs == 0) {
    l->state = RESOLVER_FREE;
  }
}

so_status so_resolver_take(so_resolver *r, so_resolver_id id, uint64_t now_ns,
                           so_resolver_answer *out) {
  resolver_lookup *const l = lookup_of(r, id);
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

// --- sending -------------------------------------------------------------------------------------

// client_cookie is a function of the server and of a secret (RFC 7873 4.1).
static void client_cookie(const so_resolver *r, const resolver_server *s,
                          uint8_t out[SO_DNS_COOKIE_CLIENT_LEN]) {
  const uint64_t mac =
      so_siphash24(r->cookie_key, so_bytes_of(s->at.address, s->at.family == 4 ? 4 : 16));
  memcpy(out, &mac, SO_DNS_COOKIE_CLIENT_LEN);
}

static void write_edns(const so_resolver *r, const resolver_server *s, so_dns_builder *b) {
  so_dns_edns edns = {.udp_len = SO_RESOLVER_UDP_LEN, .has_cookie = true};
  client_cookie(r, s, edns.client_cookie);
  edns.server_cookie_len = s->cookie_len;
  memcpy(edns.server_cookie, s->cookie, sizeof edns.server_cookie);
  so_dns_write_edns(b, &edns);
}

static so_bytes write_question(so_resolver *r, resolver_lookup *l) {
  const resolver_server *s = server_of(r, l);
  const so_dns_header header = {.id = l->id, .rd = true};
  so_dns_builder b;
  so_bytes message;
  so_dns_builder_init(&b, r->out, sizeof r->out, &header);
  so_dns_write_question(&b, so_dns_name_view(&l->sent), l->type, SO_DNS_IN);
  l->with_edns = !s->no_edns;
  if (l->with_edns) {
    write_edns(r, s, &b);
  }
  // 12 + 255 + 4, and 11 + 4 + 40 for EDNS, always fit.
  SO_ASSERT(so_ok(so_dns_builder_end(&b, &message)));
  return message;
}

static void fill_request(so_resolver *r, resolver_lookup *l, uint64_t now_ns,
                         so_resolver_request *out) {
  uint8_t bits[32];
  const uint64_t round = l->attempt / r->server_count;
  const uint64_t udp_ms = (uint64_t)SO_RESOLVER_TIMEOUT_MS << round;
  const uint64_t ms = l->tcp ? SO_RESOLVER_TCP_TIMEOUT_MS : udp_ms;
  so_rng_fill(&r->rng, bits, sizeof bits);
  l->sent = l->name;
  so_dns_name_mix_case(&l->sent, bits);
  l->id = (uint16_t)so_rng_u64(&r->rng);
  l->port = (uint16_t)(PORT_MIN + so_rng_below(&r->rng, UINT16_MAX + 1u - PORT_MIN));
  l->state = RESOLVER_WAIT;
  l->deadline_ns = now_ns + ms * SO_NS_PER_MS;
  *out = (so_resolver_request){.id = id_of(r, l),
                               .tcp = l->tcp,
                               .server = server_of(r, l)->at,
                               .local_port = l->tcp ? 0 : l->port,
                               .message = write_question(r, l)};
  r->stats.sent_tcp += l->tcp;
  r->stats.sent_udp += !l->tcp;
}

bool so_resolver_next(so_resolver *r, uint64_t now_ns, so_resolver_request *out) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    if (r->lookups[i].state == RESOLVER_SEND) {
      if (r->server_count == 0) {
        finish(&r->lookups[i], so_status_make(SO_IO, 0));
        continue;
      }
      fill_request(r, &r->lookups[i], now_ns, out);
      return true;
    }
  }
  return false;
}

void so_resolver_unsent(so_resolver *r, so_resolver_id id, uint64_t now_ns) {
  resolver_lookup *const l = lookup_of(r, id);
  (void)now_ns;
  if (l != NULL && l->state == RESOLVER_WAIT) {
    attempt_failed(r, l);
  }
}

// --- answers -------------------------------------------------------------------------------------

static bool same_endpoint(const so_endpoint *a, const so_endpoint *b) {
  return a->family == b->family && a->port == b->port &&
         memcmp(a->address, b->address, a->family == 4 ? 4 : 16) == 0;
}

static resolver_lookup *find_waiting(so_resolver *r, const so_endpoint *from, uint16_t port,
                                     uint16_t id) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    resolver_lookup *const l = &r->lookups[i];
    if (l->state == RESOLVER_WAIT && !l->tcp && l->id == id && l->port == port &&
        r->server_count != 0 && same_endpoint(&server_of(r, l)->at, from)) {
      return l;
    }
  }
  return NULL;
}

static bool may_lack_question(uint8_t rcode) {
  return rcode == SO_DNS_FORMERR || rcode == SO_DNS_NOTIMP;
}

// is_answer_to holds the question against the one sent, letter by letter.
static bool is_answer_to(so_resolver *r, resolver_lookup *l, so_bytes message,
                         const so_dns_header *h) {
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  if (h->counts[SO_DNS_QUESTION] == 0 && may_lack_question(h->rcode)) {
    return true;
  }
  if (h->counts[SO_DNS_QUESTION] != 1 || !so_ok(so_dns_question_read(message, &at, &q)) ||
      q.type != l->type || q.qclass != SO_DNS_IN ||
      !so_dns_name_equal(so_dns_name_view(&q.name), so_dns_name_view(&l->sent))) {
    r->stats.bad_question++;
    return false;
  }
  if (!so_bytes_equal(so_dns_name_view(&q.name), so_dns_name_view(&l->sent))) {
    r->stats.bad_case++;
    l->distrust = true;
    return false;
  }
  return true;
}

// read_edns finds the OPT record. MALFORMED: it cannot be read, or there are two.
static so_status read_edns(so_bytes message, const so_dns_header *h, bool *out_has,
                           so_dns_edns *out) {
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  *out_has = false;
  for (uint32_t i = 0; i < h->counts[SO_DNS_QUESTION]; i++) {
    SO_TRY(so_dns_question_read(message, &at, &q));
  }
  const uint32_t total = (uint32_t)h->counts[1] + h->counts[2] + h->counts[3];
  for (uint32_t i = 0; i < total; i++) {
    so_dns_rr rr;
    SO_TRY(so_dns_rr_read(message, &at, &rr));
    if (rr.type == SO_DNS_OPT) {
      if (*out_has) {
        return so_status_make(SO_MALFORMED, 0);
      }
      *out_has = true;
      SO_TRY(so_dns_edns_read(&rr, out));
    }
  }
  return so_done();
}

// check_cookie refuses answers without our cookie from a server that is known to send it back (RFC
// 7873 5.3). Over TCP there is nothing to prove.
static bool check_cookie(so_resolver *r, resolver_lookup *l, bool has_edns,
                         const so_dns_edns *edns) {
  uint8_t ours[SO_DNS_COOKIE_CLIENT_LEN];
  resolver_server *const s = server_of(r, l);
  const bool has = has_edns && edns->has_cookie;
  client_cookie(r, s, ours);
  const bool is_ours = has && memcmp(ours, edns->client_cookie, sizeof ours) == 0;
  if (is_ours && edns->server_cookie_len != 0) {
    s->cookie_len = edns->server_cookie_len;
    memcpy(s->cookie, edns->server_cookie, sizeof s->cookie);
  }
  if (l->tcp || is_ours || (!has && s->cookie_len == 0)) {
    return true;
  }
  r->stats.cookie_missing++;
  l->distrust = true;
  return false;
}

static void retry_tcp(resolver_lookup *l) {
  l->tcp = true;
  l->state = RESOLVER_SEND;
}

static void read_result(so_resolver *r, resolver_lookup *l, so_bytes message,
                        const so_dns_header *h, uint64_t now_ns) {
  switch (so_resolver_read_answer(l, message, h)) {
    case RESOLVER_FOUND:
      found(r, l, now_ns);
      break;
    case RESOLVER_ABSENT:
      absent(r, l, now_ns);
      break;
    case RESOLVER_CONTINUE:
      ask(l);
      break;
    case RESOLVER_TOO_LONG:
      finish(l, so_status_make(SO_LIMIT, 0));
      break;
  }
}

// act does what a believed response says. `rcode` has 12 bits.
static void act(so_resolver *r, resolver_lookup *l, so_bytes message, const so_dns_header *h,
                uint16_t rcode, uint64_t now_ns) {
  resolver_server *const s = server_of(r, l);
  if (rcode == SO_DNS_BADCOOKIE) {
    r->stats.bad_cookies++;
    if (l->tcp || ++l->bad_cookies > 2) {
      attempt_failed(r, l);
    } else if (l->bad_cookies == 2) {
      retry_tcp(l);
    } else {
      l->state = RESOLVER_SEND;  // The server's new cookie is known now.
    }
  } else if (h->tc && !l->tcp) {
    r->stats.truncated++;
    retry_tcp(l);
  } else if (rcode == SO_DNS_NOERROR || rcode == SO_DNS_NXDOMAIN) {
    if (h->tc) {
      attempt_failed(r, l);
    } else {
      read_result(r, l, message, h, now_ns);
    }
  } else if ((may_lack_question(h->rcode) || rcode == SO_DNS_BADVERS) && l->with_edns) {
    r->stats.without_edns++;
    s->no_edns = true;  // RFC 6891 6.2.2.
    s->cookie_len = 0;
    l->state = RESOLVER_SEND;
  } else {
    r->stats.server_failures++;
    attempt_failed(r, l);
  }
}

// believe checks a message for `l`; false: dropped, still waiting.
static bool believe(so_resolver *r, resolver_lookup *l, so_bytes message, const so_dns_header *h,
                    uint64_t now_ns) {
  so_dns_edns edns = {0};
  bool has_edns;
  if (!h->qr || h->opcode != SO_DNS_QUERY || !so_ok(so_dns_message_check(message)) ||
      !so_ok(read_edns(message, h, &has_edns, &edns))) {
    r->stats.malformed++;
    return false;
  }
  if (!is_answer_to(r, l, message, h) || !check_cookie(r, l, has_edns, &edns)) {
    return false;
  }
  const uint16_t high = has_edns ? (uint16_t)(edns.rcode_high << 4) : 0;
  act(r, l, message, h, high | h->rcode, now_ns);
  return true;
}

bool so_resolver_udp(so_resolver *r, const so_endpoint *from, uint16_t local_port,
                     so_bytes message, uint64_t now_ns) {
  so_dns_header h;
  if (!so_ok(so_dns_header_read(message, &h))) {
    r->stats.malformed++;
    return false;
  }
  resolver_lookup *const l = find_waiting(r, from, local_port, h.id);
  if (l == NULL) {
    r->stats.stray++;
    return false;
  }
  return believe(r, l, message, &h, now_ns);
}

void so_resolver_tcp(so_resolver *r, so_resolver_id id, so_status outcome, so_bytes message,
                     uint64_t now_ns) {
  so_dns_header h;
  resolver_lookup *const l = lookup_of(r, id);
  if (l == NULL || l->state != RESOLVER_WAIT || !l->tcp) {
    r->stats.stray++;
    return;
  }
  if (!so_ok(outcome) || !so_ok(so_dns_header_read(message, &h)) || h.id != l->id ||
      !believe(r, l, message, &h, now_ns)) {
    attempt_failed(r, l);
  }
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
      attempt_failed(r, l);
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
      ask(&r->lookups[i]);
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
