#include "base/assert.h"
#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/dhcp/internal.h"

#define FIRST_WAIT_S 4     // RFC 2131 4.1: 4, 8, 16, 32, 64 s, each give or take a second.
#define DOUBLINGS_MAX 4
#define REQUESTS_MAX 4     // Then begin again.
#define REBOOTS_MAX 3
#define RENEW_WAIT_MIN_S 60  // RFC 2131 4.4.5.
#define REFUSED_WAIT_S 1     // After a NAK.
#define DECLINED_WAIT_S 10   // RFC 2131 3.1 (5).
// A lease or a T1 of a few seconds would keep us busy at the server's pleasure.
#define LEASE_MIN_S 10
#define RENEW_MIN_S 5

enum event {
  EVENT_RESEND,
  EVENT_RENEW,
  EVENT_REBIND,
  EVENT_EXPIRE,
  EVENT_OFFER,
  EVENT_ACK,
  EVENT_NAK,
  EVENT_CONFLICT,
  EVENT_LINK_UP,
  EVENT_STOP,
  EVENTS,
};

enum action {
  NOTHING,
  DISCOVER,  // Send the first DISCOVER, or again.
  CHOOSE,    // Take an offer: send REQUEST.
  REQUEST,   // Send REQUEST again, or give up.
  BIND,      // Take the lease of an ACK.
  EXTEND,    // Take a longer lease for the same address.
  REFUSED,   // Begin again; what we had is lost.
  RENEW,     // T1.
  REBIND,    // T2.
  EXPIRE,    // The end of the lease.
  DECLINE,
  REBOOT,    // Ask for the address that we had.
  BEGIN,     // From the start, at once.
  RELEASE,
};

// What happens in each state (figure 5 of RFC 2131). Rows and columns as the enums above.
static const uint8_t transitions[SO_DHCP_STATES][EVENTS] = {
    //                   RESEND    RENEW    REBIND   EXPIRE   OFFER    ACK      NAK      CONFLICT
    //                   LINK_UP   STOP
    [SO_DHCP_INIT] =       {DISCOVER, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
                            BEGIN,    RELEASE},
    [SO_DHCP_SELECTING] =  {DISCOVER, NOTHING, NOTHING, NOTHING, CHOOSE,  NOTHING, NOTHING, NOTHING,
                            BEGIN,    RELEASE},
    [SO_DHCP_REQUESTING] = {REQUEST,  NOTHING, NOTHING, NOTHING, NOTHING, BIND,    REFUSED, NOTHING,
                            BEGIN,    RELEASE},
    [SO_DHCP_REBOOTING] =  {REQUEST,  NOTHING, NOTHING, EXPIRE,  NOTHING, BIND,    REFUSED, DECLINE,
                            REBOOT,   RELEASE},
    [SO_DHCP_HOLDING] =    {NOTHING,  RENEW,   NOTHING, EXPIRE,  NOTHING, NOTHING, NOTHING, DECLINE,
                            REBOOT,   RELEASE},
    [SO_DHCP_RENEWING] =   {RENEW,    NOTHING, REBIND,  EXPIRE,  NOTHING, EXTEND,  REFUSED, DECLINE,
                            REBOOT,   RELEASE},
    [SO_DHCP_REBINDING] =  {REBIND,   NOTHING, NOTHING, EXPIRE,  NOTHING, EXTEND,  REFUSED, DECLINE,
                            REBOOT,   RELEASE},
    [SO_DHCP_STOPPED] =    {NOTHING,  NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING,
                            NOTHING,  NOTHING},
};

const char *so_dhcp_state_name(so_dhcp_state state) {
  static const char names[SO_DHCP_STATES][12] = {"INIT",    "SELECTING", "REQUESTING", "REBOOTING",
                                                 "BOUND",   "RENEWING",  "REBINDING",  "STOPPED"};
  return names[state];
}

static bool has_lease(const so_dhcp *d) { return d->lease.address.family != 0; }

static uint64_t after(uint64_t now_ns, uint64_t seconds) { return now_ns + seconds * SO_NS_PER_S; }

// enter writes the state and holds it against what must be true in it.
static void enter(so_dhcp *d, so_dhcp_state state) {
  d->state = state;
  switch (state) {
    case SO_DHCP_INIT:
    case SO_DHCP_SELECTING:
    case SO_DHCP_REQUESTING:
    case SO_DHCP_STOPPED:
      SO_ASSERT(!has_lease(d));
      break;
    case SO_DHCP_REBOOTING:
      SO_ASSERT(d->wanted.family == 4);
      break;
    case SO_DHCP_HOLDING:
      d->resend_ns = SO_NEVER;
      SO_ASSERT(has_lease(d));
      break;
    case SO_DHCP_RENEWING:
    case SO_DHCP_REBINDING:
      SO_ASSERT(has_lease(d) && d->expire_ns != SO_NEVER);
      break;
  }
}

