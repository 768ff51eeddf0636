// What the server says: replies, errors, and watches that fire.
#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/xen/store/internal.h"

typedef struct error_name {
  const char *name;
  so_code code;
} error_name;

// xs_wire.h lists them. EQUOTA came later.
static const error_name kErrors[] = {
    {"EINVAL", SO_MALFORMED}, {"EACCES", SO_DENIED},     {"EEXIST", SO_CONFLICT},
    {"EISDIR", SO_MALFORMED}, {"ENOENT", SO_NOT_FOUND},  {"ENOMEM", SO_LIMIT},
    {"ENOSPC", SO_LIMIT},     {"EIO", SO_IO},            {"ENOTEMPTY", SO_CONFLICT},
    {"ENOSYS", SO_UNSUPPORTED}, {"EROFS", SO_DENIED},    {"EBUSY", SO_CONFLICT},
    {"EAGAIN", SO_CONFLICT},  {"EISCONN", SO_CONFLICT},  {"E2BIG", SO_LIMIT},
    {"EPERM", SO_DENIED},     {"EQUOTA", SO_LIMIT},
};

so_status so_store_error(so_bytes text) {
  for (size_t i = 0; i < sizeof kErrors / sizeof kErrors[0]; i++) {
    const so_bytes name = so_str(kErrors[i].name);
    // With the NUL, and nothing behind it.
    if (text.len == name.len + 1 && text.ptr[name.len] == 0 &&
        so_bytes_equal(so_bytes_first(text, name.len), name)) {
      return so_status_make(kErrors[i].code, (uint16_t)(i + 1));
    }
  }
  return so_status_make(SO_IO, 0);
}

static void watch_event(so_store *s, so_bytes payload) {
  // path NUL token NUL
  const size_t path_len = so_bytes_find(payload, 0);
  const so_bytes rest = so_bytes_from(payload, path_len + 1);
  const size_t token_len = so_bytes_find(rest, 0);
  uint64_t token = 0;
  if (path_len == payload.len || token_len + 1 != rest.len ||
      !so_ok(so_parse_u64(so_bytes_first(rest, token_len), &token))) {
    s->stats.strays++;
    return;
  }
  for (so_store_watch *w = s->watches; w != NULL; w = w->next) {
    if (w->token == token) {
      s->stats.watch_events++;
      w->fired = true;
      so_event_signal(s->config.sched, w->event);
      return;
    }
  }
  s->stats.strays++;
}

static so_status reply_of(so_store_request *r, uint32_t type, so_bytes payload) {
  if (type == XS_ERROR) {
    return so_store_error(payload);
  }
  if (type != r->type) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (r->out != NULL) {
    so_buf_append(r->out, payload);
    if (r->out->failed) {
      return so_status_make(SO_LIMIT, 0);
    }
  }
  return so_done();
}

void so_store_message(so_store *s, const struct xsd_sockmsg *header, so_bytes payload) {
  if (header->type == XS_WATCH_EVENT) {
    watch_event(s, payload);
    return;
  }
  for (so_store_request *r = s->requests; r != NULL; r = r->next) {
    if (r->id == header->req_id && !r->done) {
      r->done = true;
      r->result = reply_of(r, header->type, payload);
      s->stats.replies++;
      s->stats.errors += header->type == XS_ERROR;
      so_event_signal(s->config.sched, &r->event);
      return;
    }
  }
  s->stats.strays++;
}

void so_store_metrics(const so_store *s, so_metric_visit *visit, void *visit_ctx) {
  visit(visit_ctx, "xenstore_in_flight", SO_METRIC_GAUGE, s->in_flight);
  visit(visit_ctx, "xenstore_requests", SO_METRIC_COUNTER, s->stats.requests);
  visit(visit_ctx, "xenstore_errors", SO_METRIC_COUNTER, s->stats.errors);
  visit(visit_ctx, "xenstore_watch_events", SO_METRIC_COUNTER, s->stats.watch_events);
  visit(visit_ctx, "xenstore_strays", SO_METRIC_COUNTER, s->stats.strays);
  visit(visit_ctx, "xenstore_timeouts", SO_METRIC_COUNTER, s->stats.timeouts);
  visit(visit_ctx, "xenstore_conflicts", SO_METRIC_COUNTER, s->stats.conflicts);
  visit(visit_ctx, "xenstore_reconnects", SO_METRIC_COUNTER, s->stats.reconnects);
}
