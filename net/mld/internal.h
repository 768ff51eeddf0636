#ifndef SO_NET_MLD_INTERNAL_H_
#define SO_NET_MLD_INTERNAL_H_

// Reading queries and writing reports, apart from when they are due.

#include "base/writer.h"
#include "net/mld/mld.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_mld_record {
  SO_MLD_IS_EXCLUDE = 2,   // Current state: listening, all sources but none.
  SO_MLD_TO_INCLUDE = 3,   // Change: no longer listening.
  SO_MLD_TO_EXCLUDE = 4,   // Change: listening from now on.
} so_mld_record;

typedef struct so_mld_query {
  so_ip group;      // :: asks for all.
  uint64_t max_ms;  // Answer within.
  bool v1;
} so_mld_query;

// so_mld_query_parse reads a query of either version. MALFORMED.
SO_MUST_USE so_status so_mld_query_parse(so_bytes icmp, so_mld_query *out);

// so_mld_record_write appends one record of a version 2 report.
void so_mld_record_write(so_writer *w, so_mld_record kind, const so_ip *group);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_MLD_INTERNAL_H_
