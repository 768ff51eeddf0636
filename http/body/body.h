#ifndef SO_HTTP_BODY_BODY_H_
#define SO_HTTP_BODY_BODY_H_

// Bodies (RFC 9112 6, 7): a decoder that views the payload where it lies, and the chunked encoding.
//
// One flat struct without pointers: copying it is a snapshot. Work is bounded by the input given.
// Limits: a chunk line SO_HTTP_CHUNK_LINE_MAX, all trailers together SO_HTTP_TRAILER_LEN_MAX.
// Chunk extensions and trailers are checked and dropped.

#include "http/framing/framing.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_HTTP_CHUNK_LINE_MAX 256
#define SO_HTTP_TRAILER_LEN_MAX 4096
// What so_http_write_chunk_start emits at most: 16 digits, CR LF.
#define SO_HTTP_CHUNK_START_LEN_MAX 18

typedef struct so_http_body {
  uint8_t kind;   // An so_http_body_kind.
  uint8_t state;  // Private.
  uint16_t line_len;
  uint16_t trailer_len;
  uint64_t left;   // Of the length, or of the chunk.
  uint64_t total;  // Payload bytes seen.
} so_http_body;

void so_http_body_init(so_http_body *b, const so_http_framing *framing);

// so_http_body_next consumes `*consumed` bytes of `in` and views the payload among them: one run,
// possibly empty. No payload and not done means that all of `in` was used and more is needed.
// MALFORMED or LIMIT: the coding is broken; the decoder stays failed.
SO_MUST_USE so_status so_http_body_next(so_http_body *b, so_bytes in, size_t *consumed,
                                        so_bytes *out);

// so_http_body_done is true when the body has ended by its own framing.
bool so_http_body_done(const so_http_body *b);

// so_http_body_end is called when the peer ended its direction. MALFORMED: the body is cut short.
SO_MUST_USE so_status so_http_body_end(so_http_body *b);

// so_http_body_length_left sets `*out` to what a body of known length still has to come; false for
// other kinds. Its bytes may then be read past the decoder with so_http_body_skip.
bool so_http_body_length_left(const so_http_body *b, uint64_t *out);

// so_http_body_skip notes that `n` payload bytes (at most what is left) were read elsewhere.
void so_http_body_skip(so_http_body *b, uint64_t n);

// so_http_write_chunk_start writes the line before `len` > 0 bytes, _end what follows them, and
// so_http_write_chunk_last ends the body.
void so_http_write_chunk_start(so_writer *w, uint64_t len);
void so_http_write_chunk_end(so_writer *w);
void so_http_write_chunk_last(so_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_BODY_BODY_H_
