#ifndef SO_HTTP_URL_URL_H_
#define SO_HTTP_URL_URL_H_

// Percent-encoding, query parameters, and the parts of a URL (RFC 3986).
//
// Decoding refuses what no honest client sends: a '%' without two digits, an encoded NUL. Splitting
// comes before decoding, so that an encoded '/' or '&' is data.

#include <stdbool.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_url_part {
  SO_URL_SEGMENT,  // A segment of a path: '+' is itself.
  SO_URL_QUERY,    // A name or value of a query: '+' is a space.
} so_url_part;

// so_url_decode writes the decoded text, which is never longer than `text`. MALFORMED.
SO_MUST_USE so_status so_url_decode(so_url_part part, so_bytes text, so_writer *w);

// so_url_decode_arena gives a view of `text` itself when it holds nothing encoded. MALFORMED, LIMIT.
SO_MUST_USE so_status so_url_decode_arena(so_url_part part, so_bytes text, so_arena *arena,
                                          so_bytes *out);

// so_url_encode writes `text` with everything but unreserved characters encoded; with `keep_slashes`
// also '/' stays, for a whole path.
void so_url_encode(so_writer *w, so_bytes text, bool keep_slashes);
void so_url_encode_buf(so_buf *out, so_bytes text, bool keep_slashes);

// so_url_query_next takes the next "name=value" off `*rest`, not decoded; false at the end. A
// parameter without '=' has an empty value. Empty parameters are skipped.
bool so_url_query_next(so_bytes *rest, so_bytes *name, so_bytes *value);

typedef struct so_url {
  bool is_https;
  so_bytes host;       // Without brackets around IPv6.
  so_bytes authority;  // As it goes into Host.
  uint16_t port;       // 80 or 443 when the URL has none.
  so_bytes path;       // Not decoded; "/" when the URL has none.
  so_bytes query;      // Not decoded.
} so_url;

// so_url_parse reads "http://" or "https://" URLs. MALFORMED; UNSUPPORTED: another scheme, or user
// information, or a fragment.
SO_MUST_USE so_status so_url_parse(so_bytes text, so_url *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_URL_URL_H_
