#ifndef SO_HTTP_CONN_CONN_H_
#define SO_HTTP_CONN_CONN_H_

// One HTTP/1.1 connection, server or client: which bytes come next in each direction, and whether
// another exchange may follow. Sans-IO: bytes in and out are the caller's.
//
// Both directions go head, body, done; when both are done, so_http_conn_next starts over.
//
//   server: in_head -> (in_body)* ... out_head -> (out_data)* -> out_end -> next
//   client: out_head -> (out_data)* -> out_end ... in_head -> (in_body)* -> next
//
// A server may answer before it has read the whole body; a client may get the answer before it has
// sent all. Pipelining: bytes after a message are left to the caller, for the next exchange.
// Upgrade is never taken up. One flat struct without pointers: copying it is a snapshot.
// Failures of the input are sticky.

#include "http/body/body.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_http_phase {
  SO_HTTP_HEAD,
  SO_HTTP_BODY,
  SO_HTTP_DONE,
} so_http_phase;

typedef struct so_http_conn {
  bool is_server;
  bool failed;         // The input broke the protocol.
  bool closing;        // No exchange follows this one.
  bool head_only;      // The request is a HEAD.
  bool continue_due;   // Server: the client waits for 100 (Continue).
  bool skipped_line;   // One empty line before a request was skipped.
  uint8_t peer_minor;  // Of the peer's version; a client assumes 1 until it knows.
  uint8_t in;          // so_http_phase
  uint8_t out;         // so_http_phase
  uint8_t out_kind;    // so_http_body_kind
  uint64_t out_left;   // For LENGTH.
  size_t scanned;
  so_http_body body;   // Of the input.
} so_http_conn;

void so_http_conn_init(so_http_conn *c, bool is_server);

// --- input ------------------------------------------------------------------------------------

// so_http_conn_in_head reads a head at the start of `in`: OK sets `*head` (which borrows `in`) and
// `*consumed`. AGAIN: more input is needed; drop the `*consumed` bytes (an empty line), and call again
// with the rest and more. Other failures: `detail` is the status code to answer, with so_http_conn_out_head.
// Client: interim answers (100, 103) are given like others; the phase is then still HEAD.
SO_MUST_USE so_status so_http_conn_in_head(so_http_conn *c, so_bytes in, so_http_head *head,
                                           size_t *consumed);

// so_http_conn_in_body is so_http_body_next of the message at hand; see there.
SO_MUST_USE so_status so_http_conn_in_body(so_http_conn *c, so_bytes in, size_t *consumed,
                                           so_bytes *out);

// so_http_conn_in_skip notes payload bytes that were read past this machine.
void so_http_conn_in_skip(so_http_conn *c, uint64_t n);

// so_http_conn_in_closed is called when the peer ended its direction. OK: at a message's end, or it
// ends the body. MALFORMED: in the middle of a message.
SO_MUST_USE so_status so_http_conn_in_closed(so_http_conn *c);

// so_http_conn_continue is true once, when a server should send so_http_conn_write_continue before
// it reads the body.
bool so_http_conn_continue(so_http_conn *c);
void so_http_conn_write_continue(so_writer *w);

// --- output -----------------------------------------------------------------------------------

typedef struct so_http_out {
  uint16_t status;  // Server.
  so_bytes method;  // Client.
  so_bytes target;  // Client.
  const so_http_field *fields;  // Without Content-Length, Transfer-Encoding, Connection.
  size_t field_count;
  bool has_length;  // `length` bytes follow; otherwise as many as come (chunked).
  uint64_t length;
  bool close;  // This is the last exchange.
} so_http_out;

// so_http_conn_out_head writes a head with the fields that frame the body. A server's answer to HEAD,
// and any 1xx, 204 or 304, has no body whatever `length` says. The answer to HTTP/1.0 without a length ends
// with the connection. A client's request with a length of 0 announces no body, except for POST, PUT and PATCH.
void so_http_conn_out_head(so_http_conn *c, const so_http_out *out, so_writer *w);

// so_http_conn_has_out_body is false when data for the body at hand would not be sent (HEAD ...).
bool so_http_conn_has_out_body(const so_http_conn *c);

// so_http_conn_out_data frames `len` > 0 bytes of body, where there is one: it writes what goes before
// and after them. LIMIT: more than the length announced; nothing is written.
SO_MUST_USE so_status so_http_conn_out_data(so_http_conn *c, size_t len, so_writer *before,
                                            so_writer *after);

// so_http_conn_out_end ends the body. CONFLICT: fewer bytes came than announced; the connection must
// be closed for the peer to know.
SO_MUST_USE so_status so_http_conn_out_end(so_http_conn *c, so_writer *w);

// --- between exchanges ------------------------------------------------------------------------

// so_http_conn_next starts the next exchange when both directions are done and the connection
// persists; false, and nothing changes, when the connection must be closed.
bool so_http_conn_next(so_http_conn *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_CONN_CONN_H_
