#ifndef SO_NET_DNS_RESOLVER_INTERNAL_H_
#define SO_NET_DNS_RESOLVER_INTERNAL_H_

#include "net/dns/resolver/resolver.h"

#define RESOLVER_WAYS 4  // Places in the cache that a question can take.

typedef enum resolver_state {
  RESOLVER_FREE,
  RESOLVER_SEND,  // A question is to be sent.
  RESOLVER_WAIT,  // It was.
  RESOLVER_DONE,  // The result waits to be taken.
} resolver_state;

typedef struct resolver_lookup {
  resolver_state state;
  uint16_t generation;
  uint16_t refs;  // So many starts wait for the result.
  uint16_t type;
  uint16_t id;
  uint16_t port;
  uint8_t attempt;    // Of this question; the server and the round follow from it.
  uint8_t chain;      // CNAMEs followed.
  uint8_t bad_cookies;
  bool tcp;
  bool distrust;      // The server got case or cookie wrong: TCP is tried before it is given up.
  bool with_edns;     // The question that was sent.
  uint32_t ttl_s;     // The least of the chain so far.
  uint64_t deadline_ns;
  so_status result;
  so_dns_name asked;  // Lower case, as the two below but for `sent`.
  so_dns_name name;   // What is asked now: the end of the chain so far.
  so_dns_name sent;   // In the case in which it was sent.
  so_resolver_answer answer;
} resolver_lookup;

typedef struct resolver_server {
  so_endpoint at;
  bool no_edns;
  uint8_t cookie_len;  // Not 0: it knows cookies.
  uint8_t cookie[SO_DNS_COOKIE_SERVER_LEN_MAX];
} resolver_server;

typedef struct resolver_entry {
  uint64_t expires_ns;  // 0: unused.
  uint64_t used_ns;
  uint16_t type;
  bool is_negative;
  so_dns_name name;
  so_resolver_answer answer;
} resolver_entry;

struct so_resolver {
  const so_heap *heap;
  so_rng rng;
  uint8_t cookie_key[16];
  uint8_t cache_key[16];
  resolver_server servers[SO_RESOLVER_SERVERS_MAX];
  size_t server_count;
  resolver_entry *cache;
  size_t cache_count;  // A power of two, at least RESOLVER_WAYS.
  so_resolver_stats stats;
  resolver_lookup lookups[SO_RESOLVER_LOOKUPS_MAX];
  uint8_t out[SO_RESOLVER_SEND_LEN_MAX];
};

// so_resolver_cache_find gives a live entry, or NULL.
resolver_entry *so_resolver_cache_find(so_resolver *r, const so_dns_name *name, uint16_t type,
                                    uint64_t now_ns);
// so_resolver_cache_put keeps an answer for `ttl_s` (0: not at all).
void so_resolver_cache_put(so_resolver *r, const so_dns_name *name, uint16_t type, bool is_negative,
                        uint32_t ttl_s, const so_resolver_answer *answer, uint64_t now_ns);

// What an answer says about a lookup.
typedef enum resolver_outcome {
  RESOLVER_FOUND,     // Addresses.
  RESOLVER_ABSENT,    // No such name, or none of this type.
  RESOLVER_CONTINUE,  // A CNAME leads to a name that the answer does not say more about.
  RESOLVER_TOO_LONG,  // The chain is.
} resolver_outcome;

// so_resolver_read_answer reads a response that was checked (so_dns_message_check) and has NOERROR
// or NXDOMAIN. It moves l->name along the chain, lowers l->ttl_s and fills l->answer. A denial
// without an SOA has l->ttl_s 0.
resolver_outcome so_resolver_read_answer(resolver_lookup *l, so_bytes message,
                                      const so_dns_header *header);

// --- lookups ----------------------------------------------------------------------------------

so_resolver_id so_resolver_id_of(const so_resolver *r, const resolver_lookup *l);

// so_resolver_lookup_of is NULL when the lookup ended.
resolver_lookup *so_resolver_lookup_of(so_resolver *r, so_resolver_id id);

// so_resolver_server_of is the server that a lookup is with now; there must be servers.
resolver_server *so_resolver_server_of(so_resolver *r, const resolver_lookup *l);

// so_resolver_ask begins a question anew, with the first server.
void so_resolver_ask(resolver_lookup *l);

// so_resolver_attempt_failed goes on to the next server or round, or gives up. A server that was
// not to be believed over UDP is asked over TCP first.
void so_resolver_attempt_failed(so_resolver *r, resolver_lookup *l);

void so_resolver_finish(resolver_lookup *l, so_status result);

// so_resolver_client_cookie is a function of the server and of a secret (RFC 7873 4.1).
void so_resolver_client_cookie(const so_resolver *r, const resolver_server *s,
                               uint8_t out[SO_DNS_COOKIE_CLIENT_LEN]);

#endif  // SO_NET_DNS_RESOLVER_INTERNAL_H_
