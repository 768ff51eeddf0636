#include "apps/lib/http_server/http_server.h"

#include "base/assert.h"
#include "base/mem.h"
#include "http/conditional/conditional.h"
#include "http/conn/conn.h"

#define IN_CAP (SO_HTTP_HEAD_LEN_MAX + 8192)
#define OUT_CAP 16384
// How much of a body that nobody wants is read, so that the connection can go on.
#define DRAIN_LEN_MAX (256u << 10)
// How long and how much a closing server still listens, so that its last answer is not destroyed by a
// reset that unread bytes would cause.
#define LINGER_NS (2 * SO_NS_PER_S)
#define LINGER_LEN_MAX (1u << 20)

struct so_http_exchange {
  const so_world *world;
  const so_http_server_config *config;
  so_stream stream;
  so_http_conn conn;
  so_http_head head;
  bool has_head;
  bool broken;           // The stream failed: nothing more can be sent.
  bool peer_ended;       // The client ended its direction.
  so_status in_failure;  // Of the body; sticky.
  uint16_t status;
  uint64_t bytes_in;
  uint64_t bytes_out;
  size_t head_len;  // in[0..head_len) is the head that views point into.
  size_t in_len;    // in[head_len..in_len) was read and not used yet.
  size_t out_len;
  uint8_t in[IN_CAP];
  uint8_t out[OUT_CAP];
};

_Static_assert(sizeof(so_http_exchange) <= SO_HTTP_SERVER_LEN_MAX, "the limit in the header");

static uint64_t or_default(uint64_t ns, uint64_t seconds) {
  return ns != 0 ? ns : seconds * SO_NS_PER_S;
}

static uint64_t deadline_in(const so_http_exchange *x, uint64_t ns) {
  return so_clock_now(&x->world->clock) + ns;
}

static uint64_t body_deadline(const so_http_exchange *x) {
  return deadline_in(x, or_default(x->config->body_timeout_ns, 60));
}

// --- output: small pieces are gathered, large ones go out as they are -------------------------

static so_status send(so_http_exchange *x, so_bytes bytes) {
  if (x->broken) {
    return so_status_make(SO_IO, 0);
  }
  if (bytes.len == 0) {
    return so_done();
  }
  const so_status s = so_stream_write(&x->stream, bytes, body_deadline(x));
  x->broken = !so_ok(s);
  return s;
}

static so_status flush(so_http_exchange *x) {
  const so_bytes gathered = so_bytes_of(x->out, x->out_len);
  x->out_len = 0;
  return send(x, gathered);
}

static so_status put(so_http_exchange *x, so_bytes bytes) {
  if (bytes.len > OUT_CAP - x->out_len) {
    SO_TRY(flush(x));
  }
  if (bytes.len > OUT_CAP / 2) {
    SO_TRY(flush(x));
    return send(x, bytes);
  }
  if (bytes.len != 0) {
    memcpy(x->out + x->out_len, bytes.ptr, bytes.len);
    x->out_len += bytes.len;
  }
  return x->broken ? so_status_make(SO_IO, 0) : so_done();
}

// --- the request ------------------------------------------------------------------------------

so_bytes so_http_method(const so_http_exchange *x) { return x->head.method; }
so_bytes so_http_path(const so_http_exchange *x) { return x->head.path; }
so_bytes so_http_query(const so_http_exchange *x) { return x->head.query; }

bool so_http_header(const so_http_exchange *x, const char *name, so_bytes *out) {
  return so_http_find(&x->head, name, out);
}

bool so_http_body_length(const so_http_exchange *x, uint64_t *out) {
  if (x->conn.body.kind == SO_HTTP_BODY_CHUNKED) {
    return false;
  }
  *out = x->conn.body.left + x->conn.body.total;
  return true;
}

// fill reads more into `in`, after what is there. OK with no progress: the client ended its side.
static so_status fill(so_http_exchange *x, uint64_t deadline_ns) {
  size_t len;
  SO_ASSERT(x->in_len < IN_CAP);
  SO_TRY(so_stream_read(&x->stream, x->in + x->in_len, IN_CAP - x->in_len, deadline_ns, &len));
  x->in_len += len;
  x->peer_ended = len == 0;
  return len != 0 ? so_done() : so_http_conn_in_closed(&x->conn);
}

