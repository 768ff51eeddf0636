// Telling secondaries that a zone has changed (RFC 1996). A fiber for each secondary works off the
// zones that it was not told of yet: a bit of each zone says so, so that nothing can pile up, and a
// zone that changes twice before it was told is told once.

#include "apps/nameserver/nameserver.h"
#include "base/fmt.h"
#include "base/mem.h"

#define MESSAGE_LEN_MAX 512
#define NAME_TEXT_MAX 1024  // 255 bytes, each perhaps an escape of four.
// RFC 1996 3.6 leaves the interval open: 3, 6, 12, 24 and 48 seconds.
#define TRIES 5u
#define FIRST_WAIT_NS (3 * SO_NS_PER_S)

typedef struct secondary {
  so_nameserver *ns;
  const so_place *place;
  uint8_t bit;
  bool silent;  // It did not answer last time: until it does, each zone gets one try.
  so_endpoint at;
  so_datagram_socket socket;
} secondary;

// A message under way.
typedef struct notice {
  so_bytes origin;
  uint16_t id;
  uint8_t message[MESSAGE_LEN_MAX];
  size_t len;
} notice;

static so_ns_zone *next_zone(const secondary *s) {
  for (size_t i = 0; i < s->ns->zone_count; i++) {
    if ((s->ns->zones[i]->to_notify & s->bit) != 0) {
      return s->ns->zones[i];
    }
  }
  return NULL;
}

static bool compose(const secondary *s, const so_dns_zone *zone, notice *n) {
  so_dns_builder b;
  so_bytes out;
  so_entropy_fill(&s->ns->world->entropy, (uint8_t *)&n->id, sizeof n->id);
  n->origin = zone->origin;
  const so_dns_header header = {.id = n->id, .opcode = SO_DNS_NOTIFY, .aa = true};
  so_dns_builder_init(&b, n->message, sizeof n->message, &header);
  so_dns_write_question(&b, zone->origin, SO_DNS_SOA, SO_DNS_IN);
  if (!so_ok(so_dns_builder_end(&b, &out))) {
    return false;
  }
  n->len = out.len;
  return true;
}

static bool same_host(const so_endpoint *a, const so_endpoint *b) {
  return a->family == b->family && a->port == b->port &&
         memcmp(a->address, b->address, a->family == 4 ? 4 : 16) == 0;
}

// is_answer holds a datagram against RFC 1996 3.11 to 3.13; `*out_rcode` is what it says.
static bool is_answer(const secondary *s, const notice *n, const so_datagram *d,
                      uint8_t *out_rcode) {
  const so_bytes message = so_bytes_of(d->data, d->len);
  so_dns_header h;
  so_dns_question q;
  size_t at = SO_DNS_HEADER_LEN;
  if (!same_host(&d->peer, &s->at) || !so_ok(so_dns_header_read(message, &h)) || !h.qr ||
      h.opcode != SO_DNS_NOTIFY || h.id != n->id) {
    return false;
  }
  *out_rcode = h.rcode;
  // Some answer with the header alone when they refuse.
  return h.counts[0] == 0 || (so_ok(so_dns_question_read(message, &at, &q)) &&
                              so_dns_name_equal(so_dns_name_view(&q.name), n->origin));
}

// await_answer is AGAIN when none came in time.
static so_status await_answer(const secondary *s, const notice *n, uint64_t deadline_ns,
                              uint8_t *out_rcode) {
  uint8_t message[MESSAGE_LEN_MAX];
  for (;;) {
    so_datagram d = {.data = message, .cap = sizeof message};
    size_t count;
    SO_TRY(so_datagram_receive(&s->socket, &d, 1, deadline_ns, &count));
    if (is_answer(s, n, &d, out_rcode)) {
      return so_done();
    }
  }
}

static so_status exchange(const secondary *s, const notice *n, uint8_t *out_rcode) {
  const so_clock *const clock = &s->ns->world->clock;
  so_datagram d = {.data = (uint8_t *)n->message, .len = n->len, .peer = s->at};
  uint64_t wait_ns = FIRST_WAIT_NS;
  so_status status = so_status_make(SO_AGAIN, 0);
  for (unsigned i = 0; i < (s->silent ? 1 : TRIES) && so_is(status, SO_AGAIN); i++) {
    const uint64_t deadline_ns = so_clock_now(clock) + wait_ns;
    s->ns->notify.sent++;
    SO_TRY(so_datagram_send(&s->socket, &d, 1, deadline_ns));
    status = await_answer(s, n, deadline_ns, out_rcode);
    wait_ns *= 2;
  }
  return status;
}

