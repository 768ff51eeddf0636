// Calls of the port: each waits on its own event until its requests are answered.

#include "base/assert.h"
#include "kernel/virtio/block/internal.h"

static so_status io(void) { return so_status_make(SO_IO, 0); }

static void append(so_virtio_block *b, so_virtio_block_call *c) {
  if (b->last != NULL) {
    b->last->next = c;
  } else {
    b->first = c;
  }
  b->last = c;
}

// deadline is when the oldest request has gone without an answer for too long.
static uint64_t deadline(const so_virtio_block *b) {
  uint64_t oldest = SO_NEVER;
  for (size_t i = 0; i < SO_VIRTIO_BLOCK_REQUESTS_MAX; i++) {
    const so_virtio_block_request *const r = &b->requests[i];
    if (r->call != NULL && r->issued_ns < oldest) {
      oldest = r->issued_ns;
    }
  }
  return oldest > SO_NEVER - b->config.answer_ns ? SO_NEVER : oldest + b->config.answer_ns;
}

static void count_done(so_virtio_block *b, const so_virtio_block_call *c) {
  switch (c->op) {
    case SO_VIRTIO_BLOCK_READ:
      b->stats.reads++;
      b->stats.read_bytes += c->len;
      return;
    case SO_VIRTIO_BLOCK_WRITE:
      b->stats.writes++;
      b->stats.written_bytes += c->len;
      return;
    case SO_VIRTIO_BLOCK_FLUSH:
      b->stats.flushes++;
      return;
  }
}

static so_status run(so_virtio_block *b, so_virtio_block_call *c) {
  const bool writes = c->op != SO_VIRTIO_BLOCK_READ;
  if (b->why != NULL || (b->write_failed && writes)) {
    return io();
  }
  // A stop of the program does not end a call: it is bounded by its deadline.
  const bool woken = so_fiber_wake_on_stop(b->config.sched, false);
  append(b, c);
  so_virtio_block_issue(b);
  while (c->issued < c->len || c->in_flight != 0) {
    const uint64_t at = deadline(b);
    if (so_clock_now(&b->config.clock) >= at) {
      so_virtio_block_break(b, "the disk did not answer in time");
    } else {
      (void)so_ok(so_event_wait(b->config.sched, &c->event, at));
    }
  }
  (void)so_fiber_wake_on_stop(b->config.sched, woken);
  if (b->write_failed && writes) {
    return io();
  }
  if (so_ok(c->status)) {
    count_done(b, c);
  }
  return c->status;
}

static bool in_range(const so_virtio_block *b, uint64_t offset, size_t len) {
  return offset % b->unit_len == 0 && len % b->unit_len == 0 && offset <= b->capacity &&
         len <= b->capacity - offset;
}

so_status so_virtio_block_read(void *ctx, uint64_t offset, uint8_t *out, size_t len) {
  so_virtio_block *const b = ctx;
  if (!in_range(b, offset, len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (len == 0) {
    return so_done();
  }
  so_virtio_block_call c = {.op = SO_VIRTIO_BLOCK_READ, .offset = offset, .out = out, .len = len};
  return run(b, &c);
}

so_status so_virtio_block_write(void *ctx, uint64_t offset, so_bytes bytes) {
  so_virtio_block *const b = ctx;
  if (!in_range(b, offset, bytes.len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (b->read_only) {
    return io();
  }
  if (bytes.len == 0) {
    return so_done();
  }
  so_virtio_block_call c = {
      .op = SO_VIRTIO_BLOCK_WRITE, .offset = offset, .in = bytes.ptr, .len = bytes.len};
  return run(b, &c);
}

so_status so_virtio_block_flush(void *ctx) {
  so_virtio_block *const b = ctx;
  if (!b->flush) {
    return b->why != NULL || b->write_failed ? io() : so_done();
  }
  so_virtio_block_call c = {.op = SO_VIRTIO_BLOCK_FLUSH, .len = 1};
  return run(b, &c);
}
