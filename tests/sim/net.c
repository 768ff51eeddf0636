// Streams and listeners in memory.

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tests/sim/internal.h"

#define ACCEPT_QUEUE_MAX 128
#define DELAY_NS_MAX (3 * SO_NS_PER_MS)

typedef struct sim_pipe sim_pipe;

typedef struct sim_end {
  sim_pipe *pipe;
  uint8_t *ring;  // Bytes on their way to this end.
  size_t ring_at;
  size_t ring_len;
  bool closed;
  bool no_more;        // The peer sends nothing after what is in the ring.
  uint64_t cut_after;  // Bytes that this end may still write before the connection is cut.
  so_event readable;
  so_event writable;  // The ring of the *peer* has room.
} sim_end;

struct sim_pipe {
  sim_item item;
  so_sim *sim;
  bool reset;
  sim_end ends[2];
};

typedef struct sim_listener {
  sim_item item;
  so_sim *sim;
  struct sim_listener *next;
  so_endpoint at;
  so_stream queue[ACCEPT_QUEUE_MAX];
  so_endpoint peers[ACCEPT_QUEUE_MAX];
  size_t queue_len;
  bool closed;
  so_event incoming;
} sim_listener;

static sim_end *peer_of(const sim_end *e) {
  return &e->pipe->ends[e == &e->pipe->ends[0] ? 1 : 0];
}

static void wake_both(sim_pipe *p) {
  for (int i = 0; i < 2; i++) {
    so_event_signal(&p->sim->sched, &p->ends[i].readable);
    so_event_signal(&p->sim->sched, &p->ends[i].writable);
  }
}

static void reset(sim_pipe *p) {
  p->reset = true;
  wake_both(p);
}

// delay waits a little, never past the deadline, when the world is one where networks are slow.
static void delay(so_sim *sim, uint64_t deadline_ns) {
  if (sim->config.chop && so_sim_next(&sim->random) % 4 == 0) {
    const uint64_t until = sim->now_ns + so_sim_next(&sim->random) % DELAY_NS_MAX;
    so_fiber_sleep_until(&sim->sched, until < deadline_ns ? until : deadline_ns);
  }
}

static size_t piece(so_sim *sim, size_t len) {
  if (!sim->config.chop || len <= 1) {
    return len;
  }
  const uint64_t few = so_sim_next(&sim->random) % 2 == 0 ? 8 : len;
  const size_t n = 1 + (size_t)(so_sim_next(&sim->random) % few);
  return n < len ? n : len;
}

static so_status stream_read(void *ctx, uint8_t *buf, size_t cap, uint64_t deadline_ns,
                             size_t *out_len) {
  sim_end *const e = ctx;
  so_sim *const sim = e->pipe->sim;
  delay(sim, deadline_ns);
  while (!e->pipe->reset && e->ring_len == 0 && !e->no_more) {
    SO_TRY(so_event_wait(&sim->sched, &e->readable, deadline_ns));
  }
  if (e->pipe->reset) {
    return so_status_make(SO_IO, 0);
  }
  const size_t n = piece(sim, cap < e->ring_len ? cap : e->ring_len);
  for (size_t i = 0; i < n; i++) {
    buf[i] = e->ring[(e->ring_at + i) % sim->config.pipe_cap];
  }
  e->ring_at = (e->ring_at + n) % sim->config.pipe_cap;
  e->ring_len -= n;
  so_event_signal(&sim->sched, &peer_of(e)->writable);
  *out_len = n;
  return so_done();
}

// push moves what fits of `bytes` into the peer's ring and returns how much that was.
static size_t push(sim_end *e, so_bytes bytes) {
  so_sim *const sim = e->pipe->sim;
  sim_end *const to = peer_of(e);
  const size_t room = sim->config.pipe_cap - to->ring_len;
  size_t n = piece(sim, bytes.len < room ? bytes.len : room);
  n = n < e->cut_after ? n : (size_t)e->cut_after;
  for (size_t i = 0; i < n; i++) {
    to->ring[(to->ring_at + to->ring_len + i) % sim->config.pipe_cap] = bytes.ptr[i];
  }
  to->ring_len += n;
  e->cut_after -= e->cut_after == UINT64_MAX ? 0 : n;
  if (n != 0) {
    so_event_signal(&sim->sched, &to->readable);
  }
  return n;
}

