#include "kernel/xen/device/device.h"

#include "base/mem.h"
#include "kernel/xen/device/internal.h"

#define KEYS_MAX 4096u
// How long a back end has to see that we want to close: longer than the last wait between two tries.
#define CLOSING_NS (5 * SO_NS_PER_S)
// Each such time that a connection lasted makes up for one failure. So a back end that works for a
// while and breaks, again and again, is given up too, and one that breaks once a day never.
#define SETTLED_NS (600 * SO_NS_PER_S)

_Static_assert(SO_DEVICE_RETRY_NS << (SO_DEVICE_TRIES_MAX - 2) < CLOSING_NS, "no try in a close");

static void say(const so_device *d, const char *text) {
  const so_bytes path = so_str(d->config.path);
  const so_bytes folder = so_str("device/");
  const bool below = so_bytes_has_prefix(path, folder);
  d->config.ops.say(d->config.ops.ctx, d->config.path + (below ? folder.len : 0), text);
}

// --- actions --------------------------------------------------------------------------------

static void enter(so_device *d, so_device_own own) {
  d->own = own;
  so_event_signal(d->config.sched, &d->change);
}

static void let_go(so_device *d, so_front_loss how) {
  so_front_disconnect(&d->config.front, how);
  if (d->port != 0) {
    if (how != SO_FRONT_SUSPENDED) {
      d->config.ops.close(d->config.ops.ctx, d->port);
    }
    d->port = 0;
  }
}

static void fail(so_device *d, const char *why) {
  d->why = why;
  d->failed = true;
  say(d, why);
  say(d, "it is given up, and not used before the domain starts again");
  so_front_fail(&d->config.front);
  enter(d, SO_DEVICE_CLOSED);
}

static void write_own(so_device *d, so_device_back state) {
  if (!so_ok(so_device_write_state(d, SO_STORE_NO_TX, state))) {
    say(d, "the state cannot be written to xenstore");
  }
}

static void close_with(so_device *d, so_front_loss how, const char *why) {
  say(d, why);
  d->why = why;
  d->stats.closes += how == SO_FRONT_CLOSED;
  d->stats.losses += how == SO_FRONT_LOST;
  let_go(d, how);
  // No folder of ours: the device is taken away, and writing would make one.
  if (so_ok(so_device_read_key(d, d->config.path, "state"))) {
    write_own(d, SO_BACK_CLOSED);
  }
  enter(d, SO_DEVICE_CLOSED);
}

static void notify(void *ctx) {
  const so_device *const d = ctx;
  if (d->port != 0) {
    d->config.ops.notify(d->config.ops.ctx, d->port);
  }
}

// give_up_or_retry counts a failure. True: failed for good.
static bool give_up_or_retry(so_device *d, so_status status, const char *why) {
  d->retry_ns = so_clock_now(&d->config.clock) + (SO_DEVICE_RETRY_NS << d->tries);
  d->tries++;
  if (so_is(status, SO_UNSUPPORTED) || d->tries >= SO_DEVICE_TRIES_MAX) {
    let_go(d, SO_FRONT_LOST);
    write_own(d, SO_BACK_CLOSED);
    fail(d, why);
    return true;
  }
  d->why = why;
  say(d, why);
  return false;
}

// begin_close asks the back end to close, and gives it some time for that.
static void begin_close(so_device *d) {
  d->retry_ns = so_clock_now(&d->config.clock) + CLOSING_NS;
  write_own(d, SO_BACK_CLOSING);
  enter(d, SO_DEVICE_CLOSING);
}

static so_status publish(so_device *d, const char **out_why) {
  *out_why = "no event channel can be had";
  if (!d->config.ops.open(d->config.ops.ctx, d->back_id, &d->port)) {
    d->port = 0;
    return so_status_make(SO_LIMIT, 0);
  }
  const so_xen_peer peer = {d->back_id, d->port, {notify, d}};
  const so_xen_keys back = {so_device_read_back, d};
  const so_xen_keys front = {so_device_read_front, d};
  const so_xen_writer out = {so_device_collect, d};
  so_buf_clear(&d->keys);
  *out_why = "the rings cannot be made";
  SO_TRY(so_front_publish(&d->config.front, &peer, &back, &front, &out, out_why));
  *out_why = "the keys cannot be written to xenstore";
  so_bytes all;
  SO_TRY(so_buf_end(&d->keys, &all));
  return so_store_transact(d->config.store, so_device_write_keys, d);
}

static void do_publish(so_device *d) {
  const char *why = NULL;
  const so_status status = publish(d, &why);
  if (so_ok(status)) {
    enter(d, SO_DEVICE_PUBLISHED);
  } else if (!give_up_or_retry(d, status, why)) {
    let_go(d, SO_FRONT_LOST);
  }
}

static void do_connect(so_device *d) {
  const so_xen_keys back = {so_device_read_back, d};
  const char *why = "the back end cannot be used";
  const so_status status = so_front_connect(&d->config.front, &back, &why);
  if (!so_ok(status)) {
    if (!give_up_or_retry(d, status, why)) {
      begin_close(d);
    }
    return;
  }
  if (!d->config.front.connected_at_publish) {
    write_own(d, SO_BACK_CONNECTED);
  }
  d->connected_ns = so_clock_now(&d->config.clock);
  d->stats.connects++;
  enter(d, SO_DEVICE_CONNECTED);
  if (d->stats.connects > 1) {
    say(d, "connected again");
    d->config.ops.again(d->config.ops.ctx, d);
  }
}