static void drop_input(so_http_exchange *x, size_t at, size_t len) {
  memmove(x->in + at, x->in + at + len, x->in_len - at - len);
  x->in_len -= len;
}

static so_status send_continue(so_http_exchange *x) {
  uint8_t buf[32];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_http_conn_write_continue(&w);
  SO_TRY(put(x, so_writer_bytes(&w)));
  return flush(x);
}

// read_direct reads a body of known length into the handler's buffer, without a copy.
static so_status read_direct(so_http_exchange *x, uint8_t *buf, size_t cap, uint64_t left,
                             size_t *out_len) {
  const size_t most = left < cap ? (size_t)left : cap;
  SO_TRY(so_stream_read(&x->stream, buf, most, body_deadline(x), out_len));
  if (*out_len == 0) {
    x->peer_ended = true;
    return so_http_conn_in_closed(&x->conn);
  }
  so_http_conn_in_skip(&x->conn, *out_len);
  return so_done();
}

// decode takes payload out of the bytes at hand; no bytes and no failure: more are needed.
static so_status decode(so_http_exchange *x, uint8_t *buf, size_t cap, size_t *out_len) {
  so_bytes payload;
  size_t consumed;
  // Payload is never longer than the input that it lies in.
  const so_bytes in = so_bytes_first(so_bytes_of(x->in + x->head_len, x->in_len - x->head_len), cap);
  SO_TRY(so_http_conn_in_body(&x->conn, in, &consumed, &payload));
  if (payload.len != 0) {
    memcpy(buf, payload.ptr, payload.len);
  }
  *out_len = payload.len;
  drop_input(x, x->head_len, consumed);
  return so_done();
}

static so_status read_some(so_http_exchange *x, uint8_t *buf, size_t cap, size_t *out_len) {
  *out_len = 0;
  while (x->conn.in == SO_HTTP_BODY && *out_len == 0) {
    uint64_t left;
    if (x->in_len > x->head_len) {
      SO_TRY(decode(x, buf, cap, out_len));
      continue;
    }
    if (so_http_conn_continue(&x->conn)) {
      SO_TRY(send_continue(x));
    }
    SO_TRY(flush(x));  // The client may wait for it before it sends more.
    if (so_http_body_length_left(&x->conn.body, &left)) {
      SO_TRY(read_direct(x, buf, cap, left, out_len));
    } else {
      SO_TRY(fill(x, body_deadline(x)));
    }
  }
  return so_done();
}

so_status so_http_body_read(so_http_exchange *x, uint8_t *buf, size_t cap, size_t *out_len) {
  SO_ASSERT(cap != 0);
  SO_TRY(x->in_failure);
  x->in_failure = read_some(x, buf, cap, out_len);
  x->conn.closing = x->conn.closing || !so_ok(x->in_failure);
  x->bytes_in += so_ok(x->in_failure) ? *out_len : 0;
  return x->in_failure;
}

// --- the answer -------------------------------------------------------------------------------

static bool has_field(const so_http_field *fields, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (so_bytes_equal_nocase(fields[i].name, so_str(name))) {
      return true;
    }
  }
  return false;
}

