// What stands in xenstore about a device: the folders of both ends.
#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/xen/device/internal.h"

#define REMOVED 1  // Before a key in `keys`: it is to be removed.
#define WRITTEN 2

// so_device_join writes "a/b" with its NUL. False: too long.
bool so_device_join(char *out, size_t cap, const char *a, const char *b) {
  so_writer w = so_writer_of((uint8_t *)out, cap);
  so_write_printf(&w, "%s/%s", a, b);
  so_write_u8(&w, 0);
  return !w.failed;
}

// --- keys of both ends ----------------------------------------------------------------------

// so_device_read_key reads `folder`/`key` into d->value.
so_status so_device_read_key(so_device *d, const char *folder, const char *key) {
  char path[SO_DEVICE_PATH_MAX + 64];
  so_buf_clear(&d->value);
  if (!so_device_join(path, sizeof path, folder, key)) {
    return so_status_make(SO_LIMIT, 0);
  }
  return so_store_read(d->config.store, SO_STORE_NO_TX, path, &d->value);
}

bool so_device_read_back(void *ctx, const char *key, so_bytes *out) {
  so_device *const d = ctx;
  if (!so_ok(so_device_read_key(d, d->back_path, key))) {
    return false;
  }
  *out = so_buf_bytes(&d->value);
  return true;
}

bool so_device_read_front(void *ctx, const char *key, so_bytes *out) {
  so_device *const d = ctx;
  if (!so_ok(so_device_read_key(d, d->config.path, key))) {
    return false;
  }
  *out = so_buf_bytes(&d->value);
  return true;
}

void so_device_collect(void *ctx, const char *key, const char *value) {
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
  if (!so_device_join(path, sizeof path, d->config.path, key)) {
    return so_status_make(SO_LIMIT, 0);
  }
  return so_store_write(d->config.store, tx, path, value);
}

static so_status remove_key(so_device *d, so_store_tx tx, const char *key) {
  char path[SO_DEVICE_PATH_MAX + 64];
  if (!so_device_join(path, sizeof path, d->config.path, key)) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_status status = so_store_remove(d->config.store, tx, path);
  return so_is(status, SO_NOT_FOUND) ? so_done() : status;
}

so_status so_device_write_state(so_device *d, so_store_tx tx, so_device_back state) {
  const char digit = (char)('0' + (int)state);
  return write_key(d, tx, "state", so_bytes_of(&digit, 1));
}

// so_device_write_keys writes what publish asked for, and the new state with it.
so_status so_device_write_keys(void *ctx, so_store *store, so_store_tx tx) {
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
  const bool connected = d->config.front.connected_at_publish;
  return so_device_write_state(d, tx, connected ? SO_BACK_CONNECTED : SO_BACK_INITIALISED);
}

// --- what the other end says ----------------------------------------------------------------

static void watch_back(so_device *d) {
  d->back_watch.path = d->back_state;
  d->back_watch.event = &d->wake;
  d->watching_back = so_ok(so_store_set_watch(d->config.store, &d->back_watch));
  if (!d->watching_back) {
    d->back_path[0] = 0;  // Tried again with the next so_device_look.
    d->retry_ns = so_clock_now(&d->config.clock) + SO_DEVICE_RETRY_NS;
  }
}

// find_back finds the back end's folder. It changes when a device is taken away and given again.
static bool find_back(so_device *d) {
  so_bytes text;
  if (!so_device_read_front(d, "backend", &text) || text.len == 0 ||
      text.len >= SO_DEVICE_PATH_MAX - 16 || so_bytes_find(text, 0) != text.len) {
    return false;
  }
  if (!so_bytes_equal(text, so_str(d->back_path))) {
    if (d->watching_back) {  // By its path, which is still there.
      so_store_unwatch(d->config.store, &d->back_watch);
      d->watching_back = false;
    }
    memcpy(d->back_path, text.ptr, text.len);
    d->back_path[text.len] = 0;
    if (!so_device_join(d->back_state, sizeof d->back_state, d->back_path, "state")) {
      d->back_path[0] = 0;
      return false;
    }
    watch_back(d);
  }
  uint64_t id = 0;
  // From 0x7ff0 on numbers of domains mean something else (xen.h).
  if (!so_device_read_front(d, "backend-id", &text) || !so_ok(so_parse_u64(text, &id)) ||
      id > 0x7fef) {
    return false;
  }
  d->back_id = (uint16_t)id;
  return d->back_path[0] != 0;
}

so_device_back so_device_look(so_device *d) {
  d->front_watch.fired = false;
  d->back_watch.fired = false;
  if (!find_back(d)) {
    return SO_BACK_GONE;
  }
  so_bytes text;
  d->online = !so_device_read_back(d, "online", &text) || !so_bytes_equal(text, so_str("0"));
  const so_status status = so_device_read_key(d, d->back_path, "state");
  if (!so_ok(status) && !so_is(status, SO_NOT_FOUND)) {
    // Not known: nothing is concluded from it.
    d->retry_ns = so_clock_now(&d->config.clock) + SO_DEVICE_RETRY_NS;
    return d->own == SO_DEVICE_START ? SO_BACK_GONE : SO_BACK_RECONFIGURING;
  }
  return so_ok(status) ? so_device_back_of(so_buf_bytes(&d->value)) : SO_BACK_GONE;
}