static void act(so_device *d, so_device_action action) {
  switch (action) {
    case SO_DEVICE_STAY:
      break;
    case SO_DEVICE_PUBLISH:
      do_publish(d);
      break;
    case SO_DEVICE_CONNECT:
      do_connect(d);
      break;
    case SO_DEVICE_CLOSE:
      close_with(d, d->own == SO_DEVICE_CLOSING ? SO_FRONT_LOST : SO_FRONT_CLOSED,
                 "the back end closed");
      break;
    case SO_DEVICE_LOSE:
      close_with(d, SO_FRONT_LOST, "the back end is gone");
      break;
    case SO_DEVICE_RESET:
      write_own(d, SO_BACK_CLOSED);
      enter(d, SO_DEVICE_CLOSED);
      break;
    case SO_DEVICE_BEGIN:
      write_own(d, SO_BACK_INITIALISING);
      enter(d, SO_DEVICE_START);
      break;
  }
}

// check_broken begins to close a connection whose shared memory makes no sense.
static void check_broken(so_device *d) {
  const char *why = NULL;
  if ((d->own != SO_DEVICE_CONNECTED && d->own != SO_DEVICE_PUBLISHED) ||
      !so_front_broken(&d->config.front, &why)) {
    return;
  }
  if (d->own == SO_DEVICE_CONNECTED) {
    const uint64_t made_up = (so_clock_now(&d->config.clock) - d->connected_ns) / SETTLED_NS;
    d->tries -= made_up < d->tries ? (uint32_t)made_up : d->tries;
  }
  if (!give_up_or_retry(d, so_status_make(SO_IO, 0), why)) {
    begin_close(d);
  }
}

static void check_resumed(so_device *d) {
  if (!d->suspended) {
    return;
  }
  d->suspended = false;
  let_go(d, SO_FRONT_SUSPENDED);
  d->tries = 0;
  if (!d->failed) {
    // The new back end waits for Initialising, which is what the host wrote for it.
    enter(d, SO_DEVICE_START);
  }
}

// turn looks once and does what follows. True: the state changed, so_device_look again at once.
static bool turn(so_device *d) {
  const so_device_own before = d->own;
  check_resumed(d);
  check_broken(d);
  if (d->failed) {
    return false;
  }
  const uint64_t now_ns = so_clock_now(&d->config.clock);
  const bool due = now_ns >= d->retry_ns;
  if (due) {
    d->retry_ns = SO_NEVER;
  }
  const so_device_back back = so_device_look(d);
  const bool waits = d->own == SO_DEVICE_START && !due && d->retry_ns != SO_NEVER;
  if (d->own == SO_DEVICE_CLOSING && due) {
    act(d, SO_DEVICE_CLOSE);  // The back end does not react.
  } else if (!waits && !d->suspended) {
    act(d, so_device_next(d->own, back, d->online));
  }
  return d->own != before;
}

static void run(void *arg) {
  so_device *const d = arg;
  so_fiber_wake_on_stop(d->config.sched, true);
  while (!d->failed && !so_ok(so_store_set_watch(d->config.store, &d->front_watch))) {
    so_fiber_sleep_until(d->config.sched, so_clock_now(&d->config.clock) + SO_DEVICE_RETRY_NS);
    const char *why = NULL;
    if (so_store_broken(d->config.store, &why)) {
      fail(d, why);
    }
  }
  while (!d->failed && !so_sched_stopping(d->config.sched)) {
    if (turn(d)) {
      continue;
    }
    const bool fired = d->front_watch.fired || d->back_watch.fired || d->suspended;
    if (!fired && !d->failed) {
      (void)!so_ok(so_event_wait(d->config.sched, &d->wake, d->retry_ns));
    }
  }
  so_buf_release(&d->value);
  so_buf_release(&d->keys);
}

so_status so_device_start(so_device *d, const so_device_config *config) {
  memset(d, 0, sizeof *d);
  d->config = *config;
  d->online = true;
  d->retry_ns = SO_NEVER;
  d->why = "the back end does not answer";
  so_buf_init(&d->value, config->heap, SO_DEVICE_VALUE_MAX);
  so_buf_init(&d->keys, config->heap, KEYS_MAX);
  if (!so_device_join(d->backend_key, sizeof d->backend_key, config->path, "backend")) {
    return so_status_make(SO_LIMIT, 0);
  }
  d->front_watch.path = d->backend_key;
  d->front_watch.event = &d->wake;
  return so_fiber_spawn(config->sched, config->path, run, d);
}

so_status so_device_wait(so_device *d, uint64_t deadline_ns, const char **out_why) {
  while (d->own != SO_DEVICE_CONNECTED && !d->failed) {
    const so_status status = so_event_wait(d->config.sched, &d->change, deadline_ns);
    if (!so_ok(status)) {
      *out_why = d->why;
      return status;
    }
  }
  *out_why = d->why;
  return d->failed ? so_status_make(SO_IO, 0) : so_done();
}

bool so_device_poll(so_device *d) {
  if (d->own != SO_DEVICE_PUBLISHED && d->own != SO_DEVICE_CONNECTED) {
    return false;
  }
  const bool any = so_front_poll(&d->config.front);
  const char *why = NULL;
  if (so_front_broken(&d->config.front, &why)) {
    so_event_signal(d->config.sched, &d->wake);
  }
  return any;
}

void so_device_resumed(so_device *d) {
  d->suspended = true;
  so_event_signal(d->config.sched, &d->wake);
}