// put_head writes the head where answers are gathered; a Date is added when there is none.
static so_status put_head(so_http_exchange *x, const so_http_out *head) {
  so_http_field fields[SO_HTTP_FIELDS_MAX];
  uint8_t date[SO_HTTP_DATE_LEN + 8];
  so_http_out with_date = *head;
  SO_TRY(flush(x));
  if (head->field_count >= SO_HTTP_FIELDS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (!has_field(head->fields, head->field_count, "date")) {
    so_writer d = so_writer_of(date, sizeof date);
    so_http_date_write(&d, so_clock_unix_ns(&x->world->clock) / (int64_t)SO_NS_PER_S);
    for (size_t i = 0; i < head->field_count; i++) {
      fields[i] = head->fields[i];
    }
    fields[head->field_count] = (so_http_field){so_str("Date"), so_writer_bytes(&d)};
    with_date.fields = fields;
    with_date.field_count = head->field_count + 1;
  }
  so_writer w = so_writer_of(x->out, OUT_CAP);
  so_bytes written;
  so_http_conn_out_head(&x->conn, &with_date, &w);
  const so_status s = so_writer_end(&w, &written);
  x->out_len = so_ok(s) ? written.len : 0;
  x->broken = x->broken || !so_ok(s);
  return s;
}

static so_status begin(so_http_exchange *x, uint16_t status, const so_http_field *fields,
                       size_t field_count, bool has_length, uint64_t length) {
  SO_ASSERT(x->status == 0);
  x->status = status;
  const so_http_out head = {
      .status = status,
      .fields = fields,
      .field_count = field_count,
      .has_length = has_length,
      .length = length,
      .close = so_sched_stopping(x->world->sched),
  };
  return put_head(x, &head);
}

so_status so_http_reply_begin(so_http_exchange *x, uint16_t status, const so_http_field *fields,
                              size_t field_count, bool has_length, uint64_t length) {
  // A handler that streams a good answer may still read the body, and then wants it to come.
  if (status < 300 && so_http_conn_continue(&x->conn)) {
    SO_TRY(send_continue(x));
  }
  return begin(x, status, fields, field_count, has_length, length);
}

so_status so_http_reply_write(so_http_exchange *x, so_bytes piece) {
  uint8_t before_buf[SO_HTTP_CHUNK_START_LEN_MAX];
  uint8_t after_buf[2];
  SO_ASSERT(x->status != 0);
  if (piece.len == 0 || !so_http_conn_has_out_body(&x->conn)) {
    return x->broken ? so_status_make(SO_IO, 0) : so_done();
  }
  so_writer before = so_writer_of(before_buf, sizeof before_buf);
  so_writer after = so_writer_of(after_buf, sizeof after_buf);
  SO_TRY(so_http_conn_out_data(&x->conn, piece.len, &before, &after));
  SO_TRY(put(x, so_writer_bytes(&before)));
  SO_TRY(put(x, piece));
  SO_TRY(put(x, so_writer_bytes(&after)));
  x->bytes_out += piece.len;
  // A streamed answer is for a reader who waits: what there is goes out.
  return x->conn.out_kind == SO_HTTP_BODY_LENGTH ? so_done() : flush(x);
}

so_status so_http_reply_end(so_http_exchange *x) {
  uint8_t buf[8];
  so_writer w = so_writer_of(buf, sizeof buf);
  SO_TRY(so_http_conn_out_end(&x->conn, &w));
  SO_TRY(put(x, so_writer_bytes(&w)));
  return flush(x);
}

so_status so_http_reply(so_http_exchange *x, uint16_t status, const so_http_field *fields,
                        size_t field_count, so_bytes body) {
  SO_TRY(begin(x, status, fields, field_count, true, body.len));
  SO_TRY(so_http_reply_write(x, body));
  return so_http_reply_end(x);
}

uint16_t so_http_replied_status(const so_http_exchange *x) { return x->status; }
uint64_t so_http_bytes_in(const so_http_exchange *x) { return x->bytes_in; }
uint64_t so_http_bytes_out(const so_http_exchange *x) { return x->bytes_out; }

// --- refusals ---------------------------------------------------------------------------------

static const char *why_refused(uint16_t status) {
  switch (status) {
    case 408:
      return "The request did not arrive in time.";
    case 413:
      return "The body is too large or its coding too wasteful.";
    case 414:
      return "The request target is longer than 8192 bytes.";
    case 417:
      return "The only expectation that this server knows is 100-continue.";
    case 431:
      return "The request head is larger than 16384 bytes or has more than 64 fields.";
    case 501:
      return "This method or transfer coding is not implemented.";
    case 505:
      return "This server speaks HTTP/1.1.";
    default:
      return "The request is not well-formed HTTP/1.1.";
  }
}

static void refuse(so_http_exchange *x, uint16_t status) {
  x->conn.closing = true;
  if (!so_ok(x->config->refuse(x->config->ctx, x, status, why_refused(status)))) {
    x->broken = true;
  }
}

// --- one request after the other --------------------------------------------------------------

// await_first waits for the first byte of a request; a stopping server does not wait.
static bool await_first(so_http_exchange *x) {
  if (x->in_len != 0) {
    return true;
  }
  if (so_sched_stopping(x->world->sched)) {
    return false;
  }
  const bool before = so_fiber_wake_on_stop(x->world->sched, true);
  const so_status s = fill(x, deadline_in(x, or_default(x->config->idle_timeout_ns, 60)));
  (void)so_fiber_wake_on_stop(x->world->sched, before);
  return so_ok(s) && x->in_len != 0;
}

// read_head gets a whole head. AGAIN: it came too slowly. IO: there is none.
static so_status read_head(so_http_exchange *x) {
  const uint64_t deadline = deadline_in(x, or_default(x->config->head_timeout_ns, 20));
  for (;;) {
    size_t consumed;
    const so_status s =
        so_http_conn_in_head(&x->conn, so_bytes_of(x->in, x->in_len), &x->head, &consumed);
    if (so_ok(s)) {
      x->head_len = consumed;
      x->has_head = true;
      return s;
    }
    if (!so_is(s, SO_AGAIN)) {
      return s;
    }
    drop_input(x, 0, consumed);
    const so_status more = fill(x, deadline);
    if (so_is(more, SO_AGAIN)) {
      return so_status_make(SO_AGAIN, 408);
    }
    if (!so_ok(more) || x->peer_ended) {
      return so_status_make(SO_IO, 0);
    }
  }
}

// drain_body reads what the handler left, within bounds.
static bool drain_body(so_http_exchange *x) {
  uint8_t buf[4096];
  size_t drained = 0;
  while (x->conn.in == SO_HTTP_BODY && drained <= DRAIN_LEN_MAX && !x->conn.closing) {
    size_t len;
    if (!so_ok(so_http_body_read(x, buf, sizeof buf, &len))) {
      return false;
    }
    drained += len;
  }
  return x->conn.in == SO_HTTP_DONE;
}

static void run_handler(so_http_exchange *x) {
  const so_status s = x->config->handle(x->config->ctx, x);
  x->broken = x->broken || so_is(x->in_failure, SO_IO);
  if (x->status == 0 && !so_ok(x->in_failure) && !x->broken) {
    const uint16_t status = so_is(x->in_failure, SO_AGAIN) ? 408 : 400;
    refuse(x, x->in_failure.detail >= 400 ? x->in_failure.detail : status);
    return;
  }
  if (!so_ok(s) || x->conn.out != SO_HTTP_DONE) {
    (void)flush(x).code;
    x->broken = true;  // What there is of the answer ends here: the client sees that it is not whole.
  }
}

// begin_next forgets the request that was answered and keeps what came after it.
static void begin_next(so_http_exchange *x) {
  drop_input(x, 0, x->head_len);
  x->head_len = 0;
  x->has_head = false;
  x->status = 0;
  x->bytes_in = 0;
  x->bytes_out = 0;
  x->in_failure = so_done();
}

// serve_one answers one request; false: the connection is over.
static bool serve_one(so_http_exchange *x) {
  begin_next(x);
  if (!await_first(x)) {
    return false;
  }
  const so_status s = read_head(x);
  if (!so_ok(s)) {
    if (!so_is(s, SO_IO)) {
      refuse(x, s.detail >= 400 ? s.detail : 400);
    }
    return false;
  }
  run_handler(x);
  return !x->broken && drain_body(x) && so_http_conn_next(&x->conn);
}

// linger lets the client read our last answer before the stream is closed.
static void linger(so_http_exchange *x) {
  const uint64_t deadline = deadline_in(x, LINGER_NS);
  size_t total = 0;
  size_t len = 1;
  if (x->broken || !so_ok(so_stream_shutdown(&x->stream, deadline))) {
    return;
  }
  const bool before = so_fiber_wake_on_stop(x->world->sched, true);
  while (!x->peer_ended && len != 0 && total < LINGER_LEN_MAX &&
         so_ok(so_stream_read(&x->stream, x->in, IN_CAP, deadline, &len))) {
    total += len;
  }
  (void)so_fiber_wake_on_stop(x->world->sched, before);
}

void so_http_serve(const so_world *world, const so_http_server_config *config, so_stream stream) {
  so_http_exchange *const x = so_heap_alloc(world->heap, sizeof *x);
  if (x == NULL) {
    return;  // Out of memory: the client sees the connection end.
  }
  memset(x, 0, offsetof(so_http_exchange, in));
  x->world = world;
  x->config = config;
  x->stream = stream;
  so_http_conn_init(&x->conn, true);
  while (serve_one(x)) {
  }
  linger(x);
  so_heap_free(world->heap, x, sizeof *x);
}
