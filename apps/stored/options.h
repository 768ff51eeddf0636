#ifndef SO_APPS_STORED_OPTIONS_H_
#define SO_APPS_STORED_OPTIONS_H_

// The command line of stored.

#include "apps/lib/place/place.h"
#include "base/bytes.h"
#include "base/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_OPTIONS_NAMES_MAX 16
#define SO_OPTIONS_CACHE_MIB_DEFAULT 24

typedef struct so_options {
  so_bytes data;
  so_places listens;
  bool init;
  bool public_read;
  bool quiet;  // No request log.
  bool new_certificate;
  bool help;
  bool version;
  uint64_t cache_mib;
  so_bytes names[SO_OPTIONS_NAMES_MAX];  // More names for the certificate.
  size_t name_count;
} so_options;

// so_options_read reads argv; views borrow it. MALFORMED: `*out_error` says what to do.
SO_MUST_USE so_status so_options_read(int argc, const char *const *argv, so_options *out,
                                      so_buf *out_error);

// so_options_help views the help text.
so_bytes so_options_help(void);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_OPTIONS_H_
