#ifndef SO_APPS_NAMESERVER_OPTIONS_H_
#define SO_APPS_NAMESERVER_OPTIONS_H_

// The command line of the name server.

#include "apps/lib/place/place.h"
#include "base/heap.h"
#include "net/dns/server/server.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_NS_ZONES_MAX 1024
#define SO_NS_RATE_DEFAULT 200

typedef struct so_ns_zone_option {
  so_dns_name origin;
  so_bytes file;
} so_ns_zone_option;

typedef struct so_ns_options {
  so_ns_zone_option zones[SO_NS_ZONES_MAX];
  size_t zone_count;
  so_places listens;
  so_dns_prefix transfers[SO_DNS_TRANSFERS_MAX];
  size_t transfer_count;
  so_places notifies;  // so_ns_zone has a bit for each.
  uint64_t rate_limit;
  bool help;
  bool version;
  // Of a zone source that the program may have; empty otherwise.
  so_bytes from;
  so_bytes repo;
  so_bytes branch;
  so_bytes path;
  so_bytes token_file;
  so_bytes ca_file;
  so_bytes pin;
  uint64_t poll_s;
} so_ns_options;

// so_ns_options_read reads the command line; `with_source` allows the options of a zone source.
// MALFORMED, with the reason in `error`.
SO_MUST_USE so_status so_ns_options_read(int argc, const char *const *argv, bool with_source,
                                         so_ns_options *out, so_buf *error);

void so_ns_options_help(bool with_source, so_buf *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_NAMESERVER_OPTIONS_H_
