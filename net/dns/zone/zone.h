#ifndef SO_NET_DNS_ZONE_ZONE_H_
#define SO_NET_DNS_ZONE_ZONE_H_

// A zone: read from the text of a master file (RFC 1035 section 5, RFC 3597), checked, and then
// never changed.
//
// Invariants of a loaded zone:
//   - `nodes` holds every name of the zone once, those between others too, in canonical
//     order (RFC 4034 6.1); nodes[0] is the apex, which has exactly one SOA and some NS.
//   - A node's sets are ordered by type; a set's records are distinct and in canonical order.
//   - Signatures stand beside the set that they cover. NSEC3 records stand apart, in order of hash,
//     because their names are not names of the zone (RFC 5155 7.2.8).
//   - CNAME has no other data beside it, nothing lives below a DNAME.
// Finding a name is a look into a hash table; finding a predecessor, a binary search.
//
// Ownership: all memory comes from the heap given to so_dns_zone_load, within its limit, and goes
// back with so_dns_zone_release. The text is needed during the load only. Everything found borrows
// the zone.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "net/dns/wire/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DNS_ZONE_INCLUDE_DEPTH_MAX 8
#define SO_DNS_ZONE_FILES_MAX 1024
#define SO_DNS_ZONE_TTL_MAX 0x7fffffff  // RFC 2181 section 8.
#define SO_DNS_RRSET_COUNT_MAX 65535

// Records one after the other, each a 16-bit length in front of its data.
typedef struct so_dns_rdatas {
  const uint8_t *ptr;
  uint32_t len;
  uint16_t count;
} so_dns_rdatas;

typedef struct so_dns_rrset {
  so_dns_rdatas records;
  so_dns_rdatas signatures;  // RRSIG that cover them; count 0 when there are none.
  uint32_t ttl;
  uint32_t signatures_ttl;
  uint16_t type;
} so_dns_rrset;

#define SO_DNS_NO_NODE UINT32_MAX

typedef struct so_dns_node {
  const uint8_t *name;  // Uncompressed, in the case of the text.
  const so_dns_rrset *sets;
  uint32_t cut;       // The delegation at or above this node, or SO_DNS_NO_NODE.
  uint32_t wildcard;  // The child "*", or SO_DNS_NO_NODE.
  uint16_t set_count;
  uint8_t name_len;
  uint8_t labels;
} so_dns_node;

typedef struct so_dns_nsec3 {
  const uint8_t *name;
  const so_dns_rrset *set;
  uint8_t hash[20];
  uint8_t name_len;
} so_dns_nsec3;

typedef struct so_dns_slot {
  uint32_t hash;
  uint32_t node;  // SO_DNS_NO_NODE: free.
} so_dns_slot;

typedef struct so_dns_zone {
  so_arena memory;
  so_bytes origin;
  uint64_t seed;
  const so_dns_node *nodes;
  uint32_t node_count;
  uint32_t record_count;
  const so_dns_slot *slots;
  uint32_t slot_mask;
  const uint32_t *nsecs;  // Nodes that have an NSEC, in canonical order.
  uint32_t nsec_count;
  const so_dns_nsec3 *nsec3s;
  uint32_t nsec3_count;
  uint16_t nsec3_iterations;  // Of the NSEC3PARAM whose chain `nsec3s` is.
  so_bytes nsec3_salt;
  const so_dns_rrset *soa;
  const so_dns_rrset *ns;
  uint32_t serial;
  uint32_t negative_ttl;  // The lesser of the SOA's TTL and its last field (RFC 2308 section 5).
  uint32_t unglued_count;  // Name servers of delegations that need an address here and have none.
} so_dns_zone;

typedef struct so_dns_zone_text {
  so_bytes file;    // For messages.
  so_bytes text;
  so_bytes origin;  // An uncompressed name.
  uint64_t seed;    // Of the hash table; the one of the so_dns_path that finds in it.
  size_t memory_limit;  // Of the zone; reading takes up to twice as much for a while.
  // Gives the text of an included file, which must stay until the load ends. NULL: $INCLUDE is an
  // error.
  so_status (*include)(void *ctx, so_bytes file, so_bytes *out_text);
  void *include_ctx;
} so_dns_zone_text;

typedef struct so_dns_zone_error {
  char file[160];
  uint32_t line;
  char reason[200];
} so_dns_zone_error;

// so_dns_zone_load reads and checks a zone. MALFORMED with `*error` filled in; LIMIT: out of
// memory. A zone that was not loaded holds no memory.
SO_MUST_USE so_status so_dns_zone_load(so_dns_zone *zone, const so_heap *heap,
                                       const so_dns_zone_text *text, so_dns_zone_error *error);
void so_dns_zone_release(so_dns_zone *zone);

// --- finding ----------------------------------------------------------------------------------

// A name with the hashes of all its suffixes, made once a query. suffix 0 is the whole name.
typedef struct so_dns_path {
  so_bytes name;
  uint8_t labels;
  uint8_t at[SO_DNS_LABELS_MAX + 1];
  uint64_t hashes[SO_DNS_LABELS_MAX + 1];
} so_dns_path;

void so_dns_path_init(so_dns_path *path, so_bytes name, uint64_t seed);

static inline so_bytes so_dns_path_suffix(const so_dns_path *p, size_t suffix) {
  return so_bytes_from(p->name, p->at[suffix]);
}

// so_dns_zone_find gives the node of a suffix, or NULL.
const so_dns_node *so_dns_zone_find(const so_dns_zone *zone, const so_dns_path *path,
                                    size_t suffix);

// so_dns_zone_encloser gives the longest suffix that has a node, which must be in the zone: the
// name itself, or its closest encloser. `*out_suffix` says which.
const so_dns_node *so_dns_zone_encloser(const so_dns_zone *zone, const so_dns_path *path,
                                        size_t *out_suffix);

const so_dns_rrset *so_dns_node_set(const so_dns_node *node, uint16_t type);

static inline so_bytes so_dns_node_name(const so_dns_node *n) {
  return so_bytes_of(n->name, n->name_len);
}

// so_dns_zone_nsec_before gives the node with an NSEC at or before `name`. NULL: there is none.
const so_dns_node *so_dns_zone_nsec_before(const so_dns_zone *zone, so_bytes name);

// so_dns_zone_nsec3_before gives the NSEC3 whose hash is `hash` or the last one before it, going
// round. NULL: there is none. `*out_exact` says whether it is that hash.
const so_dns_nsec3 *so_dns_zone_nsec3_before(const so_dns_zone *zone, const uint8_t hash[20],
                                             bool *out_exact);

// so_dns_ipv4_read and so_dns_ipv6_read read addresses as zones have them; false when they are
// none.
bool so_dns_ipv4_read(so_bytes text, uint8_t out[4]);
bool so_dns_ipv6_read(so_bytes text, uint8_t out[16]);

// so_dns_rdata_next takes the next record off `*rest`; false at the end.
bool so_dns_rdata_next(so_dns_rdatas *rest, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_DNS_ZONE_ZONE_H_
