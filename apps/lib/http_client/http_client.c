#include "apps/lib/http_client/http_client.h"

#include "base/assert.h"
#include "base/mem.h"
#include "http/conn/conn.h"

#define IN_CAP (SO_HTTP_HEAD_LEN_MAX + 8192)
#define OUT_CAP 16384
#define HOST_CAP 512
// How much of an answer that nobody read is dropped, so that the connection can be used again.
#define DRAIN_LEN_MAX (256u << 10)
#define INTERIM_COUNT_MAX 8

struct so_http_client {
  const so_world *world;
  so_stream stream;
  uint64_t timeout_ns;
  so_http_conn conn;
  so_http_head head;  // Of the answer; empty until it came.
  bool used;          // A request was sent.
  bool broken;
  bool send_failed;   // The server stopped reading; its answer may still be there.
  bool peer_ended;
  size_t head_len;
  size_t in_len;
  size_t out_len;
  size_t host_len;
  uint8_t host[HOST_CAP];
  uint8_t in[IN_CAP];
  uint8_t out[OUT_CAP];
};

_Static_assert(sizeof(so_http_client) <= SO_HTTP_CLIENT_LEN_MAX, "the limit in the header");

static so_status io_error(void) { return so_status_make(SO_IO, 0); }

static uint64_t deadline(const so_http_client *c) {
  return so_clock_now(&c->world->clock) + c->timeout_ns;
}

// --- life cycle -------------------------------------------------------------------------------

so_status so_http_client_open(const so_world *world, so_stream stream, so_bytes host,
                              so_http_client **out) {
  so_http_client *const c =
      host.len <= HOST_CAP ? so_heap_alloc(world->heap, sizeof *c) : NULL;
  if (c == NULL) {
    so_stream_close(&stream);
    return so_status_make(SO_LIMIT, 0);
  }
  memset(c, 0, offsetof(so_http_client, host));
  c->world = world;
  c->stream = stream;
  c->timeout_ns = 60 * SO_NS_PER_S;
  if (host.len != 0) {
    memcpy(c->host, host.ptr, host.len);
  }
  c->host_len = host.len;
  so_http_conn_init(&c->conn, false);
  *out = c;
  return so_done();
}

void so_http_client_close(so_http_client *c) {
  so_stream_close(&c->stream);
  so_heap_free(c->world->heap, c, sizeof *c);
}

void so_http_client_set_timeout(so_http_client *c, uint64_t timeout_ns) {
  c->timeout_ns = timeout_ns;
}

// settle remembers that the connection is no longer fit for use.
static so_status settle(so_http_client *c, so_status s) {
  c->broken = c->broken || !so_ok(s);
  return s;
}

// --- sending ----------------------------------------------------------------------------------

static so_status transmit(so_http_client *c, so_bytes bytes) {
  if (c->broken || c->send_failed) {
    return io_error();
  }
  if (bytes.len == 0) {
    return so_done();
  }
  const so_status s = so_stream_write(&c->stream, bytes, deadline(c));
  c->send_failed = !so_ok(s);
  return s;
}

static so_status flush(so_http_client *c) {
  const so_bytes gathered = so_bytes_of(c->out, c->out_len);
  c->out_len = 0;
  return transmit(c, gathered);
}

static so_status put(so_http_client *c, so_bytes bytes) {
  if (bytes.len > OUT_CAP - c->out_len) {
    SO_TRY(flush(c));
  }
  if (bytes.len > OUT_CAP / 2) {
    SO_TRY(flush(c));
    return transmit(c, bytes);
  }
  if (bytes.len != 0) {
    memcpy(c->out + c->out_len, bytes.ptr, bytes.len);
    c->out_len += bytes.len;
  }
  return so_done();
}

