#ifndef SO_NET_DNS_SERVER_SERVER_H_
#define SO_NET_DNS_SERVER_SERVER_H_

// An authoritative name server as a function: the bytes of a query in, the bytes of an answer out
// (RFC 1034 section 4.3.2 with RFC 2308, 4035, 4592, 5155, 6672, 6891, 7873, 8482).
//
// No sockets, no clock, no randomness: the caller says who asks, over what, and when. Zones are
// loaded elsewhere and only read here; so_dns_server_set_zones changes the whole set at once.
//
// Answers are minimal: what was asked for, what proves it, and for a delegation its glue. Answers
// of common queries are remembered whole and served again with the query's own id and case of name.
//
// Limits: SO_DNS_ZONES_MAX zones; a chain of SO_DNS_CHAIN_MAX aliases, whose rest is left to the
// resolver; UDP answers of at most `udp_len_max` bytes; tables of fixed size for answers and rates.
// Ownership: the server borrows zones, tables and lists until its end or the next set_zones.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dns/wire/wire.h"
#include "net/dns/zone/zone.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DNS_ZONES_MAX 4096
#define SO_DNS_CHAIN_MAX 16
// Fits any path without fragments (RFC 9715 and the "DNS flag day" of 2020).
#define SO_DNS_UDP_LEN_DEFAULT 1232
#define SO_DNS_TRANSFERS_MAX 64

typedef struct so_dns_client {
  so_bytes address;  // 4 or 16 bytes.
  bool is_tcp;
  uint32_t now_s;  // Of the wall clock, for cookies.
  uint64_t now_ns;  // Monotonic, for rates.
} so_dns_client;

// A network that may transfer zones.
typedef struct so_dns_prefix {
  uint8_t address[16];
  uint8_t family;  // 4 or 6.
  uint8_t bits;
} so_dns_prefix;

// --- tables -----------------------------------------------------------------------------------

// An answer remembered. Longer ones, and names longer than the room, are worked out each time.
#define SO_DNS_MEMO_LEN_MAX 468

typedef struct so_dns_memo {
  uint64_t hash;  // 0: free.
  uint32_t generation;
  uint16_t len;
  uint16_t type;
  uint8_t name_len;
  uint8_t dnssec_ok;
  uint64_t rate_hash;
  uint8_t message[SO_DNS_MEMO_LEN_MAX + 12];
} so_dns_memo;

// Answers to one network, of one kind, about one name.
typedef struct so_dns_rate {
  uint64_t key;
  uint64_t at_ns;
  uint32_t credit;
  uint32_t slips;
} so_dns_rate;

// --- the server -------------------------------------------------------------------------------

typedef struct so_dns_stats {
  uint64_t queries;
  uint64_t tcp_queries;
  uint64_t answers[16];  // By rcode, the lower 4 bits.
  uint64_t remembered;   // Answered from memory.
  uint64_t dropped;      // Not even a header, or itself a response.
  uint64_t truncated;
  uint64_t limited;  // Not sent because of their rate.
  uint64_t slipped;  // Sent truncated because of their rate.
  uint64_t bad_cookies;
  uint64_t transfers;
  uint64_t transfers_refused;
} so_dns_stats;

typedef struct so_dns_server_config {
  uint64_t seed;  // The one that zones were loaded with.
  uint8_t cookie_key[SO_DNS_COOKIE_KEY_LEN];
  uint16_t udp_len_max;   // 0: SO_DNS_UDP_LEN_DEFAULT.
  uint32_t rate_limit;    // Like answers a second to a network; 0: no limit.
  so_dns_memo *memos;     // A power of two of them, zeroed; may be NULL.
  size_t memo_count;
  so_dns_rate *rates;     // A power of two of them, zeroed; may be NULL with rate_limit 0.
  size_t rate_count;
  const so_dns_prefix *transfers;  // Who may transfer zones.
  size_t transfer_count;
} so_dns_server_config;

typedef struct so_dns_server {
  so_dns_server_config config;
  so_dns_stats stats;
  uint32_t generation;  // Of the set of zones.
  uint32_t zone_count;
  uint8_t labels_min;  // Of the origins, so that most look-ups of zones are few.
  uint8_t labels_max;
  const so_dns_zone *zones[SO_DNS_ZONES_MAX];
  uint32_t slots[2 * SO_DNS_ZONES_MAX];  // 1 more than the index of a zone; 0: free.
} so_dns_server;

// so_dns_server_init sets up a server without zones. Cannot fail.
void so_dns_server_init(so_dns_server *s, const so_dns_server_config *config);

// so_dns_server_set_zones replaces the zones; answers remembered are forgotten. CONFLICT: two have
// one origin, and then there are none; LIMIT: too many, and the former set stays.
SO_MUST_USE so_status so_dns_server_set_zones(so_dns_server *s, const so_dns_zone *const *zones,
                                              size_t count);

// A transfer under way; what is in it is the module's own. The zone must stay until it is done.
typedef struct so_dns_transfer {
  const so_dns_zone *zone;
  so_dns_name name;
  uint16_t id;
  uint16_t type;  // AXFR or IXFR.
  bool rd;
  bool open;  // A set is being written: what is left of it follows.
  uint8_t part;
  so_dns_rdatas records;
  so_dns_rdatas signatures;
  uint32_t node;
  uint32_t nsec3;
  uint32_t set;
} so_dns_transfer;

typedef enum so_dns_result {
  SO_DNS_SEND,      // `*out` is the answer.
  SO_DNS_DROP,      // Nothing is sent.
  SO_DNS_TRANSFER,  // TCP: `*transfer` gives the answer, message by message.
} so_dns_result;

// so_dns_server_answer answers one message. `buf` has room for SO_DNS_MESSAGE_LEN_MAX bytes for
// TCP, and for `udp_len_max` otherwise. `transfer` may be NULL for UDP.
so_dns_result so_dns_server_answer(so_dns_server *s, const so_dns_client *client, so_bytes query,
                                   uint8_t *buf, size_t cap, so_bytes *out,
                                   so_dns_transfer *transfer);

// so_dns_transfer_next writes the next message of a transfer, of at most `cap` bytes (at least
// SO_DNS_MESSAGE_LEN_MAX, so that every record fits); false when all were written.
bool so_dns_transfer_next(so_dns_transfer *t, uint8_t *buf, size_t cap, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_DNS_SERVER_SERVER_H_
