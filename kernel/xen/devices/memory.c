// The fiber of the balloon: `memory/target`.
#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/xen/devices/internal.h"
#include "kernel/xen/hypercall/hypercall.h"

#define RETRY_NS (5 * SO_NS_PER_S)
#define HEADROOM_PAGES 64u  // 256 KiB in one piece.

static size_t give(void *ctx, const uint64_t *frames, size_t count) {
  (void)ctx;
  return so_xen_give_frames(frames, count);
}

static size_t take(void *ctx, const uint64_t *frames, size_t count) {
  (void)ctx;
  return so_xen_take_frames(frames, count);
}

void xen_balloon_begin(void) {
  const so_balloon_ops ops = {give, take, NULL};
  so_balloon_init(&xen_self.balloon, &ops, &xen_self.config.pages, HEADROOM_PAGES);
  xen_self.balloon_watch.path = "memory/target";
  xen_self.balloon_watch.event = &xen_self.balloon_event;
}

static void read_target(void) {
  uint8_t room[32];
  so_buf value;
  so_buf_init(&value, NULL, sizeof room);
  value.ptr = room;
  value.cap = sizeof room;
  const so_status status =
      so_store_read(&xen_self.store, SO_STORE_NO_TX, xen_self.balloon_watch.path, &value);
  if (so_ok(status) && !so_balloon_target(&xen_self.balloon, so_buf_bytes(&value))) {
    xen_say("memory/target", "is no number");
  }
}

static void settle(so_sched *sched) {
  so_balloon_state state = SO_BALLOON_MORE;
  while (state == SO_BALLOON_MORE) {
    state = so_balloon_step(&xen_self.balloon);
    so_fiber_yield(sched);
  }
}

void xen_balloon_run(void *arg) {
  (void)arg;
  so_sched *const sched = xen_self.config.sched;
  so_fiber_wake_on_stop(sched, true);
  // A host without the key never changes our memory.
  if (!so_ok(so_store_set_watch(&xen_self.store, &xen_self.balloon_watch))) {
    return;
  }
  while (!so_sched_stopping(sched)) {
    if (xen_self.balloon_watch.fired) {
      xen_self.balloon_watch.fired = false;
      read_target();
    }
    settle(sched);
    const bool met = xen_self.balloon.away == xen_self.balloon.wanted;
    if (!xen_self.balloon_watch.fired) {
      const uint64_t retry_ns = so_clock_now(&xen_self.config.clock) + RETRY_NS;
      (void)!so_ok(so_event_wait(sched, &xen_self.balloon_event, met ? SO_NEVER : retry_ns));
    }
  }
}
