// One request and its reply, as a fiber sees it.
#include "base/mem.h"
#include "kernel/xen/store/internal.h"

#define RESENDS_MAX 4

static void link_request(so_store *s, so_store_request *r) {
  r->next = s->requests;
  s->requests = r;
  s->in_flight++;
}

static void unlink_request(so_store *s, so_store_request *r) {
  so_store_request **at = &s->requests;
  while (*at != r) {
    at = &(*at)->next;
  }
  *at = r->next;
  s->in_flight--;
  so_event_signal(s->config.sched, &s->change);
}

static so_status wait_until_up(so_store *s, uint64_t deadline_ns) {
  while (s->state != SO_STORE_UP || s->in_flight >= SO_STORE_IN_FLIGHT_MAX) {
    if (s->state == SO_STORE_BROKEN ||
        !so_ok(so_event_wait(s->config.sched, &s->change, deadline_ns))) {
      return so_status_make(SO_IO, 0);
    }
  }
  return so_done();
}

// send writes the message; one fiber at a time. False: the connection ended, and `r` is done.
static bool send(so_store *s, so_store_request *r, uint32_t tx_id, const so_bytes *parts,
                 size_t part_count, uint64_t deadline_ns) {
  while (s->writing && !r->done) {
    if (!so_ok(so_event_wait(s->config.sched, &s->writer, deadline_ns))) {
      return false;
    }
  }
  if (r->done) {
    return false;
  }
  struct xsd_sockmsg header = {r->type, r->id, tx_id, 0};
  for (size_t i = 0; i < part_count; i++) {
    header.len += (uint32_t)parts[i].len;
  }
  s->writing = true;
  bool ok = so_store_put(s, so_bytes_of(&header, sizeof header), deadline_ns);
  for (size_t i = 0; ok && i < part_count; i++) {
    ok = so_store_put(s, parts[i], deadline_ns);
  }
  s->writing = false;
  if (ok) {
    so_store_show(s);
  }
  so_event_signal(s->config.sched, &s->writer);
  return ok;
}

static so_status once(so_store *s, uint32_t type, uint32_t tx_id, const so_bytes *parts,
                      size_t part_count, so_buf *out, uint64_t deadline_ns) {
  so_store_request r;
  memset(&r, 0, sizeof r);
  r.id = s->next_id++;
  r.type = type;
  r.out = out;
  r.result = so_status_make(SO_IO, 0);
  link_request(s, &r);
  s->stats.requests++;
  if (send(s, &r, tx_id, parts, part_count, deadline_ns)) {
    while (!r.done && so_ok(so_event_wait(s->config.sched, &r.event, deadline_ns))) {
    }
  }
  if (!r.done) {
    s->stats.timeouts++;  // A reply that comes later is a stray.
  }
  unlink_request(s, &r);
  return r.result;
}

so_status so_store_talk(so_store *s, uint32_t type, so_store_tx tx, const so_bytes *parts,
                        size_t part_count, so_buf *out) {
  size_t len = 0;
  for (size_t i = 0; i < part_count; i++) {
    len += parts[i].len;
  }
  if (len > XENSTORE_PAYLOAD_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  // Half a message must not stay in the ring because the program is told to stop.
  const bool was = so_fiber_wake_on_stop(s->config.sched, false);
  const uint64_t deadline_ns = so_clock_now(&s->config.clock) + s->config.answer_ns;
  so_status status = so_status_make(SO_AGAIN, 0);
  for (int i = 0; i < RESENDS_MAX && so_is(status, SO_AGAIN); i++) {
    status = wait_until_up(s, deadline_ns);
    if (so_ok(status)) {
      const bool stale = tx.id != 0 && tx.generation != s->generation;
      status = stale ? so_status_make(SO_CONFLICT, 0)
                     : once(s, type, tx.id, parts, part_count, out, deadline_ns);
    }
  }
  so_fiber_wake_on_stop(s->config.sched, was);
  return so_is(status, SO_AGAIN) ? so_status_make(SO_IO, 0) : status;
}

so_status so_store_suspend(so_store *s, uint64_t deadline_ns) {
  if (s->state == SO_STORE_BROKEN || s->state == SO_STORE_DOWN) {
    return so_status_make(SO_IO, 0);
  }
  while (s->state == SO_STORE_RECONNECTING) {
    SO_TRY(so_event_wait(s->config.sched, &s->change, deadline_ns));
  }
  if (s->state != SO_STORE_UP) {
    return so_status_make(SO_IO, 0);
  }
  s->state = SO_STORE_SUSPENDED;
  while (s->state == SO_STORE_SUSPENDED && s->in_flight != 0) {
    if (!so_ok(so_event_wait(s->config.sched, &s->change, deadline_ns))) {
      so_store_resume(s, NULL);
      return so_status_make(SO_AGAIN, 0);
    }
  }
  return s->state == SO_STORE_SUSPENDED ? so_done() : so_status_make(SO_IO, 0);
}

void so_store_resume(so_store *s, struct xenstore_domain_interface *ring) {
  if (s->state != SO_STORE_SUSPENDED) {
    return;
  }
  if (ring != NULL) {
    s->ring = ring;
    so_store_enter(s);
    return;
  }
  s->state = SO_STORE_UP;
  so_event_signal(s->config.sched, &s->change);
}
