#include "kernel/xen/device/device.h"

#include "base/fmt.h"
#include "base/mem.h"

#define KEYS_MAX 4096u
#define RETRY_NS (SO_NS_PER_S / 2)
#define CLOSING_NS (5 * SO_NS_PER_S)    // How long a back end has to see that we want to close.
#define SETTLED_NS (60 * SO_NS_PER_S)   // A connection that lasted so long forgets earlier failures.
#define REMOVED 1                       // Before a key in `keys`: it is to be removed.
#define WRITTEN 2

static void say(const so_device *d, const char *text) {
  const so_bytes path = so_str(d->config.path);
  const so_bytes folder = so_str("device/");
  const bool below = so_bytes_has_prefix(path, folder);
  d->config.ops.say(d->config.ops.ctx, d->config.path + (below ? folder.len : 0), text);
}

// join writes "a/b" with its NUL. False: too long.
static bool join(char *out, size_t cap, const char *a, const char *b) {
  so_writer w = so_writer_of((uint8_t *)out, cap);
  so_write_printf(&w, "%s/%s", a, b);
  so_write_u8(&w, 0);
  return !w.failed;
}

// --- keys of both ends ----------------------------------------------------------------------

// read_key reads `folder`/`key` into d->value.
static so_status read_key(so_device *d, const char *folder, const char *key) {
  char path[SO_DEVICE_PATH_MAX + 64];
  so_buf_clear(&d->value);
  if (!join(path, sizeof path, folder, key)) {
    return so_status_make(SO_LIMIT, 0);
  }
  return so_store_read(d->config.store, SO_STORE_NO_TX, path, &d->value);
}

static bool read_back(void *ctx, const char *key, so_bytes *out) {
  so_device *const d = ctx;
  if (!so_ok(read_key(d, d->back_path, key))) {
    return false;
  }
  *out = so_buf_bytes(&d->value);
  return true;
}

static bool read_front(void *ctx, const char *key, so_bytes *out) {
  so_device *const d = ctx;
  if (!so_ok(read_key(d, d->config.path, key))) {
    return false;
  }
  *out = so_buf_bytes(&d->value);
  return true;
}

static void collect(void *ctx, const char *key, const char *value) {
  so_device *const d = ctx;
  so_buf_append_u8(&d->keys, value == NULL ? REMOVED : WRITTEN);
  so_buf_append_str(&d->keys, key);
  so_buf_append_u8(&d->keys, 0);
  if (value != NULL) {
    so_buf_append_str(&d->keys, value);
    so_buf_append_u8(&d->keys, 0);
  }
}

static so_status write_key(so_device *d, so_store_tx tx, const char *key, so_bytes value) {
  char path[SO_DEVICE_PATH_MAX + 64];
  if (!join(path, sizeof path, d->config.path, key)) {
    return so_status_make(SO_LIMIT, 0);
  }
  return so_store_write(d->config.store, tx, path, value);
}

static so_status remove_key(so_device *d, so_store_tx tx, const char *key) {
  char path[SO_DEVICE_PATH_MAX + 64];
  if (!join(path, sizeof path, d->config.path, key)) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_status status = so_store_remove(d->config.store, tx, path);
  return so_is(status, SO_NOT_FOUND) ? so_done() : status;
}

static so_status write_state(so_device *d, so_store_tx tx, so_device_back state) {
  const char digit = (char)('0' + (int)state);
  return write_key(d, tx, "state", so_bytes_of(&digit, 1));
}

// write_keys writes what publish asked for, and the new state with it.
static so_status write_keys(void *ctx, so_store *store, so_store_tx tx) {
  (void)store;
  so_device *const d = ctx;
  so_bytes left = so_buf_bytes(&d->keys);
  while (left.len != 0) {
    const bool removed = left.ptr[0] == REMOVED;
    const char *const key = (const char *)left.ptr + 1;
    left = so_bytes_from(left, 1 + so_str(key).len + 1);
    if (removed) {
      SO_TRY(remove_key(d, tx, key));
      continue;
    }
    const so_bytes value = so_str((const char *)left.ptr);
    left = so_bytes_from(left, value.len + 1);
    SO_TRY(write_key(d, tx, key, value));
  }
  return write_state(d, tx,
                     d->config.front.connected_at_publish ? SO_BACK_CONNECTED : SO_BACK_INITIALISED);
}

// --- what the other end says ----------------------------------------------------------------

static void watch_back(so_device *d) {
  if (d->watching_back) {
    so_store_unwatch(d->config.store, &d->back_watch);
  }
  d->back_watch.path = d->back_state;
  d->back_watch.event = &d->wake;
  d->watching_back = so_ok(so_store_set_watch(d->config.store, &d->back_watch));
  if (!d->watching_back) {
    d->back_path[0] = 0;  // Tried again with the next look.
    d->retry_ns = so_clock_now(&d->config.clock) + RETRY_NS;
  }
}

