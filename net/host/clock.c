#include "net/host/clock.h"

#include "base/mem.h"
#include "net/host/internal.h"
#include "net/sntp/wall.h"

// 2026-01-01: no time before this program was written can be right.
#define NOT_BEFORE_UNIX_S INT64_C(1767225600)
#define RESOLVE_NS (3 * SO_NS_PER_S)
#define GATHER_MIN_S 2u
#define GATHER_MAX_S 1024u
// So many silent servers in a row, and their names are looked up again.
#define FAILURES_TO_GATHER 3u
// How often a host without time servers looks whether a lease names some.
#define LEASE_LOOK_NS (16 * SO_NS_PER_S)

struct so_host_clock {
  so_world world;
  so_host *host;
  so_host_ntp names[SO_HOST_NTP_MAX];
  size_t name_count;
  bool use_lease;
  so_endpoint servers[SO_SNTP_SERVERS_MAX];
  size_t server_count;
  uint64_t gather_ns;  // When servers are looked for again.
  uint32_t gather_s;
  so_sntp sntp;
  so_wall wall;
  bool has_sample;
  so_sntp_sample sample;
  so_datagram_socket socket;  // What an answer comes to.
  bool open;
  uint64_t resolve_failed;
  bool stopping;
  bool ended;
  so_event wake;
  so_event changed;  // The clock was set, servers came or went, or the fiber ended.
};

static uint64_t now(const so_host_clock *c) { return so_clock_now(&c->world.clock); }

static bool stopping(const so_host_clock *c) {
  return c->stopping || so_sched_stopping(c->world.sched);
}

// --- who is asked -----------------------------------------------------------------------------

static size_t lease_servers(const so_host *h, so_endpoint *out) {
  if (h == NULL || h->leased.family == 0) {
    return 0;
  }
  const so_dhcp_lease *const lease = &h->dhcp.lease;
  for (size_t i = 0; i < lease->ntp_count; i++) {
    out[i] = so_ip_endpoint(&lease->ntp[i], SO_SNTP_PORT);
  }
  return lease->ntp_count;
}

// look_up_servers returns false when a name was not found.
static bool look_up_servers(so_host_clock *c, so_endpoint *out, size_t *count) {
  bool all = true;
  for (size_t i = 0; i < c->name_count && !stopping(c); i++) {
    const so_bytes name = so_bytes_of(c->names[i].name, c->names[i].len);
    so_endpoint *const e = &out[*count];
    if (so_ok(c->world.net.resolve(c->world.net.ctx, name, now(c) + RESOLVE_NS, e))) {
      e->port = SO_SNTP_PORT;
      ++*count;
    } else {
      c->resolve_failed++;
      all = false;
    }
  }
  return all;
}

static void plan_gathering(so_host_clock *c, bool all) {
  if (c->use_lease) {
    c->gather_ns = now(c) + LEASE_LOOK_NS;
    return;
  }
  c->gather_s = c->gather_s == 0 ? GATHER_MIN_S : 2 * c->gather_s;
  c->gather_s = c->gather_s < GATHER_MAX_S ? c->gather_s : GATHER_MAX_S;
  c->gather_ns = all ? SO_NEVER : now(c) + c->gather_s * SO_NS_PER_S;
}

// gather finds out who is to be asked. A name that is not found now keeps nobody from being asked
// who was found before.
static void gather(so_host_clock *c) {
  so_endpoint found[SO_SNTP_SERVERS_MAX];
  size_t count = 0;
  bool all = true;
  memset(found, 0, sizeof found);
  if (c->use_lease) {
    count = lease_servers(c->host, found);
  } else {
    all = look_up_servers(c, found, &count);
  }
  plan_gathering(c, all);
  const bool same = count == c->server_count && memcmp(found, c->servers, sizeof found) == 0;
  if (!same && (all || count != 0)) {
    memcpy(c->servers, found, sizeof found);
    c->server_count = count;
    so_sntp_set_servers(&c->sntp, found, count, now(c));
    so_event_signal(c->world.sched, &c->changed);
  }
}

// After silence the names may lead elsewhere; literal addresses do not.
static void plan_after_silence(so_host_clock *c) {
  if (!c->use_lease && c->gather_ns == SO_NEVER && c->sntp.failures >= FAILURES_TO_GATHER) {
    plan_gathering(c, false);
  }
}

