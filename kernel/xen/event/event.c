#include "kernel/xen/event/event.h"

#include "base/mem.h"

#define WORD_BITS ((uint32_t)(sizeof(xen_ulong_t) * 8))

// Xen and other domains set bits of the same words: only single bits are changed here, atomically.
static xen_ulong_t bit_of(uint32_t port) { return (xen_ulong_t)1 << (port % WORD_BITS); }

static xen_ulong_t *word_of(xen_ulong_t *words, uint32_t port) { return &words[port / WORD_BITS]; }

static bool clear_bit(xen_ulong_t *words, uint32_t port) {
  const xen_ulong_t bit = bit_of(port);
  xen_ulong_t *const word = word_of(words, port);
  if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bit) == 0) {
    return false;
  }
  // Acquire: what the other side wrote before it notified is read after this.
  return (__atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static void set_bit(xen_ulong_t *words, uint32_t port) {
  __atomic_fetch_or(word_of(words, port), bit_of(port), __ATOMIC_SEQ_CST);
}

void so_xen_events_init(so_xen_events *e, so_sched *sched, bool masked) {
  memset(e, 0, sizeof *e);
  e->sched = sched;
  e->masked = masked;
}

void so_xen_events_attach(so_xen_events *e, struct shared_info *shared) {
  e->shared = shared;
  e->used = 0;
  memset(e->events, 0, sizeof e->events);
  for (size_t i = 0; i < sizeof shared->evtchn_mask / sizeof shared->evtchn_mask[0]; i++) {
    __atomic_store_n(&shared->evtchn_mask[i], ~(xen_ulong_t)0, __ATOMIC_SEQ_CST);
  }
}

static so_xen_event *find(so_xen_events *e, uint32_t port) {
  for (uint32_t i = 0; i < e->used; i++) {
    if (e->events[i].bound && e->events[i].port == port) {
      return &e->events[i];
    }
  }
  return NULL;
}

static uint32_t free_index(const so_xen_events *e) {
  uint32_t i = 0;
  while (i < SO_XEN_EVENTS_MAX && e->events[i].bound) {
    i++;
  }
  return i;
}

so_status so_xen_events_add(so_xen_events *e, uint32_t port, so_event *signal,
                            uint32_t *out_index) {
  const uint32_t index = free_index(e);
  // Port 0 is never given out.
  if (index == SO_XEN_EVENTS_MAX || port == 0 || port >= SO_XEN_PORT_MAX || e->shared == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (find(e, port) != NULL) {
    return so_status_make(SO_CONFLICT, 0);
  }
  const so_xen_event made = {port, true, true, signal, 0};
  e->events[index] = made;
  if (index >= e->used) {
    e->used = index + 1;
  }
  if (!e->masked) {
    clear_bit(e->shared->evtchn_mask, port);
  }
  *out_index = index;
  return so_done();
}

void so_xen_events_drop(so_xen_events *e, uint32_t index) {
  if (index >= e->used || !e->events[index].bound) {
    return;
  }
  set_bit(e->shared->evtchn_mask, e->events[index].port);
  // The next owner of this number starts without our events.
  clear_bit(e->shared->evtchn_pending, e->events[index].port);
  memset(&e->events[index], 0, sizeof e->events[index]);
  while (e->used > 0 && !e->events[e->used - 1].bound) {
    e->used--;
  }
}

static void clear_upcall(so_xen_events *e) {
  struct vcpu_info *const v = &e->shared->vcpu_info[0];
  // The flag before the bits: an event between the two raises the flag again.
  __atomic_store_n(&v->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
}

bool so_xen_events_scan(so_xen_events *e) {
  if (e->shared == NULL) {
    return false;
  }
  e->scans++;
  if (!e->masked && __atomic_load_n(&e->shared->vcpu_info[0].evtchn_upcall_pending,
                                    __ATOMIC_RELAXED) != 0) {
    clear_upcall(e);
  }
  bool any = false;
  for (uint32_t i = 0; i < e->used; i++) {
    so_xen_event *const event = &e->events[i];
    if (!event->bound || !clear_bit(e->shared->evtchn_pending, event->port)) {
      continue;
    }
    event->fired = true;
    event->count++;
    e->fired++;
    any = true;
    if (event->signal != NULL && e->sched != NULL) {
      so_event_signal(e->sched, event->signal);
    }
  }
  return any;
}

bool so_xen_events_take(so_xen_events *e, uint32_t index) {
  if (index >= e->used || !e->events[index].fired) {
    return false;
  }
  e->events[index].fired = false;
  return true;
}

bool so_xen_events_any(const so_xen_events *e) {
  for (uint32_t i = 0; i < e->used; i++) {
    const so_xen_event *const event = &e->events[i];
    if (!event->bound) {
      continue;
    }
    const xen_ulong_t word =
        __atomic_load_n(word_of(e->shared->evtchn_pending, event->port), __ATOMIC_ACQUIRE);
    if (event->fired || (word & bit_of(event->port)) != 0) {
      return true;
    }
  }
  return false;
}

size_t so_xen_events_ports(const so_xen_events *e, evtchn_port_t *out) {
  size_t count = 0;
  for (uint32_t i = 0; i < e->used; i++) {
    if (e->events[i].bound) {
      out[count++] = e->events[i].port;
    }
  }
  return count;
}

void so_xen_events_metrics(const so_xen_events *e, so_metric_visit *visit, void *visit_ctx) {
  evtchn_port_t ports[SO_XEN_EVENTS_MAX];
  visit(visit_ctx, "xen_event_ports", SO_METRIC_GAUGE, so_xen_events_ports(e, ports));
  visit(visit_ctx, "xen_event_scans", SO_METRIC_COUNTER, e->scans);
  visit(visit_ctx, "xen_events", SO_METRIC_COUNTER, e->fired);
}