// prepare makes the connection ready for a request: what is left of the last answer is dropped.
static so_status prepare(so_http_client *c) {
  uint8_t buf[4096];
  size_t dropped = 0;
  size_t len = 1;
  if (!c->used) {
    return c->broken ? io_error() : so_done();
  }
  while (len != 0 && dropped <= DRAIN_LEN_MAX) {
    SO_TRY(so_http_client_read(c, buf, sizeof buf, &len));
    dropped += len;
  }
  if (!so_http_client_reusable(c) || !so_http_conn_next(&c->conn)) {
    return settle(c, io_error());
  }
  memmove(c->in, c->in + c->head_len, c->in_len - c->head_len);
  c->in_len -= c->head_len;
  c->head_len = 0;
  c->head.field_count = 0;
  return so_done();
}

so_status so_http_client_send(so_http_client *c, so_bytes method, so_bytes target,
                              const so_http_field *fields, size_t field_count, bool has_length,
                              uint64_t length) {
  so_http_field all[SO_HTTP_FIELDS_MAX];
  SO_TRY(prepare(c));
  if (field_count >= SO_HTTP_FIELDS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  all[0] = (so_http_field){so_str("Host"), so_bytes_of(c->host, c->host_len)};
  for (size_t i = 0; i < field_count; i++) {
    all[i + 1] = fields[i];
  }
  const so_http_out head = {
      .method = method,
      .target = target,
      .fields = all,
      .field_count = field_count + 1,
      .has_length = has_length,
      .length = length,
  };
  so_writer w = so_writer_of(c->out, OUT_CAP);
  so_bytes written;
  c->used = true;
  so_http_conn_out_head(&c->conn, &head, &w);
  SO_TRY(settle(c, so_writer_end(&w, &written)));
  c->out_len = written.len;
  return so_done();
}

so_status so_http_client_write(so_http_client *c, so_bytes piece) {
  uint8_t before_buf[SO_HTTP_CHUNK_START_LEN_MAX];
  uint8_t after_buf[2];
  if (piece.len == 0) {
    return so_done();
  }
  so_writer before = so_writer_of(before_buf, sizeof before_buf);
  so_writer after = so_writer_of(after_buf, sizeof after_buf);
  if (!so_http_conn_has_out_body(&c->conn)) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(so_http_conn_out_data(&c->conn, piece.len, &before, &after));
  SO_TRY(put(c, so_writer_bytes(&before)));
  SO_TRY(put(c, piece));
  return put(c, so_writer_bytes(&after));
}

static so_status end_request(so_http_client *c) {
  uint8_t buf[8];
  so_writer w = so_writer_of(buf, sizeof buf);
  if (c->conn.out != SO_HTTP_BODY) {
    return so_done();
  }
  SO_TRY(so_http_conn_out_end(&c->conn, &w));
  SO_TRY(put(c, so_writer_bytes(&w)));
  return flush(c);
}

// --- receiving --------------------------------------------------------------------------------

// fill reads more; no progress and OK: the server ended its side where it may.
static so_status fill(so_http_client *c) {
  size_t len;
  if (c->in_len == IN_CAP) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(so_stream_read(&c->stream, c->in + c->in_len, IN_CAP - c->in_len, deadline(c), &len));
  c->in_len += len;
  c->peer_ended = len == 0;
  return len != 0 ? so_done() : so_http_conn_in_closed(&c->conn);
}

static so_status read_head(so_http_client *c) {
  for (;;) {
    size_t consumed;
    const so_bytes in = so_bytes_of(c->in + c->head_len, c->in_len - c->head_len);
    const so_status s = so_http_conn_in_head(&c->conn, in, &c->head, &consumed);
    if (so_ok(s)) {
      c->head_len += consumed;
    }
    if (!so_is(s, SO_AGAIN)) {
      return s;
    }
    const bool fresh = c->in_len == 0;
    const so_status more = fill(c);
    if (c->peer_ended) {
      return fresh ? io_error() : so_status_make(SO_MALFORMED, 0);
    }
    SO_TRY(more);
  }
}

// read_final_head passes over interim answers.
static so_status read_final_head(so_http_client *c) {
  for (int i = 0; i < INTERIM_COUNT_MAX; i++) {
    SO_TRY(read_head(c));
    if (c->conn.in != SO_HTTP_HEAD) {
      return so_done();
    }
    memmove(c->in, c->in + c->head_len, c->in_len - c->head_len);
    c->in_len -= c->head_len;
    c->head_len = 0;
  }
  return so_status_make(SO_LIMIT, 0);
}

so_status so_http_client_receive(so_http_client *c, uint16_t *out_status) {
  const so_status sent = end_request(c);
  if (!so_ok(sent) && !c->send_failed) {
    return settle(c, sent);
  }
  const so_status s = read_final_head(c);
  if (!so_ok(s)) {
    return settle(c, c->send_failed && !so_ok(sent) ? sent : s);
  }
  *out_status = c->head.status;
  return so_done();
}

bool so_http_client_header(const so_http_client *c, const char *name, so_bytes *out) {
  return so_http_find(&c->head, name, out);
}

bool so_http_client_length(const so_http_client *c, uint64_t *out) {
  if (c->conn.in == SO_HTTP_HEAD || !so_http_body_length_left(&c->conn.body, out)) {
    return false;
  }
  *out += c->conn.body.total;
  return true;
}

// read_direct reads a body that is not chunked into the caller's buffer, without a copy.
static so_status read_direct(so_http_client *c, uint8_t *buf, size_t cap, size_t *out_len) {
  uint64_t left = cap;
  (void)so_http_body_length_left(&c->conn.body, &left);
  SO_TRY(so_stream_read(&c->stream, buf, left < cap ? (size_t)left : cap, deadline(c), out_len));
  if (*out_len == 0) {
    c->peer_ended = true;
    return so_http_conn_in_closed(&c->conn);
  }
  so_http_conn_in_skip(&c->conn, *out_len);
  return so_done();
}

static so_status decode(so_http_client *c, uint8_t *buf, size_t cap, size_t *out_len) {
  so_bytes payload;
  size_t consumed;
  // Payload is never longer than the input that it lies in.
  const so_bytes in = so_bytes_first(so_bytes_of(c->in + c->head_len, c->in_len - c->head_len), cap);
  SO_TRY(so_http_conn_in_body(&c->conn, in, &consumed, &payload));
  if (payload.len != 0) {
    memcpy(buf, payload.ptr, payload.len);
  }
  *out_len = payload.len;
  memmove(c->in + c->head_len, c->in + c->head_len + consumed, c->in_len - c->head_len - consumed);
  c->in_len -= consumed;
  return so_done();
}

static so_status read_some(so_http_client *c, uint8_t *buf, size_t cap, size_t *out_len) {
  *out_len = 0;
  while (c->conn.in == SO_HTTP_BODY && *out_len == 0) {
    if (c->in_len > c->head_len) {
      SO_TRY(decode(c, buf, cap, out_len));
    } else if (c->conn.body.kind != SO_HTTP_BODY_CHUNKED) {
      SO_TRY(read_direct(c, buf, cap, out_len));
    } else {
      SO_TRY(fill(c));
    }
  }
  return so_done();
}

so_status so_http_client_read(so_http_client *c, uint8_t *buf, size_t cap, size_t *out_len) {
  SO_ASSERT(cap != 0);
  if (c->broken || c->conn.in == SO_HTTP_HEAD) {
    return io_error();
  }
  return settle(c, read_some(c, buf, cap, out_len));
}

so_status so_http_client_read_all(so_http_client *c, so_buf *out) {
  for (;;) {
    size_t len;
    uint8_t *const room = so_buf_reserve(out, 4096);
    if (room == NULL) {
      return settle(c, so_status_make(SO_LIMIT, 0));
    }
    SO_TRY(so_http_client_read(c, room, 4096, &len));
    so_buf_commit(out, len);
    if (len == 0) {
      return so_done();
    }
  }
}

bool so_http_client_reusable(const so_http_client *c) {
  return !c->broken && !c->send_failed && !c->peer_ended && !c->conn.closing && !c->conn.failed;
}
