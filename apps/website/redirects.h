#ifndef SO_APPS_WEBSITE_REDIRECTS_H_
#define SO_APPS_WEBSITE_REDIRECTS_H_

// The `_redirects` file of a site: one rule a line, "FROM TO [STATUS]", the first one that fits
// counts. FROM is a path as in a request, not decoded; a last "/*" stands for everything below,
// which ":splat" in TO repeats. TO is a path or an http(s) URL. STATUS is 301 (default), 302, 303,
// 307 or 308. '#' begins a comment.

#include "base/bytes.h"
#include "base/heap.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_REDIRECTS_MAX 1000
#define SO_REDIRECTS_LEN_MAX (256u << 10)

typedef struct so_redirect {
  so_bytes from;  // Without the '*'.
  so_bytes to;
  uint16_t status;
  bool is_prefix;
} so_redirect;

typedef struct so_redirects {
  so_redirect *rules;
  size_t count;
} so_redirects;

// so_redirects_read reads a file into `arena`; views borrow `text`. A line that is no rule is left
// out and told to `complain` with its number. LIMIT: too many rules, or no memory.
SO_MUST_USE so_status so_redirects_read(so_bytes text, so_arena *arena,
                                        void (*complain)(void *ctx, size_t line, const char *why),
                                        void *ctx, so_redirects *out);

// so_redirects_find writes the target for a path. False: no rule fits, or the target does not fit.
bool so_redirects_find(const so_redirects *r, so_bytes path, so_writer *target,
                       uint16_t *out_status);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_REDIRECTS_H_
