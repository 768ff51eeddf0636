#ifndef SO_APPS_WEBSITE_OPTIONS_H_
#define SO_APPS_WEBSITE_OPTIONS_H_

// The command line of website.

#include "apps/lib/place/place.h"
#include "base/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_WEBSITE_NAMES_MAX 16

typedef struct so_website_options {
  so_bytes root;
  so_bytes data;
  so_bytes repo;
  so_bytes ref;
  so_places listens;
  so_places http_listens;  // None: no plain HTTP.
  so_bytes cert;
  so_bytes key;
  so_bytes names[SO_WEBSITE_NAMES_MAX];
  size_t name_count;
  uint64_t cache_mib;
  uint64_t max_age_s;
  bool quiet;
  bool help;
} so_website_options;

// so_website_options_read reads argv; views borrow it. MALFORMED: `*out_error` says what to do.
SO_MUST_USE so_status so_website_options_read(int argc, const char *const *argv,
                                              so_website_options *out, so_buf *out_error);
so_bytes so_website_options_help(void);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_OPTIONS_H_