// --- actions -------------------------------------------------------------------------------------

static void new_exchange(so_dhcp *d, uint64_t now_ns) {
  d->xid = (uint32_t)so_rng_u64(&d->rng);
  d->begun_ns = now_ns;
  d->attempt = 0;
}

// send puts the message out and plans its repetition by RFC 2131 4.1.
static void send(so_dhcp *d, so_dhcp_type type, uint64_t now_ns) {
  const uint8_t doublings = d->attempt < DOUBLINGS_MAX ? d->attempt : DOUBLINGS_MAX;
  const uint64_t wait = ((uint64_t)FIRST_WAIT_S << doublings) * SO_NS_PER_S;
  so_dhcp_message_make(d, type, now_ns);
  d->resend_ns = now_ns + wait - SO_NS_PER_S + so_rng_below(&d->rng, 2 * SO_NS_PER_S + 1);
  d->attempt = d->attempt < UINT8_MAX ? (uint8_t)(d->attempt + 1) : UINT8_MAX;
}

static void lose(so_dhcp *d) {
  if (has_lease(d)) {
    d->event = SO_DHCP_LOST;
    d->stats.lost++;
  }
  memset(&d->lease, 0, sizeof d->lease);
  d->renew_ns = d->rebind_ns = d->expire_ns = SO_NEVER;
}

static void begin(so_dhcp *d, uint64_t wait_s, uint64_t now_ns) {
  lose(d);
  d->attempt = 0;
  d->resend_ns = after(now_ns, wait_s) + so_rng_below(&d->rng, SO_NS_PER_S);
  enter(d, SO_DHCP_INIT);
}

static void discover(so_dhcp *d, uint64_t now_ns) {
  if (d->state == SO_DHCP_INIT) {
    new_exchange(d, now_ns);
    enter(d, SO_DHCP_SELECTING);
  } else {
    d->stats.timeouts++;
  }
  send(d, SO_DHCP_DISCOVER, now_ns);
}

static void choose(so_dhcp *d, const so_dhcp_reply *offer, uint64_t now_ns) {
  d->wanted = offer->lease.address;
  d->wanted_server = offer->lease.server;
  d->attempt = 0;
  d->requested_ns = now_ns;
  enter(d, SO_DHCP_REQUESTING);
  send(d, SO_DHCP_REQUEST, now_ns);
}

static void reboot(so_dhcp *d, uint64_t now_ns) {
  if (has_lease(d)) {
    d->wanted = d->lease.address;
  }
  new_exchange(d, now_ns);
  d->requested_ns = now_ns;
  enter(d, SO_DHCP_REBOOTING);
  send(d, SO_DHCP_REQUEST, now_ns);
}

// request_again: nobody answers. Who still has a lease keeps it (RFC 2131 3.2).
static void request_again(so_dhcp *d, uint64_t now_ns) {
  d->stats.timeouts++;
  if (d->attempt < (d->state == SO_DHCP_REBOOTING ? REBOOTS_MAX : REQUESTS_MAX)) {
    send(d, SO_DHCP_REQUEST, now_ns);
  } else if (has_lease(d)) {
    enter(d, SO_DHCP_HOLDING);
  } else {
    begin(d, 0, now_ns);
  }
}

// Times that a server left out, or that make no sense, become those of RFC 2131 4.4.5.
static void take_lease(so_dhcp *d, const so_dhcp_lease *lease) {
  const so_ip server = lease->server.family != 0 ? lease->server : d->lease.server;
  d->lease = *lease;
  d->lease.server = server;
  so_dhcp_lease *l = &d->lease;
  if (l->lease_s == UINT32_MAX) {
    d->renew_ns = d->rebind_ns = d->expire_ns = SO_NEVER;
    return;
  }
  if (l->rebind_s < RENEW_MIN_S || l->rebind_s >= l->lease_s) {
    l->rebind_s = (uint32_t)((uint64_t)l->lease_s * 7 / 8);
  }
  if (l->renew_s < RENEW_MIN_S || l->renew_s >= l->rebind_s) {
    l->renew_s = l->lease_s / 2 < l->rebind_s ? l->lease_s / 2 : l->rebind_s;
  }
  d->renew_ns = after(d->requested_ns, l->renew_s);
  d->rebind_ns = after(d->requested_ns, l->rebind_s);
  d->expire_ns = after(d->requested_ns, l->lease_s);
}

