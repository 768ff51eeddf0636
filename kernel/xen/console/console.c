#include "kernel/xen/console/console.h"

#include "base/mem.h"

#define OUT_LEN ((uint32_t)sizeof(((struct xencons_interface *)0)->out))
#define IN_LEN ((uint32_t)sizeof(((struct xencons_interface *)0)->in))

void so_xen_console_init(so_xen_console *c, const so_xen_console_ops *ops, uint64_t patience_ns) {
  memset(c, 0, sizeof *c);
  c->ops = *ops;
  c->patience_ns = patience_ns;
}

void so_xen_console_attach(so_xen_console *c, struct xencons_interface *ring) {
  c->ring = ring;
  c->stuck = false;
  if (ring != NULL) {
    c->out_prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
    c->in_cons = __atomic_load_n(&ring->in_cons, __ATOMIC_ACQUIRE);
  }
}

// room is what fits into the ring now.
static uint32_t room(so_xen_console *c) {
  const uint32_t used = c->out_prod - __atomic_load_n(&c->ring->out_cons, __ATOMIC_ACQUIRE);
  if (used > OUT_LEN) {
    c->nonsense++;
    return 0;
  }
  return OUT_LEN - used;
}

// show makes what was written visible, and wakes the daemon.
static void show(so_xen_console *c) {
  __atomic_store_n(&c->ring->out_prod, c->out_prod, __ATOMIC_SEQ_CST);
  c->ops.notify(c->ops.ctx);
}

// wait_until waits, within the patience, until at least `least` bytes fit.
static bool wait_until(so_xen_console *c, uint32_t least) {
  if (room(c) >= least) {
    c->stuck = false;
    return true;
  }
  if (c->stuck) {
    return false;
  }
  show(c);
  const uint64_t began = c->ops.now_ns(c->ops.ctx);
  do {
    c->ops.pause(c->ops.ctx);
    if (room(c) >= least) {
      return true;
    }
  } while (c->ops.now_ns(c->ops.ctx) - began < c->patience_ns);
  c->stuck = true;
  return false;
}

static void put(so_xen_console *c, uint8_t byte) {
  c->ring->out[MASK_XENCONS_IDX(c->out_prod, c->ring->out)] = (char)byte;
  c->out_prod++;
}

void so_xen_console_write(so_xen_console *c, so_bytes text) {
  if (c->ring == NULL || text.len == 0) {
    c->dropped += text.len;
    return;
  }
  for (size_t i = 0; i < text.len; i++) {
    const bool line_end = text.ptr[i] == '\n';
    if (!wait_until(c, line_end ? 2 : 1)) {
      c->dropped++;
      continue;
    }
    if (line_end) {
      put(c, '\r');
    }
    put(c, text.ptr[i]);
    c->written++;
  }
  show(c);
}

size_t so_xen_console_read(so_xen_console *c, uint8_t *out, size_t cap) {
  if (c->ring == NULL) {
    return 0;
  }
  const uint32_t ready = __atomic_load_n(&c->ring->in_prod, __ATOMIC_ACQUIRE) - c->in_cons;
  if (ready > IN_LEN) {
    c->nonsense++;
    return 0;
  }
  const size_t count = ready < cap ? ready : cap;
  for (size_t i = 0; i < count; i++) {
    out[i] = (uint8_t)c->ring->in[MASK_XENCONS_IDX(c->in_cons, c->ring->in)];
    c->in_cons++;
  }
  if (count != 0) {
    __atomic_store_n(&c->ring->in_cons, c->in_cons, __ATOMIC_SEQ_CST);
    c->ops.notify(c->ops.ctx);
    c->read += count;
  }
  return count;
}

bool so_xen_console_flush(so_xen_console *c) {
  return c->ring == NULL || wait_until(c, OUT_LEN);
}

void so_xen_console_metrics(const so_xen_console *c, so_metric_visit *visit, void *visit_ctx) {
  visit(visit_ctx, "xen_console_written", SO_METRIC_COUNTER, c->written);
  visit(visit_ctx, "xen_console_dropped", SO_METRIC_COUNTER, c->dropped);
  visit(visit_ctx, "xen_console_read", SO_METRIC_COUNTER, c->read);
  visit(visit_ctx, "xen_console_nonsense", SO_METRIC_COUNTER, c->nonsense);
}
