// The two rings of bytes, and the state of the connection.
#include "base/mem.h"
#include "kernel/xen/store/internal.h"

// What one poll reads at most: a server that never stops must not keep the loop from its other
// work.
#define POLL_BYTES_MAX (16u * XENSTORE_RING_SIZE)

void so_store_init(so_store *s, const so_store_config *config) {
  memset(s, 0, sizeof *s);
  s->config = *config;
  s->next_id = 1;
  s->next_token = 1;
}

static void fail_requests(so_store *s, so_code code) {
  for (so_store_request *r = s->requests; r != NULL; r = r->next) {
    if (!r->done) {
      r->done = true;
      r->result = so_status_make(code, 0);
      so_event_signal(s->config.sched, &r->event);
    }
  }
}

void so_store_enter(so_store *s) {
  // Our own indexes; zero on a new ring, or as the server set them for a new connection.
  s->req_prod = __atomic_load_n(&s->ring->req_prod, __ATOMIC_ACQUIRE);
  s->rsp_cons = __atomic_load_n(&s->ring->rsp_cons, __ATOMIC_ACQUIRE);
  s->in_len = 0;
  s->generation++;
  s->state = SO_STORE_UP;
  so_event_signal(s->config.sched, &s->change);
  so_event_signal(s->config.sched, &s->serve);
}

void so_store_attach(so_store *s, struct xenstore_domain_interface *ring) {
  s->ring = ring;
  so_store_enter(s);
  s->watched = s->generation;  // There are none yet.
}

void so_store_break(so_store *s, const char *why) {
  s->why = why;
  const uint32_t features = __atomic_load_n(&s->ring->server_features, __ATOMIC_ACQUIRE);
  const bool can = (features & XENSTORE_SERVER_FEATURE_RECONNECTION) != 0;
  s->state = can ? SO_STORE_RECONNECTING : SO_STORE_BROKEN;
  if (can) {
    s->stats.reconnects++;
    s->reconnect_by_ns = so_clock_now(&s->config.clock) + s->config.answer_ns;
    __atomic_store_n(&s->ring->connection, XENSTORE_RECONNECT, __ATOMIC_SEQ_CST);
    s->config.notify(s->config.ctx);
  }
  fail_requests(s, can ? SO_AGAIN : SO_IO);
  so_event_signal(s->config.sched, &s->room);
  so_event_signal(s->config.sched, &s->change);
  so_event_signal(s->config.sched, &s->serve);
}

// poll_reconnect waits for the server to begin a new connection.
static bool poll_reconnect(so_store *s) {
  if (__atomic_load_n(&s->ring->connection, __ATOMIC_ACQUIRE) == XENSTORE_CONNECTED) {
    if (s->writing) {
      return false;  // A fiber has yet to see that its message is void.
    }
    so_store_enter(s);
    return true;
  }
  if (so_clock_now(&s->config.clock) >= s->reconnect_by_ns) {
    s->state = SO_STORE_BROKEN;
    fail_requests(s, SO_IO);
    so_event_signal(s->config.sched, &s->change);
    return true;
  }
  return false;
}

bool so_store_broken(const so_store *s, const char **out_why) {
  if (s->state != SO_STORE_BROKEN) {
    return false;
  }
  *out_why = s->why;
  return true;
}

// --- out ------------------------------------------------------------------------------------

static bool out_room(so_store *s, uint32_t *out) {
  const uint32_t used = s->req_prod - __atomic_load_n(&s->ring->req_cons, __ATOMIC_ACQUIRE);
  if (used > XENSTORE_RING_SIZE) {
    return false;
  }
  *out = XENSTORE_RING_SIZE - used;
  return true;
}

void so_store_show(so_store *s) {
  __atomic_store_n(&s->ring->req_prod, s->req_prod, __ATOMIC_SEQ_CST);
  s->config.notify(s->config.ctx);
}

// wait_room waits until there is some. False: the connection ended.
static bool wait_room(so_store *s, uint64_t deadline_ns, uint32_t *out) {
  while (s->state == SO_STORE_UP || s->state == SO_STORE_SUSPENDED) {
    if (!out_room(s, out)) {
      so_store_break(s, "xenstored's index of requests makes no sense");
      return false;
    }
    if (*out != 0) {
      return true;
    }
    so_store_show(s);
    s->room_wanted = true;
    if (!so_ok(so_event_wait(s->config.sched, &s->room, deadline_ns))) {
      so_store_break(s, "xenstored takes no requests");
    }
  }
  return false;
}

