#ifndef SO_NET_DNS_RESOLVER_RESOLVER_H_
#define SO_NET_DNS_RESOLVER_RESOLVER_H_

// A stub resolver: names to addresses, through the recursive servers that the network names
// (RFC 1034 5.3, 1035 7, 2308, 5452, 6891, 7873, 7766).
//
// Pure: so_resolver_start begins a lookup; so_resolver_next says what to send and where; what comes
// back goes in by so_resolver_udp and so_resolver_tcp; so_resolver_take gives the result.
//
// Against forged answers: a random id, a random source port for each message, the case of every
// letter of the question chosen at random (0x20) and compared exactly, the source address, and
// cookies once a server showed that it knows them. The same question is never asked twice at a
// time. A server that does not keep the case or loses the cookie is asked over TCP, not believed.
//
// CNAME chains are followed in an answer and by further questions, SO_RESOLVER_CHAIN_MAX links in
// all. Answers and denials are remembered for their time to live, in a table of fixed size.
//
// Memory: so_resolver itself and, from the heap at init, the table of questions and the cache.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "crypto/rng/rng.h"
#include "net/address/address.h"
#include "net/dns/wire/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_RESOLVER_SERVERS_MAX 4
#define SO_RESOLVER_LOOKUPS_MAX 64    // Under way at a time.
#define SO_RESOLVER_ADDRESSES_MAX 16  // Of one answer; more are dropped.
#define SO_RESOLVER_CHAIN_MAX 12
#define SO_RESOLVER_ROUNDS 3          // Each server is tried so often.
#define SO_RESOLVER_CACHE_DEFAULT 256  // About 220 KB.
#define SO_RESOLVER_TTL_MAX_S 86400
#define SO_RESOLVER_NEGATIVE_TTL_MAX_S 900  // RFC 2308 section 5 advises 1 to 3 hours at most.
#define SO_RESOLVER_SEND_LEN_MAX 512        // Of a question.
#define SO_RESOLVER_UDP_LEN 1232            // What we take over UDP: no fragments (RFC 9715).
#define SO_RESOLVER_TIMEOUT_MS 1000         // In the first round; doubles with each.
#define SO_RESOLVER_TCP_TIMEOUT_MS 5000

typedef struct so_resolver_config {
  so_endpoint servers[SO_RESOLVER_SERVERS_MAX];  // In order of preference.
  size_t server_count;
  size_t cache_entries;  // 0: SO_RESOLVER_CACHE_DEFAULT. Rounded up to a power of two.
  uint8_t seed[SO_RNG_SEED_LEN];
} so_resolver_config;

typedef struct so_resolver_stats {
  uint64_t lookups;
  uint64_t joined;          // Lookups that an equal one under way answered.
  uint64_t cache_hits;
  uint64_t evicted;         // Entries pushed out before their time.
  uint64_t sent_udp;
  uint64_t sent_tcp;
  uint64_t answers;
  uint64_t negatives;
  uint64_t timeouts;
  uint64_t truncated;
  uint64_t server_failures;  // SERVFAIL, REFUSED and the like.
  uint64_t without_edns;     // Servers asked again without EDNS.
  uint64_t bad_cookies;      // BADCOOKIE answers.
  uint64_t malformed;        // Dropped, as the following:
  uint64_t stray;            // No question waits for this id, port and address.
  uint64_t bad_question;     // The question is not the one asked.
  uint64_t bad_case;         // It is, but not letter by letter.
  uint64_t cookie_missing;   // Missing or wrong from a server that has them.
} so_resolver_stats;

// A lookup; 0 is none.
typedef uint32_t so_resolver_id;

typedef struct so_resolver_answer {
  so_ip addresses[SO_RESOLVER_ADDRESSES_MAX];
  uint8_t count;
  uint32_t ttl_s;        // How long it may be used from now on.
  so_dns_name canonical;  // The owner of the addresses: the end of the CNAME chain.
} so_resolver_answer;

typedef struct so_resolver_request {
  so_resolver_id id;
  bool tcp;
  so_endpoint server;
  uint16_t local_port;  // UDP: send from this port, and listen there until the lookup asks anew.
  so_bytes message;     // Without the two bytes of length in front that TCP wants. Borrowed until
                        // the next call.
} so_resolver_request;

typedef struct so_resolver so_resolver;

// so_resolver_init makes one. LIMIT: no memory.
SO_MUST_USE so_status so_resolver_init(const so_resolver_config *config, const so_heap *heap,
                                       so_resolver **out);
void so_resolver_release(so_resolver *r);

// so_resolver_set_servers replaces the servers (a new lease); what is under way asks the new ones.
void so_resolver_set_servers(so_resolver *r, const so_endpoint *servers, size_t count,
                             uint64_t now_ns);

// so_resolver_start looks up addresses of `type` (SO_DNS_A or SO_DNS_AAAA) of `name`, text such as
// "example.org" (always absolute). The result may be there at once. MALFORMED: not a host name;
// LIMIT: SO_RESOLVER_LOOKUPS_MAX are under way; NOT_FOUND: there is no server.
SO_MUST_USE so_status so_resolver_start(so_resolver *r, so_bytes name, uint16_t type,
                                        uint64_t now_ns, so_resolver_id *out);

// so_resolver_take gives the result and ends the lookup. AGAIN: not there yet. NOT_FOUND: no such
// name, or no address of this type. IO: no server gave an answer. LIMIT: the CNAME chain is too
// long.
SO_MUST_USE so_status so_resolver_take(so_resolver *r, so_resolver_id id, uint64_t now_ns,
                                       so_resolver_answer *out);

// so_resolver_cancel ends a lookup whose result nobody wants. The id may then be used again.
void so_resolver_cancel(so_resolver *r, so_resolver_id id);

// so_resolver_next gives the next message to send. Call it until false after start, udp, tcp, tick.
bool so_resolver_next(so_resolver *r, uint64_t now_ns, so_resolver_request *out);

// so_resolver_udp takes a datagram. What is not the answer to a question is counted and dropped.
// True: the state of the lookup changed (ask take and next).
bool so_resolver_udp(so_resolver *r, const so_endpoint *from, uint16_t local_port,
                     so_bytes message, uint64_t now_ns);

// so_resolver_tcp takes the answer of a TCP exchange, without its length, or its failure.
void so_resolver_tcp(so_resolver *r, so_resolver_id id, so_status outcome, so_bytes message,
                     uint64_t now_ns);

// so_resolver_unsent: a request of `next` could not be sent (the port is taken, no route). It is
// tried anew from another port, later or elsewhere.
void so_resolver_unsent(so_resolver *r, so_resolver_id id, uint64_t now_ns);

uint64_t so_resolver_deadline(const so_resolver *r);
void so_resolver_tick(so_resolver *r, uint64_t now_ns);

const so_resolver_stats *so_resolver_statistics(const so_resolver *r);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_DNS_RESOLVER_RESOLVER_H_
