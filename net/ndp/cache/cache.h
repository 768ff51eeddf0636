#ifndef SO_NET_NDP_CACHE_CACHE_H_
#define SO_NET_NDP_CACHE_CACHE_H_

// The neighbour cache: which Ethernet address an IPv6 neighbour has, and whether it is still there
// (RFC 4861 5.1, 7.2, 7.3 and appendix C).
//
// A state is changed in one way only: so_neighbor_rule_of looks an event up in a table of states
// and events, whose rows are those of appendix C. The cache adds addresses, timers and packets to
// it.
//
// It is bounded, and what a stranger can put into it cannot push out what we use:
//   - entries that are being resolved (a scan of our prefix makes those) may take a quarter of it;
//   - an entry that a message of another made, which we never sent to, only replaces its like, and
//     those may take a quarter too (RFC 6583);
//   - else the entry used longest ago goes, pinned ones (routers) never.
// Buckets are chosen by a keyed hash. Packets that wait are bounded for an entry and altogether.
//
// Actions leave through the sink at once, in order. The cache owns packets that wait.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/ports/netdev.h"
#include "net/address/address.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_NEIGHBORS_MAX 256u
#define SO_NEIGHBORS_INCOMPLETE_MAX (SO_NEIGHBORS_MAX / 4)
#define SO_NEIGHBORS_UNUSED_MAX (SO_NEIGHBORS_MAX / 4)
#define SO_NEIGHBOR_WAITING_MAX 16u   // Packets of one entry: the fragments of a 20 KB datagram.
#define SO_NEIGHBORS_WAITING_MAX 64u  // Packets of all.
#define SO_NEIGHBOR_SOLICITS_MAX 3u   // MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT.
#define SO_NEIGHBOR_DELAY_S 5u        // DELAY_FIRST_PROBE_TIME.
#define SO_NEIGHBOR_REACHABLE_MS 30000u
#define SO_NEIGHBOR_RETRANS_MS 1000u

typedef enum so_neighbor_state {
  SO_NEIGHBOR_NONE = 0,  // No entry.
  SO_NEIGHBOR_INCOMPLETE,
  SO_NEIGHBOR_REACHABLE,
  SO_NEIGHBOR_STALE,
  SO_NEIGHBOR_DELAY,
  SO_NEIGHBOR_PROBE,
  SO_NEIGHBOR_STATES,
} so_neighbor_state;

// What can happen to an entry. NA: an advertisement, S and O its flags; "same" and "other": the
// address in it is the one in the cache or not; "bare": it has none.
typedef enum so_neighbor_event {
  SO_NEIGHBOR_SEND = 0,          // There is a packet for it.
  SO_NEIGHBOR_RETRY,             // The retransmit timer ran out; solicitations are left.
  SO_NEIGHBOR_GIVE_UP,           // The same, and none is left.
  SO_NEIGHBOR_DELAY_OVER,
  SO_NEIGHBOR_REACHABLE_OVER,
  SO_NEIGHBOR_CONFIRM,           // An upper layer had an answer.
  SO_NEIGHBOR_NA_S0_O0_SAME,
  SO_NEIGHBOR_NA_S0_O0_OTHER,
  SO_NEIGHBOR_NA_S0_O1_SAME,
  SO_NEIGHBOR_NA_S0_O1_OTHER,
  SO_NEIGHBOR_NA_S0_BARE,
  SO_NEIGHBOR_NA_S1_O0_SAME,
  SO_NEIGHBOR_NA_S1_O0_OTHER,
  SO_NEIGHBOR_NA_S1_O1_SAME,
  SO_NEIGHBOR_NA_S1_O1_OTHER,
  SO_NEIGHBOR_NA_S1_BARE,
  SO_NEIGHBOR_HEARD_SAME,        // Solicitation, router message or redirect with a link address.
  SO_NEIGHBOR_HEARD_OTHER,
  SO_NEIGHBOR_EVENTS,
} so_neighbor_event;

enum {
  SO_NEIGHBOR_DO_RECORD = 1,     // Take the address of the message.
  SO_NEIGHBOR_DO_FLUSH = 2,      // Send what waits.
  SO_NEIGHBOR_DO_MULTICAST = 4,  // Solicit the group; start the retransmit timer.
  SO_NEIGHBOR_DO_UNICAST = 8,    // Solicit the neighbour; start the retransmit timer.
  SO_NEIGHBOR_DO_DISCARD = 16,   // Remove the entry; what waits cannot be delivered.
  SO_NEIGHBOR_DO_QUEUE = 32,     // The packet waits.
  SO_NEIGHBOR_DO_SEND = 64,      // The packet goes.
  SO_NEIGHBOR_DO_FRESH = 128,    // Reachable from now on: start that timer.
};

typedef struct so_neighbor_rule {
  so_neighbor_state next;
  uint8_t actions;
} so_neighbor_rule;

// so_neighbor_rule_of looks up the table. Events that cannot be in a state change nothing.
so_neighbor_rule so_neighbor_rule_of(so_neighbor_state state, so_neighbor_event event);

