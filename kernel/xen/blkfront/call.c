// Calls of the port: each waits on its own event until its requests are answered.

#include "base/assert.h"
#include "kernel/xen/blkfront/internal.h"

static so_status io(void) { return so_status_make(SO_IO, 0); }

// --- the list -------------------------------------------------------------------------------

static void append(so_blkfront *f, so_blkfront_call *c) {
  c->prev = f->last_call;
  c->next = NULL;
  if (f->last_call != NULL) {
    f->last_call->next = c;
  } else {
    f->calls = c;
  }
  f->last_call = c;
  if (f->issue == NULL) {
    f->issue = c;
  }
}

static void unlink_call(so_blkfront *f, so_blkfront_call *c) {
  if (f->issue == c) {
    f->issue = c->next;
  }
  if (c->prev != NULL) {
    c->prev->next = c->next;
  } else {
    f->calls = c->next;
  }
  if (c->next != NULL) {
    c->next->prev = c->prev;
  } else {
    f->last_call = c->prev;
  }
}

static void count_done(so_blkfront *f, const so_blkfront_call *c) {
  switch (c->op) {
    case SO_BLKFRONT_READ:
      f->stats.reads++;
      f->stats.read_bytes += c->len;
      return;
    case SO_BLKFRONT_WRITE:
      f->stats.writes++;
      f->stats.written_bytes += c->len;
      f->written_epoch++;
      if (!f->features.flush && !f->features.barrier) {
        f->flushed_epoch = f->written_epoch;  // Written through.
      }
      return;
    case SO_BLKFRONT_FLUSH:
      f->stats.flushes++;
      if (c->epoch > f->flushed_epoch) {
        f->flushed_epoch = c->epoch;
      }
      return;
  }
}

void so_blkfront_finish(so_blkfront *f, so_blkfront_call *c) {
  SO_ASSERT(c->in_flight == 0 && !c->done);
  if (f->write_failed && c->op != SO_BLKFRONT_READ) {
    c->status = io();
  }
  if (so_ok(c->status)) {
    count_done(f, c);
  }
  unlink_call(f, c);
  c->done = true;
  so_event_signal(f->config.sched, &c->event);
}

void so_blkfront_flush_failed(so_blkfront *f) {
  if (!f->write_failed) {
    f->write_failed = true;
    f->stats.flush_failed++;
  }
}

void so_blkfront_fail_calls(so_blkfront *f) {
  SO_ASSERT(f->state != SO_BLKFRONT_CONNECTED);
  so_blkfront_forget(f);
  while (f->calls != NULL) {
    so_blkfront_call *const c = f->calls;
    c->in_flight = 0;
    c->status = io();
    if (c->op == SO_BLKFRONT_FLUSH) {
      so_blkfront_flush_failed(f);
    }
    so_blkfront_finish(f, c);
  }
}

void so_blkfront_restart(so_blkfront *f) {
  so_blkfront_call *next;
  for (so_blkfront_call *c = f->calls; c != NULL; c = next) {
    next = c->next;
    f->stats.restarted += c->issued != 0;
    c->in_flight = 0;
    c->issued = 0;
    if (!so_ok(c->status) || (f->write_failed && c->op != SO_BLKFRONT_READ)) {
      so_blkfront_finish(f, c);
    } else {
      so_event_signal(f->config.sched, &c->event);  // To wait for another deadline.
    }
  }
  f->issue = f->calls;
}

// --- waiting --------------------------------------------------------------------------------

static uint64_t later(uint64_t from_ns, uint64_t ns) {
  return from_ns > SO_NEVER - ns ? SO_NEVER : from_ns + ns;
}

// deadline is when somebody has waited too long: for an answer, or for a back end.
static uint64_t deadline(const so_blkfront *f) {
  if (f->state != SO_BLKFRONT_CONNECTED) {
    return later(f->down_since_ns, f->config.absent_ns);
  }
  // With a call waiting and nothing in flight there is always room to issue it.
  SO_ASSERT(f->oldest != NONE);
  return later(f->requests[f->oldest].issued_ns, f->config.answer_ns);
}

static void expire(so_blkfront *f) {
  if (f->state == SO_BLKFRONT_CONNECTED) {
    so_blkfront_break(f, "a request was not answered in time");
    return;
  }
  for (const so_blkfront_call *c = f->calls; c != NULL; c = c->next) {
    f->stats.absent++;
  }
  so_blkfront_fail_calls(f);
}

static so_status run(so_blkfront *f, so_blkfront_call *c) {
  if (f->state == SO_BLKFRONT_FAILED || (f->write_failed && c->op != SO_BLKFRONT_READ)) {
    return io();
  }
  // A stop of the program does not end a call: it is bounded by its deadline.
  const bool woken = so_fiber_wake_on_stop(f->config.sched, false);
  append(f, c);
  so_blkfront_issue(f);
  while (!c->done) {
    const uint64_t at = deadline(f);
    if (so_clock_now(&f->config.clock) >= at) {
      expire(f);
    } else {
      (void)so_ok(so_event_wait(f->config.sched, &c->event, at));
    }
  }
  (void)so_fiber_wake_on_stop(f->config.sched, woken);
  return c->status;
}

// --- the port -------------------------------------------------------------------------------

static bool in_range(const so_blkfront *f, uint64_t offset, size_t len) {
  const so_blkfront_features *const d = &f->features;
  return offset % d->unit_len == 0 && len % d->unit_len == 0 && offset <= d->capacity &&
         len <= d->capacity - offset;
}

so_status so_blkfront_read(void *ctx, uint64_t offset, uint8_t *out, size_t len) {
  so_blkfront *const f = ctx;
  if (!in_range(f, offset, len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (len == 0) {
    return so_done();
  }
  so_blkfront_call c = {.op = SO_BLKFRONT_READ, .offset = offset, .out = out, .len = len};
  return run(f, &c);
}

so_status so_blkfront_write(void *ctx, uint64_t offset, so_bytes bytes) {
  so_blkfront *const f = ctx;
  if (!in_range(f, offset, bytes.len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (f->features.read_only) {
    return io();
  }
  if (bytes.len == 0) {
    return so_done();
  }
  so_blkfront_call c = {
      .op = SO_BLKFRONT_WRITE, .offset = offset, .in = bytes.ptr, .len = bytes.len};
  return run(f, &c);
}

so_status so_blkfront_flush(void *ctx) {
  so_blkfront *const f = ctx;
  so_blkfront_call c = {.op = SO_BLKFRONT_FLUSH, .len = 1};
  return run(f, &c);
}
