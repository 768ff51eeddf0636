#ifndef SO_HTTP_FRAMING_FRAMING_H_
#define SO_HTTP_FRAMING_FRAMING_H_

// What a head says about the body and the connection (RFC 9112 6, 9; RFC 9110 7.2, 10.1.1).
//
// Every doubt about where a message ends is refused, never resolved: two lengths (even equal ones), a
// length beside a transfer coding, a coding that does not end in chunked, a coding from HTTP/1.0.
// A failure's `detail` is the status code that a server should answer: 400, 417 or 501.

#include "http/message/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_http_body_kind {
  SO_HTTP_BODY_NONE,
  SO_HTTP_BODY_LENGTH,
  SO_HTTP_BODY_CHUNKED,
  SO_HTTP_BODY_UNTIL_CLOSE,  // Responses only.
} so_http_body_kind;

typedef struct so_http_framing {
  so_http_body_kind kind;
  uint64_t length;       // For LENGTH; more than 0.
  bool keep_alive;       // The peer can take another message after this one.
  bool expect_continue;  // Requests: the client waits for 100 before it sends the body.
} so_http_framing;

// so_http_request_framing also checks Host: exactly one that is a host and perhaps a port, for
// HTTP/1.1. MALFORMED; UNSUPPORTED: a transfer coding or an expectation that we do not have.
SO_MUST_USE so_status so_http_request_framing(const so_http_head *head, so_http_framing *out);

// so_http_response_framing reads the answer to a request with the method HEAD (`to_head`) or another.
SO_MUST_USE so_status so_http_response_framing(const so_http_head *head, bool to_head,
                                               so_http_framing *out);

// so_http_is_authority is true for a host (name, IPv4 or bracketed IPv6) with an optional port.
bool so_http_is_authority(so_bytes text);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_FRAMING_FRAMING_H_
