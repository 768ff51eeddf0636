#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/sntp/sntp.h"

#define VERSION 4
#define MODE_CLIENT 3
#define MODE_SERVER 4
#define LEAP_UNKNOWN 3
#define STRATUM_MAX 15
// A kiss "RATE" without end would silence us for ever.
#define RATE_INTERVAL_MAX_S (4 * SO_SNTP_POLL_MAX_S)
// Offsets are kept well inside int64_t.
#define FLOOR_MAX_S (INT64_C(1) << 32)

static uint32_t kiss(const char code[5]) {
  return (uint32_t)(uint8_t)code[0] << 24 | (uint32_t)(uint8_t)code[1] << 16 |
         (uint32_t)(uint8_t)code[2] << 8 | (uint8_t)code[3];
}

// jittered spreads a wait over 7/8 to 9/8 of `ns`, so that clients do not march in step.
static uint64_t jittered(so_sntp *c, uint64_t ns) {
  return ns - ns / 8 + so_rng_below(&c->rng, ns / 4 + 1);
}

void so_sntp_init(so_sntp *c, const so_endpoint *servers, size_t count,
                  const uint8_t seed[SO_RNG_SEED_LEN], int64_t not_before_unix_s,
                  uint64_t now_ns) {
  memset(c, 0, sizeof *c);
  so_rng_init(&c->rng, seed);
  const bool sane = not_before_unix_s >= 0 && not_before_unix_s <= FLOOR_MAX_S;
  c->not_before_unix_s = sane ? not_before_unix_s : 0;
  for (size_t i = 0; i < count && i < SO_SNTP_SERVERS_MAX; i++) {
    c->servers[c->server_count].at = servers[i];
    c->servers[c->server_count++].interval_s = SO_SNTP_POLL_MIN_S;
  }
  // Servers of one list are not all asked first by everybody.
  c->current = c->server_count == 0 ? 0 : (uint8_t)so_rng_below(&c->rng, c->server_count);
  c->deadline_ns = c->server_count == 0 ? SO_NEVER : now_ns + so_rng_below(&c->rng, SO_NS_PER_S);
}

static bool same_endpoint(const so_endpoint *a, const so_endpoint *b) {
  return a->family == b->family && a->port == b->port &&
         memcmp(a->address, b->address, a->family == 4 ? 4 : 16) == 0;
}

uint64_t so_sntp_deadline(const so_sntp *c) { return c->deadline_ns; }

// next_server goes on to one that may be asked; false: all of them said never again.
static bool next_server(so_sntp *c) {
  for (uint8_t i = 0; i < c->server_count; i++) {
    c->current = (uint8_t)((c->current + 1) % c->server_count);
    if (!c->servers[c->current].denied) {
      return true;
    }
  }
  return false;
}

// retry_wait follows a failure: `failures` is 1 at least.
static uint64_t retry_wait(so_sntp *c) {
  const uint8_t doublings = c->failures < 10 ? c->failures - 1 : 9;
  const uint64_t s = (uint64_t)SO_SNTP_RETRY_MIN_S << doublings;
  const uint64_t most = SO_SNTP_POLL_MAX_S;
  return jittered(c, (s < most ? s : most) * SO_NS_PER_S);
}

// failed plans the next attempt, with another server when there is one.
static void failed(so_sntp *c, uint64_t now_ns) {
  c->waiting = false;
  c->failures = c->failures < UINT8_MAX ? (uint8_t)(c->failures + 1) : UINT8_MAX;
  if (!next_server(c)) {
    c->deadline_ns = SO_NEVER;
    return;
  }
  const uint64_t allowed = c->servers[c->current].not_before_ns;
  const uint64_t wanted = now_ns + retry_wait(c);
  c->deadline_ns = allowed > wanted ? allowed : wanted;
}

// find returns where `at` stands in a list of servers, or `count`.
static uint8_t find(const so_sntp_server *list, uint8_t count, const so_endpoint *at) {
  uint8_t i = 0;
  while (i < count && !same_endpoint(&list[i].at, at)) {
    i++;
  }
  return i;
}

