#ifndef SO_NET_DNS_SERVER_INTERNAL_H_
#define SO_NET_DNS_SERVER_INTERNAL_H_

#include "net/dns/server/server.h"

// --- a query, taken apart ---------------------------------------------------------------------

typedef struct dns_query {
  so_dns_header header;
  so_dns_question question;
  bool has_question;
  bool has_edns;
  bool has_tsig;
  so_dns_edns edns;
} dns_query;

typedef enum dns_verdict {
  DNS_ANSWER,   // A question to answer.
  DNS_ERROR,    // Answer with `*rcode` alone.
  DNS_NOTHING,  // Do not answer.
} dns_verdict;

// so_dns_query_parse takes a message apart.
dns_verdict so_dns_query_parse(so_bytes message, dns_query *q, uint16_t *rcode);

// --- working out an answer --------------------------------------------------------------------

#define DNS_PROOFS_MAX 64

typedef struct dns_proof {
  const uint8_t *name;
  const so_dns_rrset *set;
  uint8_t name_len;
} dns_proof;

typedef struct dns_work {
  const so_dns_server *server;
  const so_dns_zone *zone;
  so_dns_builder *b;
  uint16_t type;
  bool dnssec_ok;
  bool authoritative;
  bool truncated;
  uint8_t rcode;
  uint64_t rate_hash;  // What answers of this kind have in common.
  so_dns_name name;    // The one looked for now: the question's, then targets of aliases.
  const so_dns_path *path;  // Of `name`: the query's, or `target_path`.
  so_dns_path target_path;
  const so_dns_rrset *chain[SO_DNS_CHAIN_MAX];
  size_t chain_count;
  const so_dns_node *referral;
  const so_dns_rrset *servers;  // The NS asked for.
  dns_proof proofs[DNS_PROOFS_MAX];
  size_t proof_count;
  const so_dns_zone *soa;  // Whose SOA goes into the authority section.
} dns_work;

// so_dns_work_run writes all sections behind the question; `w->truncated` when they do not fit.
void so_dns_work_run(dns_work *w);

// so_dns_put_set writes a set, with its signatures when they are wanted.
void so_dns_put_set(dns_work *w, so_dns_section section, so_bytes owner, const so_dns_rrset *set,
                 uint32_t ttl_max);

// so_dns_zone_for finds the zone that holds `path`: the longest origin; for a DS at an apex the
// zone above.
const so_dns_zone *so_dns_zone_for(const so_dns_server *s, const so_dns_path *path, uint16_t type);

// --- denial of existence ----------------------------------------------------------------------
// Each adds what proves its claim, when the zone is signed and the client asked for it.

void so_dns_prove_no_data(dns_work *w, const so_dns_node *node);
// The name does not exist below the encloser, which is suffix `suffix` of the path.
void so_dns_prove_no_name(dns_work *w, const so_dns_node *encloser, size_t suffix);
void so_dns_prove_wildcard(dns_work *w, size_t suffix);
void so_dns_prove_wildcard_no_data(dns_work *w, const so_dns_node *wildcard, size_t suffix);
void so_dns_prove_no_ds(dns_work *w, const so_dns_node *cut);

// --- memory and rates -------------------------------------------------------------------------

typedef struct dns_memo_key {
  uint64_t hash;
  so_bytes name;
  uint16_t type;
  bool dnssec_ok;
} dns_memo_key;

// so_dns_memo_find gives an answer without OPT, or NULL.
const so_dns_memo *so_dns_memo_find(const so_dns_server *s, const dns_memo_key *key);
void so_dns_memo_keep(so_dns_server *s, const dns_memo_key *key, so_bytes message,
                   uint64_t rate_hash);

typedef enum dns_rate {
  DNS_RATE_PASS,
  DNS_RATE_SLIP,  // Send it truncated, so that a real client comes back over TCP.
  DNS_RATE_DROP,
} dns_rate;

dns_rate so_dns_rate_check(so_dns_server *s, const so_dns_client *client, uint64_t kind);

uint64_t so_dns_mix(uint64_t h, uint64_t v);

// --- transfers --------------------------------------------------------------------------------

bool so_dns_may_transfer(const so_dns_server *s, const so_dns_client *client);

#endif  // SO_NET_DNS_SERVER_INTERNAL_H_
