#include "http/conn/conn.h"

#include "base/assert.h"

void so_http_conn_init(so_http_conn *c, bool is_server) {
  const so_http_conn fresh = {.is_server = is_server, .peer_minor = 1};
  *c = fresh;
}

// --- input ------------------------------------------------------------------------------------

// settle remembers a failure for good.
static so_status settle(so_http_conn *c, so_status s) {
  if (!so_ok(s) && !so_is(s, SO_AGAIN)) {
    c->failed = true;
    c->closing = true;
  }
  return s;
}

static void begin_body(so_http_conn *c, const so_http_framing *framing) {
  so_http_body_init(&c->body, framing);
  c->in = so_http_body_done(&c->body) ? SO_HTTP_DONE : SO_HTTP_BODY;
}

static so_status on_request(so_http_conn *c, so_bytes in, so_http_head *head) {
  so_http_framing framing;
  SO_TRY(so_http_request_parse(in, head));
  c->peer_minor = head->minor;
  c->head_only = so_bytes_equal(head->method, so_str("HEAD"));
  SO_TRY(so_http_request_framing(head, &framing));
  c->continue_due = framing.expect_continue;
  c->closing = c->closing || !framing.keep_alive;
  begin_body(c, &framing);
  return so_done();
}

static so_status on_response(so_http_conn *c, so_bytes in, so_http_head *head) {
  so_http_framing framing;
  SO_TRY(so_http_response_parse(in, head));
  if (head->status == 101) {  // We never ask for it.
    return so_status_make(SO_MALFORMED, 400);
  }
  SO_TRY(so_http_response_framing(head, c->head_only, &framing));
  c->peer_minor = head->minor;
  if (head->status >= 200) {
    c->closing = c->closing || !framing.keep_alive;
    begin_body(c, &framing);
  }
  return so_done();
}

// skip_line passes over one empty line before a request (RFC 9112 2.2): some clients end a body with
// one too many. False: it may still be one.
static bool skip_line(so_http_conn *c, so_bytes in, size_t *skipped) {
  *skipped = 0;
  if (!c->is_server || c->skipped_line || in.len == 0 || in.ptr[0] != '\r') {
    return true;
  }
  if (in.len >= 2 && in.ptr[1] == '\n') {
    *skipped = 2;
    c->skipped_line = true;
  }
  return in.len >= 2;
}

so_status so_http_conn_in_head(so_http_conn *c, so_bytes in, so_http_head *head,
                               size_t *consumed) {
  size_t len = 0;
  *consumed = 0;
  if (c->failed) {
    return so_status_make(SO_MALFORMED, 400);
  }
  SO_ASSERT(c->in == SO_HTTP_HEAD);
  if (!skip_line(c, in, consumed)) {
    return so_status_make(SO_AGAIN, 0);
  }
  in = so_bytes_from(in, *consumed);
  const so_status end = so_http_head_end(in, &c->scanned, &len);
  if (!so_ok(end)) {
    return settle(c, end);
  }
  c->scanned = 0;
  *consumed += len;
  const so_bytes text = so_bytes_first(in, len);
  return settle(c, c->is_server ? on_request(c, text, head) : on_response(c, text, head));
}

static void note_body_done(so_http_conn *c) {
  if (so_http_body_done(&c->body)) {
    c->in = SO_HTTP_DONE;
  }
}

so_status so_http_conn_in_body(so_http_conn *c, so_bytes in, size_t *consumed, so_bytes *out) {
  SO_ASSERT(c->in != SO_HTTP_HEAD);
  c->continue_due = c->continue_due && in.len == 0;  // The client did not wait.
  const so_status s = so_http_body_next(&c->body, in, consumed, out);
  note_body_done(c);
  return settle(c, s);
}

void so_http_conn_in_skip(so_http_conn *c, uint64_t n) {
  c->continue_due = false;
  so_http_body_skip(&c->body, n);
  note_body_done(c);
}

so_status so_http_conn_in_closed(so_http_conn *c) {
  c->closing = true;
  if (c->in == SO_HTTP_BODY) {
    const so_status s = so_http_body_end(&c->body);
    note_body_done(c);
    return settle(c, s);
  }
  const bool in_head = c->in == SO_HTTP_HEAD && (c->scanned != 0 || !c->is_server);
  return in_head ? settle(c, so_status_make(SO_MALFORMED, 400)) : so_done();
}

bool so_http_conn_continue(so_http_conn *c) {
  const bool due = c->is_server && c->continue_due && c->in == SO_HTTP_BODY &&
                   c->out == SO_HTTP_HEAD;
  c->continue_due = c->continue_due && !due;
  return due;
}