void so_sntp_set_servers(so_sntp *c, const so_endpoint *servers, size_t count, uint64_t now_ns) {
  so_sntp_server before[SO_SNTP_SERVERS_MAX];
  const uint8_t before_count = c->server_count;
  const so_endpoint asked = c->servers[c->current].at;
  memcpy(before, c->servers, sizeof before);
  c->server_count = 0;
  for (size_t i = 0; i < count && c->server_count < SO_SNTP_SERVERS_MAX; i++) {
    if (find(c->servers, c->server_count, &servers[i]) != c->server_count) {
      continue;  // Two names of one server.
    }
    const uint8_t old = find(before, before_count, &servers[i]);
    so_sntp_server *const s = &c->servers[c->server_count++];
    *s = old < before_count
             ? before[old]
             : (so_sntp_server){.at = servers[i], .interval_s = SO_SNTP_POLL_MIN_S};
  }
  const uint8_t current = find(c->servers, c->server_count, &asked);
  if (before_count != 0 && current < c->server_count && !c->servers[current].denied) {
    c->current = current;
    return;
  }
  c->waiting = false;
  c->current = c->server_count == 0 ? 0 : (uint8_t)so_rng_below(&c->rng, c->server_count);
  c->deadline_ns = c->server_count != 0 && next_server(c)
                       ? now_ns + so_rng_below(&c->rng, SO_NS_PER_S)
                       : SO_NEVER;
  if (c->deadline_ns != SO_NEVER && c->deadline_ns < c->servers[c->current].not_before_ns) {
    c->deadline_ns = c->servers[c->current].not_before_ns;
  }
}

void so_sntp_unsent(so_sntp *c, uint64_t now_ns) {
  if (c->waiting) {
    c->waiting = false;
    c->stats.unsent++;
    c->deadline_ns = now_ns + SO_NS_PER_S;
  }
}

void so_sntp_doubt(so_sntp *c, uint64_t now_ns) {
  if (c->server_count == 0 || c->waiting) {
    return;
  }
  c->servers[c->current].interval_s = SO_SNTP_POLL_MIN_S;
  if (next_server(c)) {
    const uint64_t allowed = c->servers[c->current].not_before_ns;
    c->deadline_ns = now_ns + jittered(c, SO_SNTP_DOUBT_S * SO_NS_PER_S);
    c->deadline_ns = allowed > c->deadline_ns ? allowed : c->deadline_ns;
  }
}

static void make_request(so_sntp *c, uint64_t now_ns) {
  do {
    c->nonce = so_rng_u64(&c->rng);
  } while (c->nonce == 0);
  const so_sntp_packet p = {.version = VERSION, .mode = MODE_CLIENT, .transmit = c->nonce};
  so_writer w = so_writer_of(c->request, sizeof c->request);
  so_sntp_emit(&p, &w);
  c->sent_ns = now_ns;
  c->waiting = true;
  c->deadline_ns = now_ns + SO_SNTP_TIMEOUT_S * SO_NS_PER_S;
  c->stats.sent++;
}

bool so_sntp_tick(so_sntp *c, uint64_t now_ns, so_endpoint *out_to, so_bytes *out_request) {
  if (now_ns < c->deadline_ns) {
    return false;
  }
  if (c->waiting) {
    c->stats.timeouts++;
    failed(c, now_ns);
    return false;
  }
  make_request(c, now_ns);
  *out_to = c->servers[c->current].at;
  *out_request = so_bytes_of(c->request, sizeof c->request);
  return true;
}

// --- answers -------------------------------------------------------------------------------------

// kissed obeys a kiss-o'-death (RFC 5905 7.4). RATE: ask it less often. DENY, RSTR and what is not
// known: never again. It was believed only because it brought back our number.
static so_status kissed(so_sntp *c, const so_sntp_packet *p, uint64_t now_ns) {
  so_sntp_server *s = &c->servers[c->current];
  c->stats.kisses++;
  if (p->reference_id == kiss("RATE")) {
    s->interval_s = s->interval_s < RATE_INTERVAL_MAX_S / 2 ? 2 * s->interval_s
                                                            : RATE_INTERVAL_MAX_S;
    s->not_before_ns = now_ns + s->interval_s * SO_NS_PER_S;
  } else {
    s->denied = true;
  }
  failed(c, now_ns);
  return so_status_make(SO_DENIED, 0);
}