// find_back finds the back end's folder. It changes when a device is taken away and given again.
static bool find_back(so_device *d) {
  so_bytes text;
  if (!read_front(d, "backend", &text) || text.len == 0 || text.len >= SO_DEVICE_PATH_MAX - 16 ||
      so_bytes_find(text, 0) != text.len) {
    return false;
  }
  if (!so_bytes_equal(text, so_str(d->back_path))) {
    memcpy(d->back_path, text.ptr, text.len);
    d->back_path[text.len] = 0;
    if (!join(d->back_state, sizeof d->back_state, d->back_path, "state")) {
      d->back_path[0] = 0;
      return false;
    }
    watch_back(d);
  }
  uint64_t id = 0;
  if (!read_front(d, "backend-id", &text) || !so_ok(so_parse_u64(text, &id)) || id > 0x7fef) {
    return false;  // From 0x7ff0 on numbers of domains mean something else (xen.h).
  }
  d->back_id = (uint16_t)id;
  return d->back_path[0] != 0;
}

static so_device_back look(so_device *d) {
  d->front_watch.fired = false;
  d->back_watch.fired = false;
  if (!find_back(d)) {
    return SO_BACK_GONE;
  }
  so_bytes text;
  d->online = !read_back(d, "online", &text) || !so_bytes_equal(text, so_str("0"));
  const so_status status = read_key(d, d->back_path, "state");
  if (!so_ok(status) && !so_is(status, SO_NOT_FOUND)) {
    // Not known: nothing is concluded from it.
    d->retry_ns = so_clock_now(&d->config.clock) + RETRY_NS;
    return d->own == SO_DEVICE_START ? SO_BACK_GONE : SO_BACK_RECONFIGURING;
  }
  return so_ok(status) ? so_device_back_of(so_buf_bytes(&d->value)) : SO_BACK_GONE;
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
  so_front_fail(&d->config.front);
  enter(d, SO_DEVICE_CLOSED);
}

static void write_own(so_device *d, so_device_back state) {
  if (!so_ok(write_state(d, SO_STORE_NO_TX, state))) {
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
  if (so_ok(read_key(d, d->config.path, "state"))) {
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
  d->tries++;
  d->retry_ns = so_clock_now(&d->config.clock) + RETRY_NS * d->tries;
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

static so_status publish(so_device *d, const char **out_why) {
  *out_why = "no event channel can be had";
  if (!d->config.ops.open(d->config.ops.ctx, d->back_id, &d->port)) {
    d->port = 0;
    return so_status_make(SO_LIMIT, 0);
  }
  const so_xen_peer peer = {d->back_id, d->port, {notify, d}};
  const so_xen_keys back = {read_back, d};
  const so_xen_keys front = {read_front, d};
  const so_xen_writer out = {collect, d};
  so_buf_clear(&d->keys);
  *out_why = "the rings cannot be made";
  SO_TRY(so_front_publish(&d->config.front, &peer, &back, &front, &out, out_why));
  *out_why = "the keys cannot be written to xenstore";
  so_bytes all;
  SO_TRY(so_buf_end(&d->keys, &all));
  return so_store_transact(d->config.store, write_keys, d);
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
  const so_xen_keys back = {read_back, d};
  const char *why = "the back end cannot be used";
  const so_status status = so_front_connect(&d->config.front, &back, &why);
  if (!so_ok(status)) {
    if (!give_up_or_retry(d, status, why)) {
      write_own(d, SO_BACK_CLOSING);
      enter(d, SO_DEVICE_CLOSING);
    }
    return;
  }
  if (!d->config.front.connected_at_publish) {
    write_own(d, SO_BACK_CONNECTED);
  }
  d->connected_ns = so_clock_now(&d->config.clock);
  d->stats.connects++;
  if (d->stats.connects > 1) {
    say(d, "connected again");
  }
  enter(d, SO_DEVICE_CONNECTED);
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
  if (d->own == SO_DEVICE_CONNECTED &&
      so_clock_now(&d->config.clock) - d->connected_ns > SETTLED_NS) {
    d->tries = 0;
  }
  if (!give_up_or_retry(d, so_status_make(SO_IO, 0), why)) {
    d->retry_ns = so_clock_now(&d->config.clock) + CLOSING_NS;
    write_own(d, SO_BACK_CLOSING);
    enter(d, SO_DEVICE_CLOSING);
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

// turn looks once and does what follows. True: the state changed, look again at once.
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
  const so_device_back back = look(d);
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
    so_fiber_sleep_until(d->config.sched, so_clock_now(&d->config.clock) + RETRY_NS);
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
  if (!join(d->backend_key, sizeof d->backend_key, config->path, "backend")) {
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
