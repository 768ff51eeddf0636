#include "kernel/xen/control/control.h"

#include "base/mem.h"

#define RETRY_NS (SO_NS_PER_S / 2)
#define VALUE_MAX 64u

static const char kKey[] = "control/shutdown";

typedef struct word {
  const char *text;
  so_control_request request;
} word;

static const word kWords[] = {
    {"", SO_CONTROL_NONE},           {"poweroff", SO_CONTROL_POWEROFF},
    {"halt", SO_CONTROL_HALT},       {"reboot", SO_CONTROL_REBOOT},
    {"suspend", SO_CONTROL_SUSPEND}, {"crash", SO_CONTROL_CRASH},
};

static const char *const kFeatures[] = {
    "control/feature-poweroff",
    "control/feature-reboot",
    "control/feature-halt",
    "control/feature-suspend",
};

so_control_request so_control_parse(so_bytes text) {
  for (size_t i = 0; i < sizeof kWords / sizeof kWords[0]; i++) {
    if (so_bytes_equal(text, so_str(kWords[i].text))) {
      return kWords[i].request;
    }
  }
  return SO_CONTROL_UNKNOWN;
}

void so_control_init(so_control *c, so_sched *sched, so_clock clock, so_store *store,
                     const so_control_ops *ops) {
  memset(c, 0, sizeof *c);
  c->sched = sched;
  c->clock = clock;
  c->store = store;
  c->ops = *ops;
  c->watch.path = kKey;
  c->watch.event = &c->event;
}

static so_status take(void *ctx, so_store *store, so_store_tx tx) {
  so_control *const c = ctx;
  uint8_t room[VALUE_MAX];
  so_buf value;
  so_buf_init(&value, NULL, sizeof room);
  value.ptr = room;
  value.cap = sizeof room;
  c->request = SO_CONTROL_NONE;
  const so_status status = so_store_read(store, tx, kKey, &value);
  if (so_is(status, SO_NOT_FOUND)) {
    return so_done();
  }
  if (!so_ok(status) && !so_is(status, SO_LIMIT)) {
    return status;
  }
  // What is longer than any word is no word.
  c->request = so_ok(status) ? so_control_parse(so_buf_bytes(&value)) : SO_CONTROL_UNKNOWN;
  return c->request == SO_CONTROL_NONE ? so_done()
                                       : so_store_write(store, tx, kKey, so_str(""));
}

// say_features makes known what is understood. A host that does not let us write goes without.
static void say_features(so_control *c) {
  for (size_t i = 0; i < sizeof kFeatures / sizeof kFeatures[0]; i++) {
    (void)!so_ok(so_store_write(c->store, SO_STORE_NO_TX, kFeatures[i], so_str("1")));
  }
}

static bool begin(so_control *c) {
  so_status status = so_store_set_watch(c->store, &c->watch);
  const char *why = NULL;
  while (!so_ok(status) && !so_sched_stopping(c->sched) && !so_store_broken(c->store, &why)) {
    so_fiber_sleep_until(c->sched, so_clock_now(&c->clock) + RETRY_NS);
    status = so_store_set_watch(c->store, &c->watch);
  }
  return so_ok(status);
}

void so_control_run(void *control) {
  so_control *const c = control;
  so_fiber_wake_on_stop(c->sched, true);
  say_features(c);
  if (!begin(c)) {
    return;
  }
  uint64_t retry_ns = SO_NEVER;
  while (!so_sched_stopping(c->sched)) {
    if (!c->watch.fired && so_clock_now(&c->clock) < retry_ns) {
      (void)!so_ok(so_event_wait(c->sched, &c->event, retry_ns));
      continue;
    }
    c->watch.fired = false;
    retry_ns = SO_NEVER;
    if (!so_ok(so_store_transact(c->store, take, c))) {
      retry_ns = so_clock_now(&c->clock) + RETRY_NS;
      continue;
    }
    if (c->request != SO_CONTROL_NONE) {
      c->requests++;
      c->unknown += c->request == SO_CONTROL_UNKNOWN;
      c->ops.asked(c->ops.ctx, c->request);
    }
  }
}