bool so_store_put(so_store *s, so_bytes bytes, uint64_t deadline_ns) {
  while (bytes.len != 0) {
    uint32_t fits = 0;
    if (!wait_room(s, deadline_ns, &fits)) {
      return false;
    }
    const uint32_t at = MASK_XENSTORE_IDX(s->req_prod);
    size_t n = XENSTORE_RING_SIZE - at;
    n = n < fits ? n : fits;
    n = n < bytes.len ? n : bytes.len;
    memcpy(&s->ring->req[at], bytes.ptr, n);
    s->req_prod += (uint32_t)n;
    bytes = so_bytes_from(bytes, n);
  }
  return true;
}

static bool poll_out(so_store *s) {
  uint32_t fits = 0;
  if (!out_room(s, &fits)) {
    so_store_break(s, "xenstored's index of requests makes no sense");
    return true;
  }
  if (s->room_wanted && fits != 0) {
    s->room_wanted = false;
    so_event_signal(s->config.sched, &s->room);
    return true;
  }
  return false;
}

// --- in -------------------------------------------------------------------------------------

// wanted is how many bytes the message being read has, as far as is known.
static size_t wanted(const so_store *s) {
  if (s->in_len < SO_STORE_HEADER_LEN) {
    return SO_STORE_HEADER_LEN;
  }
  struct xsd_sockmsg header;
  memcpy(&header, s->in, sizeof header);
  return SO_STORE_HEADER_LEN + (size_t)header.len;
}

// copy_in takes at most `ready` bytes of the ring towards the present message.
static uint32_t copy_in(so_store *s, uint32_t ready) {
  const uint32_t at = MASK_XENSTORE_IDX(s->rsp_cons);
  size_t n = wanted(s) - s->in_len;
  n = n < ready ? n : ready;
  n = n < XENSTORE_RING_SIZE - at ? n : XENSTORE_RING_SIZE - at;
  memcpy(s->in + s->in_len, &s->ring->rsp[at], n);
  s->in_len += n;
  s->rsp_cons += (uint32_t)n;
  return (uint32_t)n;
}

// take_message hands a complete message on. False: its length cannot be.
static bool take_message(so_store *s) {
  if (s->in_len < SO_STORE_HEADER_LEN) {
    return true;
  }
  struct xsd_sockmsg header;
  memcpy(&header, s->in, sizeof header);
  if (header.len > XENSTORE_PAYLOAD_MAX) {
    return false;
  }
  if (s->in_len == SO_STORE_HEADER_LEN + (size_t)header.len) {
    s->in_len = 0;
    so_store_message(s, &header, so_bytes_of(s->in + SO_STORE_HEADER_LEN, header.len));
  }
  return true;
}

static bool poll_in(so_store *s) {
  uint32_t taken = 0;
  while (taken < POLL_BYTES_MAX) {
    const uint32_t ready = __atomic_load_n(&s->ring->rsp_prod, __ATOMIC_ACQUIRE) - s->rsp_cons;
    if (ready > XENSTORE_RING_SIZE) {
      so_store_break(s, "xenstored's index of replies makes no sense");
      return true;
    }
    if (ready == 0) {
      break;
    }
    const uint32_t n = copy_in(s, ready);
    taken += n;
    __atomic_store_n(&s->ring->rsp_cons, s->rsp_cons, __ATOMIC_SEQ_CST);
    if (!take_message(s)) {
      so_store_break(s, "a reply of xenstored is longer than replies can be");
      return true;
    }
    // The server waits only while the ring is full.
    if (ready == XENSTORE_RING_SIZE || n == ready) {
      s->config.notify(s->config.ctx);
    }
  }
  return taken != 0;
}

bool so_store_poll(so_store *s) {
  switch (s->state) {
    case SO_STORE_UP:
    case SO_STORE_SUSPENDED: {
      const bool out = poll_out(s);
      const bool up = s->state == SO_STORE_UP || s->state == SO_STORE_SUSPENDED;
      return (up && poll_in(s)) || out;
    }
    case SO_STORE_RECONNECTING:
      return poll_reconnect(s);
    case SO_STORE_DOWN:
    case SO_STORE_BROKEN:
      break;
  }
  return false;
}