typedef struct so_neighbor {
  so_ip address;
  uint8_t mac[SO_MAC_LEN];
  uint8_t state;       // An so_neighbor_state; NONE: free.
  bool is_router;
  bool pinned;         // A default router: never pushed out.
  bool used;           // We sent to it.
  uint8_t solicits;    // Sent since the last change of state.
  uint8_t waiting_count;
  uint16_t next;       // In its bucket, or in the free list; index + 1.
  uint64_t deadline_ns;
  uint64_t used_ns;    // When it was last used.
  so_packet *waiting;  // Oldest first.
} so_neighbor;

typedef struct so_neighbor_sink {
  // A solicitation for `target` is to go out: to `mac`, or to the group when NULL. `src` is the
  // source of the packet that waits, or family 0.
  void (*solicit)(void *ctx, const so_ip *target, const uint8_t *mac, const so_ip *src);
  void (*send)(void *ctx, so_packet *packet, const uint8_t mac[SO_MAC_LEN]);  // Takes it.
  void (*unreachable)(void *ctx, so_packet *packet);  // Takes it: nobody answered.
  void (*dropped)(void *ctx, so_packet *packet);      // Takes it: no room to wait.
  // An entry was removed because nobody answered, or a router said that it is none any more.
  void (*lost)(void *ctx, const so_ip *address, bool was_router);
  void *ctx;
} so_neighbor_sink;

typedef struct so_neighbor_stats {
  uint64_t created;
  uint64_t evicted;
  uint64_t refused;       // No entry: all that may be replaced are in use.
  uint64_t failed;        // Nobody answered.
  uint64_t waiting_dropped;
  uint64_t probes;
} so_neighbor_stats;

typedef struct so_neighbors {
  uint8_t key[16];
  uint64_t draws;              // How many numbers were drawn with the key.
  uint32_t reachable_base_ms;
  uint32_t retrans_ms;
  uint16_t count;
  uint16_t incomplete_count;
  uint16_t unused_count;       // Entries of others that we never sent to.
  uint16_t waiting_count;
  uint16_t free;               // Index + 1.
  uint64_t deadline_ns;        // Not later than the first deadline of an entry.
  uint16_t buckets[SO_NEIGHBORS_MAX];  // Index + 1.
  so_neighbor entries[SO_NEIGHBORS_MAX];
  so_neighbor_stats stats;
} so_neighbors;

// so_neighbors_init empties the cache. `key` must be secret and random.
void so_neighbors_init(so_neighbors *n, const uint8_t key[16]);

// so_neighbors_set_times sets what a router announced; 0 leaves a value as it is.
void so_neighbors_set_times(so_neighbors *n, uint32_t reachable_ms, uint32_t retrans_ms);

// so_neighbors_send takes `packet` for `next_hop`: it leaves, waits, or is dropped through the
// sink.
void so_neighbors_send(so_neighbors *n, const so_ip *next_hop, so_packet *packet, uint64_t now_ns,
                       const so_neighbor_sink *sink);

// What an advertisement said.
typedef struct so_neighbor_advert {
  so_ip target;
  const uint8_t *mac;  // NULL: no link-layer address.
  bool router;
  bool solicited;
  bool override;
} so_neighbor_advert;

// so_neighbors_advert handles an advertisement. Without an entry it does nothing (RFC 4861 7.2.5).
void so_neighbors_advert(so_neighbors *n, const so_neighbor_advert *a, uint64_t now_ns,
                         const so_neighbor_sink *sink);

// so_neighbors_heard notes a link address from another message of `address`, and makes an entry
// when there is room for one that we may never use. `router` < 0: the message does not say.
void so_neighbors_heard(so_neighbors *n, const so_ip *address, const uint8_t mac[SO_MAC_LEN],
                        int router, uint64_t now_ns, const so_neighbor_sink *sink);

// so_neighbors_confirm notes that `address` answered an upper layer.
void so_neighbors_confirm(so_neighbors *n, const so_ip *address, uint64_t now_ns);

// so_neighbors_pin protects an entry from being replaced, or no longer does.
void so_neighbors_pin(so_neighbors *n, const so_ip *address, bool pinned);

// so_neighbors_find returns an entry, borrowed until the next call, or NULL.
const so_neighbor *so_neighbors_find(const so_neighbors *n, const so_ip *address);

// so_neighbors_tick does what is due; so_neighbors_deadline says when that is, or SO_NEVER. It
// may be early once, for a timer that is no longer needed; the tick then does nothing.
void so_neighbors_tick(so_neighbors *n, uint64_t now_ns, const so_neighbor_sink *sink);
uint64_t so_neighbors_deadline(const so_neighbors *n);

// so_neighbors_clear removes every entry; packets that waited are dropped through the sink.
void so_neighbors_clear(so_neighbors *n, const so_neighbor_sink *sink);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_NDP_CACHE_CACHE_H_