static so_status stream_write(void *ctx, so_bytes bytes, uint64_t deadline_ns) {
  sim_end *const e = ctx;
  so_sim *const sim = e->pipe->sim;
  while (bytes.len != 0) {
    delay(sim, deadline_ns);
    if (e->cut_after == 0 || (!e->pipe->reset && peer_of(e)->closed)) {
      reset(e->pipe);
    }
    if (e->pipe->reset) {
      return so_status_make(SO_IO, 0);
    }
    SO_ASSERT(!peer_of(e)->no_more);  // Writing after shutdown is a bug of the caller.
    const size_t n = push(e, bytes);
    bytes = so_bytes_from(bytes, n);
    if (n == 0 && e->cut_after != 0) {
      SO_TRY(so_event_wait(&sim->sched, &e->writable, deadline_ns));
    }
  }
  return so_done();
}

static so_status stream_shutdown(void *ctx, uint64_t deadline_ns) {
  sim_end *const e = ctx;
  (void)deadline_ns;
  if (e->pipe->reset) {
    return so_status_make(SO_IO, 0);
  }
  peer_of(e)->no_more = true;
  so_event_signal(&e->pipe->sim->sched, &peer_of(e)->readable);
  return so_done();
}

static void release_pipe(sim_item *item) {
  sim_pipe *const p = (sim_pipe *)item;
  free(p->ends[0].ring);
  free(p->ends[1].ring);
  free(p);
}

static void stream_close(void *ctx) {
  sim_end *const e = ctx;
  SO_ASSERT(!e->closed);
  e->closed = true;
  if (peer_of(e)->closed) {
    sim_item_remove(&e->pipe->item);
    release_pipe(&e->pipe->item);
    return;
  }
  peer_of(e)->no_more = true;
  e->pipe->reset = e->pipe->reset || e->ring_len != 0;
  wake_both(e->pipe);
}

void so_sim_pipe(so_sim *sim, so_stream *a, so_stream *b) {
  static const so_stream_ops ops = {stream_read, stream_write, stream_shutdown, stream_close};
  sim_pipe *const p = sim_alloc(sizeof *p);
  p->sim = sim;
  for (int i = 0; i < 2; i++) {
    p->ends[i].pipe = p;
    p->ends[i].ring = sim_alloc(sim->config.pipe_cap);
    p->ends[i].cut_after = UINT64_MAX;
  }
  sim_item_add(sim, &p->item, release_pipe);
  *a = (so_stream){&ops, &p->ends[0]};
  *b = (so_stream){&ops, &p->ends[1]};
}

void so_sim_stream_cut(const so_stream *s, uint64_t after) {
  SO_ASSERT(s->ops->close == stream_close);
  ((sim_end *)s->ctx)->cut_after = after;
}

// --- listeners --------------------------------------------------------------------------------

static so_status accept_one(void *ctx, uint64_t deadline_ns, so_stream *out,
                            so_endpoint *out_peer) {
  sim_listener *const l = ctx;
  so_sched *const sched = &l->sim->sched;
  const bool before = so_fiber_wake_on_stop(sched, true);
  so_status s = so_done();
  while (so_ok(s) && l->queue_len == 0 && !l->closed && !so_sched_stopping(sched)) {
    s = so_event_wait(sched, &l->incoming, deadline_ns);
  }
  (void)so_fiber_wake_on_stop(sched, before);
  if (l->closed || so_sched_stopping(sched)) {
    return so_status_make(SO_IO, 0);
  }
  SO_TRY(s);
  *out = l->queue[0];
  *out_peer = l->peers[0];
  l->queue_len--;
  memmove(l->queue, l->queue + 1, l->queue_len * sizeof l->queue[0]);
  memmove(l->peers, l->peers + 1, l->queue_len * sizeof l->peers[0]);
  return so_done();
}