static void bind(so_dhcp *d, const so_dhcp_reply *ack) {
  const bool same = has_lease(d) && so_ip_equal(&d->lease.address, &ack->lease.address);
  take_lease(d, &ack->lease);
  d->wanted = d->lease.address;
  d->wanted_server = d->lease.server;
  d->event = same ? SO_DHCP_RENEWED : SO_DHCP_BOUND;
  d->stats.bound++;
  enter(d, SO_DHCP_HOLDING);
}

// ask_for_more sends a REQUEST and plans the next for half of the time left until `end_ns`.
static void ask_for_more(so_dhcp *d, so_dhcp_state state, uint64_t end_ns, uint64_t now_ns) {
  if (d->state != state) {
    new_exchange(d, now_ns);
    enter(d, state);
  } else {
    d->stats.timeouts++;
  }
  if (d->attempt == 0) {
    d->requested_ns = now_ns;
  }
  send(d, SO_DHCP_REQUEST, now_ns);
  const uint64_t left = end_ns > now_ns ? end_ns - now_ns : 0;
  const uint64_t least = RENEW_WAIT_MIN_S * SO_NS_PER_S;
  d->resend_ns = now_ns + (left / 2 > least ? left / 2 : least);
}

static void decline(so_dhcp *d, uint64_t now_ns) {
  d->stats.conflicts++;
  if (!has_lease(d)) {
    return;
  }
  d->wanted = d->lease.address;
  d->wanted_server = d->lease.server;
  new_exchange(d, now_ns);
  so_dhcp_message_make(d, SO_DHCP_DECLINE, now_ns);
  d->wanted = (so_ip){0};
  begin(d, DECLINED_WAIT_S, now_ns);
}

static void release(so_dhcp *d, uint64_t now_ns) {
  if (has_lease(d)) {
    new_exchange(d, now_ns);
    d->wanted_server = d->lease.server;
    so_dhcp_message_make(d, SO_DHCP_RELEASE, now_ns);
  }
  lose(d);
  d->resend_ns = SO_NEVER;
  enter(d, SO_DHCP_STOPPED);
}

// step does what the table says for `event`; `reply` is there for OFFER, ACK and NAK.
static void step(so_dhcp *d, enum event event, const so_dhcp_reply *reply, uint64_t now_ns) {
  switch ((enum action)transitions[d->state][event]) {
    case NOTHING:
      d->stats.other += reply != NULL;
      break;
    case DISCOVER:
      discover(d, now_ns);
      break;
    case CHOOSE:
      choose(d, reply, now_ns);
      break;
    case REQUEST:
      request_again(d, now_ns);
      break;
    case BIND:
    case EXTEND:
      bind(d, reply);
      break;
    case REFUSED:
      d->wanted = (so_ip){0};
      begin(d, REFUSED_WAIT_S, now_ns);
      break;
    case RENEW:
      ask_for_more(d, SO_DHCP_RENEWING, d->rebind_ns, now_ns);
      break;
    case REBIND:
      ask_for_more(d, SO_DHCP_REBINDING, d->expire_ns, now_ns);
      break;
    case EXPIRE:
    case BEGIN:
      begin(d, 0, now_ns);
      break;
    case DECLINE:
      decline(d, now_ns);
      break;
    case REBOOT:
      reboot(d, now_ns);
      break;
    case RELEASE:
      release(d, now_ns);
      break;
  }
}

// --- events from outside -------------------------------------------------------------------------

// RFC 4361: type 255, an identity association (of the interface: the end of its address), and a
// DUID made of the link-layer address (RFC 8415 11.4).
static void make_client_id(so_dhcp *d) {
  so_writer w = so_writer_of(d->client_id, sizeof d->client_id);
  so_write_u8(&w, 255);
  so_write_bytes(&w, so_bytes_of(d->mac + 2, 4));
  so_write_u16be(&w, 3);  // DUID-LL
  so_write_u16be(&w, DHCP_ETHERNET);
  so_write_bytes(&w, so_bytes_of(d->mac, sizeof d->mac));
  SO_ASSERT(!w.failed && w.len == sizeof d->client_id);
}

