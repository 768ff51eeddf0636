#ifndef SO_HTTP_MESSAGE_MESSAGE_H_
#define SO_HTTP_MESSAGE_MESSAGE_H_

// Heads of HTTP/1.1 messages (RFC 9112): start line and fields, read and written.
//
// Strict on purpose, because leniency is how requests are smuggled: lines end in CR LF and nothing
// else, one space between the parts of a start line, no space before a colon, no folded lines, no
// control characters. What the fields mean is the business of http/framing.
//
// A failure's `detail` is the status code that a server should answer: 400, 414, 431 or 505.
// Ownership: views borrow the input.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_HTTP_HEAD_LEN_MAX 16384
#define SO_HTTP_FIELDS_MAX 64
#define SO_HTTP_TARGET_LEN_MAX 8192
#define SO_HTTP_METHOD_LEN_MAX 32

typedef struct so_http_field {
  so_bytes name;
  so_bytes value;  // Without white space around it.
} so_http_field;

typedef struct so_http_head {
  uint8_t minor;      // 0 or 1: HTTP/1.0, or HTTP/1.1 and later 1.x.
  so_bytes method;    // Requests only.
  so_bytes target;    // Requests only: as sent.
  so_bytes path;      // Requests only: of the target, not decoded; "*" for OPTIONS *.
  so_bytes query;     // Requests only: after '?', not decoded.
  so_bytes authority;  // Requests only: of a target in absolute form, else empty.
  uint16_t status;    // Responses only: 100..599.
  so_bytes reason;    // Responses only; may be empty.
  size_t field_count;
  so_http_field fields[SO_HTTP_FIELDS_MAX];
} so_http_head;

// so_http_head_end looks for the empty line that ends a head. `*scanned` is where the last call on
// the same, grown input left off; 0 at first. OK sets `*out_len` to the length of the head, its
// empty line included. AGAIN: the end is not there yet. MALFORMED: a CR or LF on its own, or a NUL.
// LIMIT: more than SO_HTTP_HEAD_LEN_MAX.
SO_MUST_USE so_status so_http_head_end(so_bytes in, size_t *scanned, size_t *out_len);

// so_http_request_parse and so_http_response_parse read a whole head, of the length that
// so_http_head_end gave. MALFORMED; LIMIT: too many fields, target too long; UNSUPPORTED: not
// HTTP/1.x.
SO_MUST_USE so_status so_http_request_parse(so_bytes head, so_http_head *out);
SO_MUST_USE so_status so_http_response_parse(so_bytes head, so_http_head *out);

// so_http_find gives the first field called `name` (any case); false when there is none.
bool so_http_find(const so_http_head *head, const char *name, so_bytes *out);

// so_http_count counts the fields called `name`.
size_t so_http_count(const so_http_head *head, const char *name);

// so_http_list_next takes the next element of a comma-separated list off `*rest`; false at its end.
// Empty elements are skipped. Elements in quotes may hold commas.
bool so_http_list_next(so_bytes *rest, so_bytes *out);

// so_http_has_token is true when a list field called `name` holds `token` (any case), in any of its
// lines.
bool so_http_has_token(const so_http_head *head, const char *name, const char *token);

// so_http_is_token is true for a non-empty run of the characters of names (RFC 9110 5.6.2).
bool so_http_is_token(so_bytes text);

// so_http_is_value is true for what may stand in a field value: no control characters but tab.
bool so_http_is_value(so_bytes text);

// --- writing ----------------------------------------------------------------------------------
// A name or value that would break the message poisons the writer: no caller can be made to split
// a response.

void so_http_write_request_line(so_writer *w, so_bytes method, so_bytes target);

// so_http_write_status_line writes "HTTP/1.1 404 Not Found".
void so_http_write_status_line(so_writer *w, uint16_t status);
void so_http_write_field(so_writer *w, so_bytes name, so_bytes value);
void so_http_write_field_u64(so_writer *w, const char *name, uint64_t value);
void so_http_write_end(so_writer *w);

// so_http_reason returns the usual phrase; "Status" for codes without one.
const char *so_http_reason(uint16_t status);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_MESSAGE_MESSAGE_H_
