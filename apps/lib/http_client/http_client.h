#ifndef SO_APPS_LIB_HTTP_CLIENT_HTTP_CLIENT_H_
#define SO_APPS_LIB_HTTP_CLIENT_HTTP_CLIENT_H_

// HTTP/1.1 requests over a byte stream (a socket, or TLS over one), one after the other on a
// connection that stays open. Bodies stream both ways; calls block the fiber.
//
//   so_http_client *c;
//   SO_TRY(so_http_client_open(world, stream, so_str("127.0.0.1:8443"), &c));   // Owns the stream.
//   SO_TRY(so_http_client_send(c, so_str("GET"), so_str("/v1/repos"), fields, count, true, 0));
//   SO_TRY(so_http_client_receive(c, &status));                                 // Ends the request.
//   do { SO_TRY(so_http_client_read(c, buf, sizeof buf, &len)); ... } while (len != 0);
//   ... another so_http_client_send when so_http_client_reusable(c) ...
//   so_http_client_close(c);
//
// Errors: AGAIN: no progress for `timeout_ns`. IO: the connection broke. MALFORMED: the answer is not
// HTTP, or ended early. LIMIT: its head is too large. After any of them only close makes sense.
// Memory: SO_HTTP_CLIENT_LEN_MAX from the world's heap.

#include "http/message/message.h"
#include "kernel/ports/world.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_HTTP_CLIENT_LEN_MAX (48u << 10)

typedef struct so_http_client so_http_client;

// so_http_client_open takes over `stream`, also when it fails (LIMIT: no memory). `host` goes into
// the Host field: the authority of the URL, as so_url_parse gives it.
SO_MUST_USE so_status so_http_client_open(const so_world *world, so_stream stream, so_bytes host,
                                          so_http_client **out);

// so_http_client_close closes the stream and frees everything.
void so_http_client_close(so_http_client *c);

// so_http_client_set_timeout bounds the time without progress; at first it is 60 s.
void so_http_client_set_timeout(so_http_client *c, uint64_t timeout_ns);

// so_http_client_send sends the head of a request: Host and what frames the body are added to `fields`.
// `has_length` with 0 means no body; without it the body is chunked. An answer to the request before
// that was not read to its end is dropped first, up to a bound.
SO_MUST_USE so_status so_http_client_send(so_http_client *c, so_bytes method, so_bytes target,
                                          const so_http_field *fields, size_t field_count,
                                          bool has_length, uint64_t length);

// so_http_client_write sends a piece of the body. A server that answers early, without reading it
// all, makes it return IO or lets it succeed; either way so_http_client_receive gives the answer.
SO_MUST_USE so_status so_http_client_write(so_http_client *c, so_bytes piece);

// so_http_client_receive ends the request and waits for the head of the answer (100 and 103 are passed over).
SO_MUST_USE so_status so_http_client_receive(so_http_client *c, uint16_t *out_status);

// so_http_client_header finds a field of the answer; the view lives until the next send.
bool so_http_client_header(const so_http_client *c, const char *name, so_bytes *out);

// so_http_client_length tells the length of the answer's body when the server announced it.
bool so_http_client_length(const so_http_client *c, uint64_t *out);

// so_http_client_read reads the next bytes of the answer's body; `*out_len` 0 at its end.
SO_MUST_USE so_status so_http_client_read(so_http_client *c, uint8_t *buf, size_t cap,
                                          size_t *out_len);

// so_http_client_read_all appends the whole body to `out`. LIMIT: it does not fit there.
SO_MUST_USE so_status so_http_client_read_all(so_http_client *c, so_buf *out);

// so_http_client_reusable is true when another request may be sent on this connection.
bool so_http_client_reusable(const so_http_client *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_HTTP_CLIENT_HTTP_CLIENT_H_