static so_status local(void *ctx, so_endpoint *out) {
  *out = ((const sim_listener *)ctx)->at;
  return so_done();
}

// The memory stays until the world ends, for accepts that are still to notice.
static void close_listener(void *ctx) {
  sim_listener *const l = ctx;
  l->closed = true;
  for (size_t i = 0; i < l->queue_len; i++) {
    so_stream_close(&l->queue[i]);
  }
  l->queue_len = 0;
  so_event_signal(&l->sim->sched, &l->incoming);
}

static void release_listener(sim_item *item) { free(item); }

static sim_listener *find_listener(so_sim *sim, const so_endpoint *at) {
  static const uint8_t any[16];
  for (sim_listener *l = sim->listeners; l != NULL; l = l->next) {
    if (!l->closed && l->at.family == at->family && l->at.port == at->port &&
        (memcmp(l->at.address, at->address, 16) == 0 || memcmp(l->at.address, any, 16) == 0)) {
      return l;
    }
  }
  return NULL;
}

static so_status net_listen(void *ctx, const so_endpoint *at, so_listener *out) {
  static const so_listener_ops ops = {accept_one, local, close_listener};
  so_sim *const sim = ctx;
  if (at->port != 0 && find_listener(sim, at) != NULL) {
    return so_status_make(SO_CONFLICT, 0);
  }
  sim_listener *const l = sim_alloc(sizeof *l);
  l->sim = sim;
  l->at = *at;
  if (l->at.port == 0) {
    l->at.port = sim->next_port++;
  }
  l->next = sim->listeners;
  sim->listeners = l;
  sim_item_add(sim, &l->item, release_listener);
  *out = (so_listener){&ops, l};
  return so_done();
}

static so_status net_connect(void *ctx, const so_endpoint *to, uint64_t deadline_ns,
                             so_stream *out) {
  so_sim *const sim = ctx;
  delay(sim, deadline_ns);
  sim_listener *const l = find_listener(sim, to);
  if (l == NULL || l->queue_len == ACCEPT_QUEUE_MAX) {
    return so_status_make(SO_IO, 0);
  }
  so_sim_pipe(sim, out, &l->queue[l->queue_len]);
  l->peers[l->queue_len] = *to;
  l->peers[l->queue_len].port = sim->next_port++;
  l->queue_len++;
  so_event_signal(&sim->sched, &l->incoming);
  return so_done();
}

// --- names ------------------------------------------------------------------------------------

void so_sim_add_name(so_sim *sim, const char *name, const so_endpoint *at) {
  SO_ASSERT(sim->name_count < SIM_NAMES_MAX);
  sim->names[sim->name_count++] = (sim_name){name, *at};
}

static so_status net_resolve(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out) {
  so_sim *const sim = ctx;
  char text[256];
  delay(sim, deadline_ns);
  if (name.len >= sizeof text) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  memcpy(text, name.ptr, name.len);
  text[name.len] = '\0';
  memset(out, 0, sizeof *out);
  out->family = 4;
  if (inet_pton(AF_INET, strcmp(text, "localhost") == 0 ? "127.0.0.1" : text, out->address) == 1) {
    return so_done();
  }
  out->family = 6;
  if (inet_pton(AF_INET6, text, out->address) == 1) {
    return so_done();
  }
  for (size_t i = 0; i < sim->name_count; i++) {
    if (strcmp(sim->names[i].name, text) == 0) {
      *out = sim->names[i].at;
      return so_done();
    }
  }
  return so_status_make(SO_NOT_FOUND, 0);
}

void sim_net_init(so_sim *sim) {
  sim->next_port = 49152;
  sim->world.net = (so_net){net_listen, net_connect, net_resolve, NULL, sim};
}