// check holds an answer against the list of RFC 4330 section 5.
static bool check(so_sntp *c, const so_sntp_packet *p) {
  const uint32_t most = (uint32_t)SO_SNTP_DISTANCE_MAX_S << 16;
  if (p->leap == LEAP_UNKNOWN || p->stratum > STRATUM_MAX) {
    c->stats.unsynchronised++;
    return false;
  }
  if (p->root_delay >= most || p->root_dispersion >= most) {
    c->stats.bad_distance++;
    return false;
  }
  return true;
}

// Half the distance between two times without overflow: both lie within 2^32 s of the floor.
static int64_t midpoint(int64_t a, int64_t b) { return a + (b - a) / 2; }

static bool sample(so_sntp *c, const so_sntp_packet *p, uint64_t now_ns) {
  const int64_t received = so_sntp_to_unix_ns(p->receive, c->not_before_unix_s);
  const int64_t sent = so_sntp_to_unix_ns(p->transmit, c->not_before_unix_s);
  const uint64_t round = now_ns - c->sent_ns;
  // The server cannot have had it for longer than it was away; clocks tick at different rates, a
  // little.
  if (sent < received || (uint64_t)(sent - received) > round + SO_NS_PER_MS) {
    c->stats.bad_distance++;
    return false;
  }
  const uint64_t held = (uint64_t)(sent - received);
  const int64_t middle = midpoint((int64_t)c->sent_ns, (int64_t)now_ns);
  c->sample = (so_sntp_sample){
      .offset_ns = midpoint(received, sent) - middle,
      .delay_ns = round > held ? round - held : 0,
      .at_ns = now_ns,
      .stratum = p->stratum,
      .leap = p->leap,
      .server = c->servers[c->current].at,
  };
  return true;
}

static void succeeded(so_sntp *c, uint64_t now_ns) {
  so_sntp_server *s = &c->servers[c->current];
  c->waiting = false;
  c->failures = 0;
  c->has_sample = true;
  c->fresh = true;
  c->stats.accepted++;
  c->deadline_ns = now_ns + jittered(c, s->interval_s * SO_NS_PER_S);
  // The clock is right: ask ever less often.
  if (s->interval_s < SO_SNTP_POLL_MAX_S) {
    s->interval_s *= 2;
  }
}

static so_status answered(so_sntp *c, const so_sntp_packet *p, uint64_t now_ns) {
  if (p->mode != MODE_SERVER || p->version == 0 || p->version > VERSION) {
    c->stats.bad_mode++;
    failed(c, now_ns);
    return so_status_make(SO_CONFLICT, 0);
  }
  if (p->stratum == 0) {
    return kissed(c, p, now_ns);
  }
  if (p->transmit == 0 || p->receive == 0) {
    c->stats.bad_mode++;
  } else if (check(c, p) && sample(c, p, now_ns)) {
    succeeded(c, now_ns);
    return so_done();
  }
  failed(c, now_ns);
  return so_status_make(SO_CONFLICT, 0);
}

so_status so_sntp_input(so_sntp *c, const so_endpoint *from, so_bytes message, uint64_t now_ns) {
  so_sntp_packet p;
  if (!c->waiting || !same_endpoint(from, &c->servers[c->current].at)) {
    c->stats.stray++;
    return so_status_make(SO_NOT_FOUND, 0);
  }
  // Nothing but our number coming back ends the wait, so that a forger cannot end it.
  if (!so_ok(so_sntp_parse(message, &p))) {
    c->stats.malformed++;
    return so_status_make(SO_NOT_FOUND, 0);
  }
  if (p.origin != c->nonce) {
    c->stats.bad_origin++;
    return so_status_make(SO_NOT_FOUND, 0);
  }
  return answered(c, &p, now_ns);
}

bool so_sntp_sample_take(so_sntp *c, so_sntp_sample *out) {
  if (!c->fresh) {
    return false;
  }
  c->fresh = false;
  *out = c->sample;
  return true;
}