// nobody: there is nobody to ask, now or after the next lookup.
static bool nobody(const so_host_clock *c) {
  return so_sntp_deadline(&c->sntp) == SO_NEVER && (c->use_lease || c->gather_ns == SO_NEVER);
}

// --- asking -----------------------------------------------------------------------------------

static void take_sample(so_host_clock *c) {
  so_sntp_sample s;
  if (!so_sntp_sample_take(&c->sntp, &s)) {
    return;
  }
  switch (so_wall_take(&c->wall, s.offset_ns, s.at_ns)) {
    case SO_WALL_STEPPED:
    case SO_WALL_SLEWS:
      c->sample = s;
      c->has_sample = true;
      c->gather_s = 0;
      so_event_signal(c->world.sched, &c->changed);
      break;
    case SO_WALL_DOUBTED:
    case SO_WALL_REFUSED: so_sntp_doubt(&c->sntp, now(c)); break;
  }
}

static void close_socket(so_host_clock *c) {
  if (c->open) {
    c->open = false;
    so_datagram_close(&c->socket);
  }
}

// listen takes what comes to the socket until there is an answer, or the time for it is over.
static void listen(so_host_clock *c) {
  uint8_t message[SO_SNTP_MESSAGE_LEN_MAX];
  while (c->sntp.waiting && c->open && !stopping(c)) {
    so_datagram d = {.data = message, .cap = sizeof message};
    size_t count;
    if (!so_ok(so_datagram_receive(&c->socket, &d, 1, so_sntp_deadline(&c->sntp), &count))) {
      return;
    }
    (void)so_sntp_input(&c->sntp, &d.peer, so_bytes_of(message, d.len), now(c)).code;
  }
}

// reachable: there is an address to ask from. One of IPv6 takes a second to become usable.
static bool reachable(const so_host_clock *c, const so_endpoint *to) {
  const so_ip ip = so_ip_of(to);
  so_ip source;
  return c->host == NULL || so_ok(so_interface_source(&c->host->interface, &ip, &source));
}

// ask sends one request from a port of its own and waits for the answer.
static void ask(so_host_clock *c, const so_endpoint *to, so_bytes request) {
  uint8_t message[SO_SNTP_LEN];
  const so_endpoint any = {.family = to->family};
  if (!reachable(c, to) || !so_ok(c->world.net.bind(c->world.net.ctx, &any, &c->socket))) {
    so_sntp_unsent(&c->sntp, now(c));
    return;
  }
  c->open = true;
  memcpy(message, request.ptr, request.len);
  const so_datagram d = {.data = message, .len = request.len, .peer = *to};
  if (so_ok(so_datagram_send(&c->socket, &d, 1, so_sntp_deadline(&c->sntp)))) {
    listen(c);
  } else {
    so_sntp_unsent(&c->sntp, now(c));
  }
  close_socket(c);
}

static void run(void *arg) {
  so_host_clock *const c = arg;
  so_sched *const sched = c->world.sched;
  (void)so_fiber_wake_on_stop(sched, true);
  while (!stopping(c)) {
    so_endpoint to;
    so_bytes request;
    if (c->gather_ns <= now(c)) {
      gather(c);
    }
    if (so_sntp_tick(&c->sntp, now(c), &to, &request)) {
      ask(c, &to, request);
      take_sample(c);
    }
    plan_after_silence(c);
    if (nobody(c)) {
      so_event_signal(sched, &c->changed);
    }
    const uint64_t due_ns = so_sntp_deadline(&c->sntp);
    if (!stopping(c)) {
      (void)so_event_wait(sched, &c->wake, due_ns < c->gather_ns ? due_ns : c->gather_ns).code;
    }
  }
  c->ended = true;
  so_event_signal(sched, &c->changed);
}

// --- what others see --------------------------------------------------------------------------

bool so_host_clock_has_servers(const so_host_clock *c) { return c->server_count != 0; }

bool so_host_clock_sample(const so_host_clock *c, so_sntp_sample *out) {
  if (c->has_sample) {
    *out = c->sample;
  }
  return c->has_sample;
}