static void count(secondary *s, const notice *n, so_status status, uint8_t rcode) {
  so_ns_notify_stats *const stats = &s->ns->notify;
  uint8_t text[NAME_TEXT_MAX];
  so_writer w = so_writer_of(text, sizeof text);
  so_dns_name_write_text(&w, n->origin);
  const so_bytes name = so_writer_bytes(&w);
  const bool before = s->silent;
  s->silent = !so_ok(status);
  if (!so_ok(status)) {
    stats->silent++;
    if (!before) {
      so_ns_say(s->ns->world, "nameserver: %.*s does not answer about %.*s",
                SO_FMT(s->place->host), SO_FMT(name));
    }
  } else if (rcode != SO_DNS_NOERROR) {
    stats->refused++;
    so_ns_say(s->ns->world, "nameserver: %.*s does not want to hear of %.*s (rcode %u)",
              SO_FMT(s->place->host), SO_FMT(name), rcode);
  } else {
    stats->answered++;
  }
}

// tell tells about one zone, which is held meanwhile.
static void tell(secondary *s, so_ns_zone *zone) {
  so_nameserver *const ns = s->ns;
  const so_endpoint any = {.family = s->at.family};
  notice n;
  uint8_t rcode = 0;
  zone->to_notify &= (uint8_t)~s->bit;
  zone->uses++;
  so_status status = ns->world->net.bind(ns->world->net.ctx, &any, &s->socket);
  if (so_ok(status)) {  // A new port each time, which a forger has to guess.
    status = compose(s, &zone->zone, &n) ? exchange(s, &n, &rcode) : so_status_make(SO_LIMIT, 0);
    so_datagram_close(&s->socket);
    if (!so_sched_stopping(ns->world->sched)) {
      count(s, &n, status, rcode);
    }
  }
  so_ns_zone_drop(ns->world, zone);
}

static bool resolve(secondary *s) {
  const so_world *const world = s->ns->world;
  const uint64_t deadline_ns = so_clock_now(&world->clock) + 10 * SO_NS_PER_S;
  const so_status found = so_place_resolve(world, s->place, deadline_ns, &s->at);
  if (!so_ok(found)) {
    so_ns_say(world, "nameserver: there is no address of %.*s to notify%s", SO_FMT(s->place->host),
              so_is(found, SO_UNSUPPORTED) ? ": this program looks up no names, give its address" : "");
    return false;
  }
  return true;
}

static void run(void *arg) {
  secondary *const s = arg;
  so_nameserver *const ns = s->ns;
  so_sched *const sched = ns->world->sched;
  (void)so_fiber_wake_on_stop(sched, true);
  while (!so_sched_stopping(sched)) {
    so_ns_zone *const zone = next_zone(s);
    if (zone == NULL) {
      (void)so_event_wait(sched, &ns->zones_changed, SO_NEVER).code;
    } else if (resolve(s)) {
      tell(s, zone);
    } else {
      zone->to_notify &= (uint8_t)~s->bit;
    }
  }
  so_heap_free(ns->world->heap, s, sizeof *s);
  so_ns_fiber_end(ns);
}

bool so_ns_start_notifying(so_nameserver *ns) {
  for (size_t i = 0; i < ns->options->notifies.count; i++) {
    secondary *const s = so_heap_alloc_array(ns->world->heap, 1, sizeof *s);
    if (s == NULL) {
      return false;
    }
    s->ns = ns;
    s->place = &ns->options->notifies.at[i];
    s->bit = (uint8_t)(1u << i);
    if (!so_ok(so_ns_spawn(ns, "notify", run, s))) {
      so_heap_free(ns->world->heap, s, sizeof *s);
      return false;
    }
  }
  return true;
}

void so_ns_zone_changed(so_nameserver *ns, so_ns_zone *zone) {
  zone->to_notify = (uint8_t)((1u << ns->options->notifies.count) - 1);
  so_event_signal(ns->world->sched, &ns->zones_changed);
}