void so_dhcp_init(so_dhcp *d, const so_dhcp_config *config, uint64_t now_ns) {
  memset(d, 0, sizeof *d);
  memcpy(d->mac, config->mac, sizeof d->mac);
  const so_bytes hostname = so_bytes_first(config->hostname, SO_DHCP_HOSTNAME_LEN_MAX);
  if (hostname.len != 0) {
    memcpy(d->hostname, hostname.ptr, hostname.len);
    d->hostname_len = (uint8_t)hostname.len;
  }
  make_client_id(d);
  so_rng_init(&d->rng, config->seed);
  begin(d, 0, now_ns);
  if (config->previous.family == 4) {
    d->wanted = config->previous;
    reboot(d, now_ns);
  }
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t so_dhcp_deadline(const so_dhcp *d) {
  switch (d->state) {
    case SO_DHCP_HOLDING:
      return earlier(d->renew_ns, d->expire_ns);
    case SO_DHCP_RENEWING:
      return earlier(d->resend_ns, earlier(d->rebind_ns, d->expire_ns));
    case SO_DHCP_REBOOTING:
    case SO_DHCP_REBINDING:
      return earlier(d->resend_ns, d->expire_ns);
    case SO_DHCP_INIT:
    case SO_DHCP_SELECTING:
    case SO_DHCP_REQUESTING:
    case SO_DHCP_STOPPED:
      return d->resend_ns;
  }
  return SO_NEVER;
}

void so_dhcp_tick(so_dhcp *d, uint64_t now_ns) {
  if (now_ns < so_dhcp_deadline(d)) {
    return;
  }
  if (now_ns >= d->expire_ns) {
    step(d, EVENT_EXPIRE, NULL, now_ns);
  } else if (d->state == SO_DHCP_RENEWING && now_ns >= d->rebind_ns) {
    step(d, EVENT_REBIND, NULL, now_ns);
  } else if (d->state == SO_DHCP_HOLDING) {
    step(d, EVENT_RENEW, NULL, now_ns);
  } else {
    step(d, EVENT_RESEND, NULL, now_ns);
  }
}

static bool is_for_us(const so_dhcp *d, const so_dhcp_reply *r) {
  return r->xid == d->xid && memcmp(r->hardware, d->mac, sizeof d->mac) == 0 &&
         (!r->has_client_id || r->client_id_is_ours);
}

static bool is_usable(const so_ip *ip) {
  return !so_ip_is_any(ip) && !so_ip_is_multicast(ip) && !so_ip_is_broadcast(ip) &&
         !so_ip_is_loopback(ip) && ip->bytes[0] != 0 && ip->bytes[0] < 240;
}

// fits says whether a message makes sense for what we asked.
static bool fits(const so_dhcp *d, const so_dhcp_reply *r) {
  if (r->type == SO_DHCP_NAK) {
    return r->has_server;
  }
  if (!is_usable(&r->lease.address) || r->lease.lease_s < LEASE_MIN_S || !r->has_server) {
    return false;
  }
  if (r->type == SO_DHCP_OFFER) {
    return true;
  }
  const bool chosen = d->state != SO_DHCP_REQUESTING ||
                      so_ip_equal(&r->lease.server, &d->wanted_server);
  const so_ip *address = has_lease(d) ? &d->lease.address : &d->wanted;
  return chosen && so_ip_equal(&r->lease.address, address);
}

void so_dhcp_input(so_dhcp *d, so_bytes payload, uint64_t now_ns) {
  so_dhcp_reply reply;
  const so_status s =
      so_dhcp_reply_parse(payload, so_bytes_of(d->client_id, sizeof d->client_id), &reply);
  if (!so_ok(s)) {
    d->stats.malformed++;
    return;
  }
  const bool known = reply.type == SO_DHCP_OFFER || reply.type == SO_DHCP_ACK ||
                     reply.type == SO_DHCP_NAK;
  if (!known || !is_for_us(d, &reply)) {
    d->stats.other++;
    return;
  }
  d->stats.received[reply.type]++;
  if (!fits(d, &reply)) {
    d->stats.other++;
    return;
  }
  const enum event event = reply.type == SO_DHCP_OFFER ? EVENT_OFFER
                           : reply.type == SO_DHCP_ACK ? EVENT_ACK
                                                       : EVENT_NAK;
  step(d, event, &reply, now_ns);
}

bool so_dhcp_message(so_dhcp *d, so_dhcp_out *out) {
  if (!d->has_message) {
    return false;
  }
  d->has_message = false;
  *out = (so_dhcp_out){d->out_src, d->out_dst, so_bytes_of(d->out, d->out_len)};
  return true;
}

so_dhcp_event_kind so_dhcp_event(so_dhcp *d) {
  const so_dhcp_event_kind event = d->event;
  d->event = SO_DHCP_NONE;
  return event;
}

void so_dhcp_conflict(so_dhcp *d, uint64_t now_ns) { step(d, EVENT_CONFLICT, NULL, now_ns); }
void so_dhcp_link_up(so_dhcp *d, uint64_t now_ns) { step(d, EVENT_LINK_UP, NULL, now_ns); }
void so_dhcp_stop(so_dhcp *d, uint64_t now_ns) { step(d, EVENT_STOP, NULL, now_ns); }
