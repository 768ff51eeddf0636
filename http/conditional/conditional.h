#ifndef SO_HTTP_CONDITIONAL_CONDITIONAL_H_
#define SO_HTTP_CONDITIONAL_CONDITIONAL_H_

// Conditions, ranges and dates (RFC 9110 5.6.7, 8.8, 13, 14). Entity tags are given and taken
// without their quotes.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_etag {
  so_bytes tag;  // Between the quotes.
  bool weak;
} so_etag;

// so_etag_next takes the next tag off a list `*rest`. OK; NOT_FOUND at the end; MALFORMED.
SO_MUST_USE so_status so_etag_next(so_bytes *rest, so_etag *out);

// so_if_match evaluates an If-Match value against what there is now: `tag` is its strong tag, or
// `exists` is false. OK: go on. CONFLICT: answer 412. MALFORMED: answer 400.
SO_MUST_USE so_status so_if_match(so_bytes value, bool exists, so_bytes tag);

// so_if_none_match evaluates If-None-Match. OK: go on. CONFLICT: answer 304 to GET and HEAD, 412 to
// others. MALFORMED: answer 400.
SO_MUST_USE so_status so_if_none_match(so_bytes value, bool exists, so_bytes tag);

// so_if_range is true when a Range may be honoured: the value is the strong tag of what there is now.
// Dates never match.
bool so_if_range(so_bytes value, so_bytes tag);

typedef struct so_range {
  uint64_t first;
  uint64_t len;  // More than 0.
} so_range;

// so_range_parse reads a Range value for a representation of `size` bytes. OK: answer 206 with
// `*out`. LIMIT: it cannot be satisfied: answer 416. UNSUPPORTED: ignore it, as RFC 9110 14.2 allows,
// and answer 200 (another unit, several ranges, ill-formed).
SO_MUST_USE so_status so_range_parse(so_bytes value, uint64_t size, so_range *out);

// so_range_write writes a Content-Range value: "bytes 0-99/200"; `range` NULL writes "bytes */200".
void so_range_write(so_writer *w, const so_range *range, uint64_t size);

#define SO_HTTP_DATE_LEN 29

// so_http_date_write writes "Sun, 06 Nov 1994 08:49:37 GMT". Years 0 to 9999.
void so_http_date_write(so_writer *w, int64_t unix_s);

// so_http_date_read reads that form. MALFORMED: any other, also the two obsolete ones.
SO_MUST_USE so_status so_http_date_read(so_bytes text, int64_t *out_unix_s);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_CONDITIONAL_CONDITIONAL_H_