so_status so_host_clock_wait(so_host_clock *c, uint64_t deadline_ns) {
  if (c->use_lease) {
    so_fiber_yield(c->world.sched);  // The fiber looks at the lease.
  }
  while (!c->wall.set) {
    if (c->ended || stopping(c)) {
      return so_status_make(SO_IO, 0);
    }
    if (nobody(c)) {
      return so_status_make(SO_NOT_FOUND, 0);
    }
    SO_TRY(so_event_wait(c->world.sched, &c->changed, deadline_ns));
  }
  return so_done();
}

static uint64_t monotonic_ns(void *ctx) { return now(ctx); }

static int64_t unix_ns(void *ctx) {
  const so_host_clock *const c = ctx;
  return c->wall.set ? so_wall_unix_ns(&c->wall, now(c)) : so_clock_unix_ns(&c->world.clock);
}

so_clock so_host_clock_port(so_host_clock *c) { return (so_clock){monotonic_ns, unix_ns, c}; }

static void each(void *ctx, so_metric_visit *visit, void *visit_ctx) {
  const so_host_clock *const c = ctx;
  const so_sntp_stats *const s = &c->sntp.stats;
  const so_wall_stats *const w = &c->wall.stats;
  const struct {
    const char *name;
    uint64_t value;
  } counters[] = {
      {"sntp_sent", s->sent},
      {"sntp_accepted", s->accepted},
      {"sntp_unsent", s->unsent},
      {"sntp_timeouts", s->timeouts},
      {"sntp_malformed", s->malformed},
      {"sntp_stray", s->stray},
      {"sntp_bad_origin", s->bad_origin},
      {"sntp_bad_mode", s->bad_mode},
      {"sntp_unsynchronised", s->unsynchronised},
      {"sntp_bad_distance", s->bad_distance},
      {"sntp_kisses", s->kisses},
      {"sntp_resolve_failed", c->resolve_failed},
      {"clock_steps", w->steps},
      {"clock_slews", w->slews},
      {"clock_doubted", w->doubted},
      {"clock_refused", w->refused},
  };
  so_metrics_each(&c->world.metrics, visit, visit_ctx);
  for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
    visit(visit_ctx, counters[i].name, SO_METRIC_COUNTER, counters[i].value);
  }
  visit(visit_ctx, "clock_set", SO_METRIC_GAUGE, c->wall.set);
  visit(visit_ctx, "clock_servers", SO_METRIC_GAUGE, c->server_count);
  visit(visit_ctx, "clock_stratum", SO_METRIC_GAUGE, c->sample.stratum);
  visit(visit_ctx, "clock_delay_ns", SO_METRIC_GAUGE, c->sample.delay_ns);
}

so_metrics so_host_clock_metrics(so_host_clock *c) { return (so_metrics){each, c}; }

// --- life cycle -------------------------------------------------------------------------------

so_status so_host_clock_start(const so_world *world, so_host *host, const so_host_config *config,
                              so_host_clock **out) {
  so_host_clock *const c = so_heap_alloc_array(world->heap, 1, sizeof *c);
  if (c == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  uint8_t seed[SO_RNG_SEED_LEN];
  c->world = *world;
  c->host = host;
  c->name_count = config->no_ntp ? 0 : config->ntp_count;
  memcpy(c->names, config->ntp, sizeof c->names);
  c->use_lease = config->dhcp && config->ntp_count == 0 && !config->no_ntp;
  // Looked for at once, or never.
  c->gather_ns = c->use_lease || c->name_count != 0 ? 0 : SO_NEVER;
  so_entropy_fill(&world->entropy, seed, sizeof seed);
  so_sntp_init(&c->sntp, NULL, 0, seed, NOT_BEFORE_UNIX_S, now(c));
  so_wall_init(&c->wall, NOT_BEFORE_UNIX_S);
  const so_status s = so_fiber_spawn(world->sched, "clock", run, c);
  if (!so_ok(s)) {
    so_heap_free(world->heap, c, sizeof *c);
    return s;
  }
  *out = c;
  return so_done();
}

void so_host_clock_stop(so_host_clock *c) {
  so_sched *const sched = c->world.sched;
  c->stopping = true;
  close_socket(c);
  so_event_signal(sched, &c->wake);
  while (!c->ended) {
    (void)so_event_wait(sched, &c->changed, SO_NEVER).code;
  }
  so_heap_free(c->world.heap, c, sizeof *c);
}
