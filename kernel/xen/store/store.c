// The requests by name, transactions and watches.
#include "kernel/xen/store/store.h"

#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/xen/store/internal.h"

#define RETRY_NS (SO_NS_PER_S / 2)

static const uint8_t kNul = 0;

// path_of views a path with its NUL. LIMIT: it is empty or too long.
static so_status path_of(const char *path, so_bytes *out) {
  const so_bytes text = so_str(path);
  if (text.len == 0 || text.len >= SO_STORE_PATH_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  *out = so_bytes_of(text.ptr, text.len + 1);
  return so_done();
}

static so_status on_path(so_store *s, uint32_t type, so_store_tx tx, const char *path,
                         so_buf *out) {
  so_bytes part;
  SO_TRY(path_of(path, &part));
  return so_store_talk(s, type, tx, &part, 1, out);
}

so_status so_store_read(so_store *s, so_store_tx tx, const char *path, so_buf *out) {
  return on_path(s, XS_READ, tx, path, out);
}

so_status so_store_list(so_store *s, so_store_tx tx, const char *path, so_buf *out) {
  const size_t before = out->len;
  SO_TRY(on_path(s, XS_DIRECTORY, tx, path, out));
  // Names, each with its NUL: who reads them must be able to rely on the last.
  const bool whole = out->len == before || out->ptr[out->len - 1] == 0;
  return whole ? so_done() : so_status_make(SO_MALFORMED, 0);
}

so_status so_store_write(so_store *s, so_store_tx tx, const char *path, so_bytes value) {
  so_bytes parts[2];
  SO_TRY(path_of(path, &parts[0]));
  parts[1] = value;
  return so_store_talk(s, XS_WRITE, tx, parts, 2, NULL);
}

so_status so_store_remove(so_store *s, so_store_tx tx, const char *path) {
  return on_path(s, XS_RM, tx, path, NULL);
}

so_status so_store_begin(so_store *s, so_store_tx *out) {
  uint8_t room[16];
  // A fixed buffer: the reply is a short number, whatever else comes is too long for it.
  so_buf reply;
  so_buf_init(&reply, NULL, sizeof room);
  reply.ptr = room;
  reply.cap = sizeof room;
  const so_bytes part = so_bytes_of(&kNul, 1);
  SO_TRY(so_store_talk(s, XS_TRANSACTION_START, SO_STORE_NO_TX, &part, 1, &reply));
  uint64_t id = 0;
  const bool ended = reply.len != 0 && reply.ptr[reply.len - 1] == 0;
  if (!ended || !so_ok(so_parse_u64(so_bytes_of(reply.ptr, reply.len - 1), &id)) || id == 0 ||
      id > UINT32_MAX) {
    return so_status_make(SO_MALFORMED, 0);
  }
  out->id = (uint32_t)id;
  out->generation = s->generation;
  return so_done();
}

so_status so_store_end(so_store *s, so_store_tx tx, bool commit) {
  const so_bytes part = so_bytes_of(commit ? "T" : "F", 2);
  return so_store_talk(s, XS_TRANSACTION_END, tx, &part, 1, NULL);
}

so_status so_store_transact(so_store *s,
                            so_status (*run)(void *ctx, so_store *store, so_store_tx tx),
                            void *ctx) {
  so_status status = so_status_make(SO_CONFLICT, 0);
  for (uint32_t i = 0; i < SO_STORE_TRIES_MAX && so_is(status, SO_CONFLICT); i++) {
    so_store_tx tx;
    SO_TRY(so_store_begin(s, &tx));
    status = run(ctx, s, tx);
    const bool commit = so_ok(status);
    const so_status ended = so_store_end(s, tx, commit);
    if (commit) {
      status = ended;
    }
    s->stats.conflicts += so_is(status, SO_CONFLICT);
  }
  return status;
}

// --- watches --------------------------------------------------------------------------------

static so_status tell_watch(so_store *s, uint32_t type, const so_store_watch *w) {
  uint8_t room[16];
  so_writer token = so_writer_of(room, sizeof room);
  so_write_printf(&token, "%u", w->token);
  so_write_u8(&token, 0);
  so_bytes parts[2];
  SO_TRY(path_of(w->path, &parts[0]));
  parts[1] = so_writer_bytes(&token);
  const so_status status = so_store_talk(s, type, SO_STORE_NO_TX, parts, 2, NULL);
  // It is there already: sent twice over one connection.
  return type == XS_WATCH && so_is(status, SO_CONFLICT) ? so_done() : status;
}

static void unlink_watch(so_store *s, const so_store_watch *w) {
  so_store_watch **at = &s->watches;
  while (*at != NULL && *at != w) {
    at = &(*at)->next;
  }
  if (*at != NULL) {
    *at = w->next;
  }
}

so_status so_store_set_watch(so_store *s, so_store_watch *w) {
  w->token = s->next_token++;
  w->fired = false;
  w->next = s->watches;
  s->watches = w;  // Before the request: it fires at once.
  const so_status status = tell_watch(s, XS_WATCH, w);
  if (!so_ok(status)) {
    unlink_watch(s, w);
  }
  return status;
}

void so_store_unwatch(so_store *s, so_store_watch *w) {
  unlink_watch(s, w);
  // One that the server keeps firing is a stray.
  (void)!so_ok(tell_watch(s, XS_UNWATCH, w));
}

// set_all sets every watch over the present connection. False: try again.
static bool set_all(so_store *s) {
  const uint32_t generation = s->generation;
  // The list may change while a request waits: begin again behind the last token that was done.
  uint32_t done = 0;
  for (;;) {
    so_store_watch *next = NULL;
    for (so_store_watch *w = s->watches; w != NULL; w = w->next) {
      if (w->token > done && (next == NULL || w->token < next->token)) {
        next = w;
      }
    }
    if (next == NULL) {
      s->watched = generation;
      return s->generation == generation;
    }
    done = next->token;
    so_store_watch copy = *next;  // `next` may go away while the request waits.
    const so_status status = tell_watch(s, XS_WATCH, &copy);
    // What the server refuses now it would refuse again.
    if (so_is(status, SO_IO) || s->generation != generation) {
      return false;
    }
  }
}

void so_store_serve(void *store) {
  so_store *const s = store;
  so_fiber_wake_on_stop(s->config.sched, true);
  while (!so_sched_stopping(s->config.sched) && s->state != SO_STORE_BROKEN) {
    uint64_t deadline_ns = SO_NEVER;
    if (s->state == SO_STORE_RECONNECTING) {
      // The loop has to turn for so_store_poll to see that time is up.
      deadline_ns = so_clock_now(&s->config.clock) + RETRY_NS;
    } else if (s->watched != s->generation && s->state == SO_STORE_UP) {
      if (set_all(s)) {
        continue;
      }
      deadline_ns = so_clock_now(&s->config.clock) + RETRY_NS;
    }
    (void)!so_ok(so_event_wait(s->config.sched, &s->serve, deadline_ns));
  }
}