void so_http_conn_write_continue(so_writer *w) { so_write_str(w, "HTTP/1.1 100 Continue\r\n\r\n"); }

// --- output -----------------------------------------------------------------------------------

static void write_close(so_writer *w) { so_write_str(w, "Connection: close\r\n"); }

static void announce(so_http_conn *c, const so_http_out *out, so_writer *w) {
  if (out->has_length) {
    c->out_kind = out->length != 0 ? SO_HTTP_BODY_LENGTH : SO_HTTP_BODY_NONE;
    c->out_left = out->length;
    so_http_write_field_u64(w, "Content-Length", out->length);
  } else if (c->peer_minor != 0) {
    c->out_kind = SO_HTTP_BODY_CHUNKED;
    so_write_str(w, "Transfer-Encoding: chunked\r\n");
  } else {
    c->out_kind = SO_HTTP_BODY_UNTIL_CLOSE;
    c->closing = true;
  }
}

static void response_head(so_http_conn *c, const so_http_out *out, so_writer *w) {
  so_http_write_status_line(w, out->status);
  c->out_kind = SO_HTTP_BODY_NONE;
  if (out->status >= 200 && out->status != 204 && out->status != 304) {
    announce(c, out, w);
  }
  if (c->head_only) {
    c->out_kind = SO_HTTP_BODY_NONE;
  }
  if (c->continue_due && c->in == SO_HTTP_BODY) {
    c->closing = true;  // Answered instead of 100: whether the body still comes is anyone's guess.
  }
}

static bool is_body_method(so_bytes method) {
  return so_bytes_equal(method, so_str("POST")) || so_bytes_equal(method, so_str("PUT")) ||
         so_bytes_equal(method, so_str("PATCH"));
}

static void request_head(so_http_conn *c, const so_http_out *out, so_writer *w) {
  so_http_write_request_line(w, out->method, out->target);
  c->head_only = so_bytes_equal(out->method, so_str("HEAD"));
  c->peer_minor = 1;
  c->out_kind = SO_HTTP_BODY_NONE;
  if (!out->has_length || out->length != 0 || is_body_method(out->method)) {
    announce(c, out, w);
  }
}

void so_http_conn_out_head(so_http_conn *c, const so_http_out *out, so_writer *w) {
  SO_ASSERT(c->out == SO_HTTP_HEAD);
  c->closing = c->closing || out->close;
  if (c->is_server) {
    response_head(c, out, w);
  } else {
    request_head(c, out, w);
  }
  for (size_t i = 0; i < out->field_count; i++) {
    so_http_write_field(w, out->fields[i].name, out->fields[i].value);
  }
  if (c->closing) {
    write_close(w);
  } else if (c->is_server && c->peer_minor == 0) {
    so_write_str(w, "Connection: keep-alive\r\n");
  }
  so_http_write_end(w);
  c->out = SO_HTTP_BODY;
}

bool so_http_conn_has_out_body(const so_http_conn *c) {
  return c->out == SO_HTTP_BODY && c->out_kind != SO_HTTP_BODY_NONE;
}

so_status so_http_conn_out_data(so_http_conn *c, size_t len, so_writer *before, so_writer *after) {
  SO_ASSERT(so_http_conn_has_out_body(c) && len != 0);
  if (c->out_kind == SO_HTTP_BODY_LENGTH) {
    if (len > c->out_left) {
      return so_status_make(SO_LIMIT, 0);
    }
    c->out_left -= len;
  } else if (c->out_kind == SO_HTTP_BODY_CHUNKED) {
    so_http_write_chunk_start(before, len);
    so_http_write_chunk_end(after);
  }
  return so_done();
}

so_status so_http_conn_out_end(so_http_conn *c, so_writer *w) {
  SO_ASSERT(c->out == SO_HTTP_BODY);
  if (c->out_kind == SO_HTTP_BODY_LENGTH && c->out_left != 0) {
    c->closing = true;
    return so_status_make(SO_CONFLICT, 0);
  }
  if (c->out_kind == SO_HTTP_BODY_CHUNKED) {
    so_http_write_chunk_last(w);
  }
  c->out = SO_HTTP_DONE;
  return so_done();
}

// --- between exchanges ------------------------------------------------------------------------

bool so_http_conn_next(so_http_conn *c) {
  if (c->failed || c->closing || c->in != SO_HTTP_DONE || c->out != SO_HTTP_DONE) {
    return false;
  }
  so_http_conn_init(c, c->is_server);
  return true;
}
