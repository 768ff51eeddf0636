#ifndef SO_APPS_LIB_HTTP_SERVER_HTTP_SERVER_H_
#define SO_APPS_LIB_HTTP_SERVER_HTTP_SERVER_H_

// Serving HTTP/1.1 on one connection: the pure machine of http/ driven by a fiber over a byte stream.
//
// so_http_serve reads requests one after the other and calls the handler for each. A handler reads
// the request, optionally its body, and answers exactly once, in one piece (so_http_reply) or as a
// stream (so_http_reply_begin, _write, _end). Whatever of the body the handler did not read is
// dropped afterwards, up to a bound; beyond it the connection is closed. What the machine refuses
// (400, 408, 413, 417, 431, 501, 505) never reaches the handler: it is answered through
// `config->refuse`, so that such answers look like the program's own.
//
// Back-pressure: writes block the fiber until the stream took them. Memory: SO_HTTP_SERVER_LEN_MAX
// a connection.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "http/message/message.h"
#include "kernel/ports/world.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_HTTP_SERVER_LEN_MAX (48u << 10)

typedef struct so_http_exchange so_http_exchange;

// --- the request ----------------------------------------------------------------------------

so_bytes so_http_method(const so_http_exchange *x);
so_bytes so_http_path(const so_http_exchange *x);   // Not decoded; begins with '/'.
so_bytes so_http_query(const so_http_exchange *x);  // After '?', not decoded; may be empty.

// so_http_header finds a field by name (any case). False when it is absent. A field that is there
// several times is the first one; list-valued fields that matter are combined by the machine.
bool so_http_header(const so_http_exchange *x, const char *name, so_bytes *out);

// so_http_body_length tells the length that the request announces. False: none (chunked, unknown);
// true with 0: no body.
bool so_http_body_length(const so_http_exchange *x, uint64_t *out);

// so_http_body_read reads the next bytes of the body into `buf`; `*out_len` 0 at its end. Sends
// "100 Continue" first when the client waits for it. MALFORMED: bad chunks; IO: the connection broke;
// AGAIN: the client is too slow.
SO_MUST_USE so_status so_http_body_read(so_http_exchange *x, uint8_t *buf, size_t cap,
                                        size_t *out_len);

// --- the answer -----------------------------------------------------------------------------

// so_http_reply sends a whole answer with its length. A body is left out for HEAD (its length is
// still told) and for 204 and 304.
SO_MUST_USE so_status so_http_reply(so_http_exchange *x, uint16_t status,
                                    const so_http_field *fields, size_t field_count,
                                    so_bytes body);

// so_http_reply_begin starts a streamed answer: of `length` bytes when `has_length` (exactly as many
// must follow, or the connection is closed to tell the client), otherwise chunked.
SO_MUST_USE so_status so_http_reply_begin(so_http_exchange *x, uint16_t status,
                                          const so_http_field *fields, size_t field_count,
                                          bool has_length, uint64_t length);
SO_MUST_USE so_status so_http_reply_write(so_http_exchange *x, so_bytes piece);

// so_http_reply_end ends it well. A streamed answer that is not ended closes the connection without
// the last chunk, so that the client sees that it is not whole.
SO_MUST_USE so_status so_http_reply_end(so_http_exchange *x);

// What was answered so far: 0 before the reply began.
uint16_t so_http_replied_status(const so_http_exchange *x);
uint64_t so_http_bytes_in(const so_http_exchange *x);   // Of this request's body.
uint64_t so_http_bytes_out(const so_http_exchange *x);  // Of this answer's body.

// --- serving --------------------------------------------------------------------------------

typedef struct so_http_server_config {
  // Answers one request. A status that is not OK closes the connection.
  so_status (*handle)(void *ctx, so_http_exchange *x);
  // Answers for the machine: `status` is 400..505; `why` is a sentence. Must use so_http_reply.
  so_status (*refuse)(void *ctx, so_http_exchange *x, uint16_t status, const char *why);
  void *ctx;
  uint64_t idle_timeout_ns;   // Between requests. 0: 60 s.
  uint64_t head_timeout_ns;   // From the first byte of a head to its end. 0: 20 s.
  uint64_t body_timeout_ns;   // Without any progress while reading a body or writing. 0: 60 s.
} so_http_server_config;

// so_http_serve serves until the client or the server (so_sched_stopping: after the answer at hand)
// ends the connection. It does not close the stream.
void so_http_serve(const so_world *world, const so_http_server_config *config, so_stream stream);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_HTTP_SERVER_HTTP_SERVER_H_
