#ifndef SO_NET_ARP_ARP_H_
#define SO_NET_ARP_ARP_H_

// ARP over Ethernet for IPv4 (RFC 826), our own addresses guarded as RFC 5227 says.
//
// Three parts: the 28-byte message; a table of neighbours, with packets that wait for them; and our
// own addresses, which are probed, announced and defended.
//
// Neighbours live as in RFC 4861 7.3, because ARP itself says nothing of when to forget: INCOMPLETE
// while asked for, REACHABLE for 30 s after a sign of life, then STALE; a STALE one that is used
// gets 5 s (DELAY) for a transport to confirm it, then three unicast requests (PROBE), then it is
// gone.
//
// What a stranger on the link can do is bounded: requests addressed to us create entries, but only
// in place of entries that nobody sends to; a different MAC for a neighbour is refused for a second
// after the last confirmation; requests that we send are limited by neighbour and altogether;
// answers need no table space and no memory but one packet.
//
// Ownership: the packets that wait belong to the table until they go out through so_arp_ops.
// Time for a lookup is constant on average: a keyed hash over chains.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "base/writer.h"
#include "crypto/rng/rng.h"
#include "kernel/ports/netdev.h"
#include "net/address/address.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ARP_LEN 28u
#define SO_ARP_QUEUE_MAX 8u        // Packets that wait for one neighbour; the oldest gives way.
#define SO_ARP_QUEUE_TOTAL_MAX 256u  // Packets that wait for all of them.
#define SO_ARP_OWN_MAX 8u
#define SO_ARP_REQUESTS_PER_S 200u  // Requests sent a second, bursts of as many.

typedef enum so_arp_operation {
  SO_ARP_REQUEST = 1,
  SO_ARP_REPLY = 2,
} so_arp_operation;

typedef struct so_arp_message {
  uint16_t operation;
  uint8_t sender_mac[SO_MAC_LEN];
  uint8_t sender_ip[4];
  uint8_t target_mac[SO_MAC_LEN];
  uint8_t target_ip[4];
} so_arp_message;

// so_arp_parse reads a message; padding after it is allowed (Ethernet's least length). MALFORMED:
// short. UNSUPPORTED: not Ethernet and IPv4, or another operation.
SO_MUST_USE so_status so_arp_parse(so_bytes bytes, so_arp_message *out);
void so_arp_emit(const so_arp_message *m, so_writer *w);

// What the table asks of its owner. All are called from within so_arp_ functions.
typedef struct so_arp_ops {
  // Sends a message to an Ethernet address.
  void (*send)(void *ctx, const so_arp_message *m, const uint8_t dst[SO_MAC_LEN]);
  // A packet that waited goes to `dst`; takes it.
  void (*resolved)(void *ctx, so_packet *p, const uint8_t dst[SO_MAC_LEN]);
  // Nobody answered for the packet's next hop, or there was no place to wait; takes it.
  void (*failed)(void *ctx, so_packet *p, bool unreachable);
  // An own address passed probing.
  void (*usable)(void *ctx, const so_ip *address);
  // `mac` uses our address. `lost`: found while probing, the address is forgotten; otherwise it was
  // in use, is kept and defended.
  void (*conflict)(void *ctx, const so_ip *address, const uint8_t mac[SO_MAC_LEN], bool lost);
  void *ctx;
} so_arp_ops;

typedef enum so_arp_state {
  SO_ARP_FREE = 0,
  SO_ARP_INCOMPLETE,  // Asked for; packets may wait.
  SO_ARP_REACHABLE,
  SO_ARP_STALE,
  SO_ARP_DELAY,
  SO_ARP_PROBE,
  SO_ARP_FAILED,  // Nobody answered; asked again only after a pause.
} so_arp_state;

typedef struct so_arp_entry {
  uint32_t ip;
  uint32_t next;  // In the chain or the free list; SO_ARP_NONE ends it.
  uint8_t mac[SO_MAC_LEN];
  uint8_t state;       // An so_arp_state.
  uint8_t tries;
  bool used;           // Sent to since the eviction hand passed.
  uint8_t wait_count;
  uint64_t at_ns;      // REACHABLE: confirmed at. Other states: when something is due.
  uint64_t confirmed_ns;
  so_packet *wait_first;
  so_packet *wait_last;
} so_arp_entry;

#define SO_ARP_NONE UINT32_MAX

typedef enum so_arp_own_state {
  SO_ARP_OWN_FREE = 0,
  SO_ARP_OWN_PROBING,
  SO_ARP_OWN_ANNOUNCING,
  SO_ARP_OWN_BOUND,
} so_arp_own_state;

typedef struct so_arp_own {
  so_ip ip;
  uint8_t state;  // An so_arp_own_state.
  uint8_t sent;   // Probes or announcements.
  uint64_t at_ns;          // The next of them.
  uint64_t defended_ns;    // The last defence; 0: none.
} so_arp_own;

typedef struct so_arp_stats {
  uint64_t rx;
  uint64_t rx_malformed;
  uint64_t rx_ignored;    // Not about us, or not believed.
  uint64_t conflicts;
  uint64_t tx_requests;
  uint64_t tx_replies;
  uint64_t tx_announcements;
  uint64_t tx_limited;    // Requests not sent: over the rate.
  uint64_t evicted;
  uint64_t table_full;    // No entry could give way.
  uint64_t queued;
  uint64_t queue_dropped;
  uint64_t failed;        // Neighbours that did not answer.
} so_arp_stats;

typedef struct so_arp {
  so_arp_ops ops;
  const so_heap *heap;
  so_packet_pool *pool;
  so_rng *rng;
  uint8_t mac[SO_MAC_LEN];
  uint32_t hash_key[2];
  uint32_t bucket_mask;
  uint32_t entry_max;
  uint32_t *buckets;
  so_arp_entry *entries;
  uint32_t free;
  uint32_t hand;          // Where the search for an entry to evict goes on.
  uint32_t incomplete;    // Entries in that state: at most half of all.
  uint32_t waiting;       // Packets in all queues.
  uint64_t due_ns;        // No entry is due before.
  uint64_t allowance_ns;  // Token bucket of requests, as time.
  so_arp_own own[SO_ARP_OWN_MAX];
  so_arp_stats stats;
} so_arp;

// so_arp_init takes a table of `entry_max` (8 to 65536) neighbours from `heap`. `rng` and `pool`
// must outlive it. LIMIT: the heap refuses.
SO_MUST_USE so_status so_arp_init(so_arp *a, const so_arp_ops *ops, const so_heap *heap,
                                  so_packet_pool *pool, so_rng *rng, const uint8_t mac[SO_MAC_LEN],
                                  uint32_t entry_max);
void so_arp_release(so_arp *a);

// so_arp_lookup gives the Ethernet address of a neighbour that is known, and true: the fast path.
bool so_arp_lookup(so_arp *a, const uint8_t ip[4], uint64_t now_ns, uint8_t out[SO_MAC_LEN]);

// so_arp_wait takes a packet for a neighbour that so_arp_lookup does not know, and asks for it with
// `source` as sender. The packet comes back through ops.resolved or ops.failed, maybe at once.
void so_arp_wait(so_arp *a, const uint8_t ip[4], const uint8_t source[4], so_packet *p,
                 uint64_t now_ns);

// so_arp_confirm says that a neighbour lives (RFC 4861 7.3.1). Unknown ones are ignored.
void so_arp_confirm(so_arp *a, const uint8_t ip[4], uint64_t now_ns);

// so_arp_input reads a message that came in a frame from `frame_src`, and answers it.
void so_arp_input(so_arp *a, so_bytes message, const uint8_t frame_src[SO_MAC_LEN],
                  uint64_t now_ns);

// so_arp_add_own begins to guard an address: probing first, or announcing at once. LIMIT.
SO_MUST_USE so_status so_arp_add_own(so_arp *a, const so_ip *ip, bool probe, uint64_t now_ns);
void so_arp_remove_own(so_arp *a, const so_ip *ip);
so_arp_own_state so_arp_own_state_of(const so_arp *a, const so_ip *ip);

// so_arp_state_of is the state of a neighbour, SO_ARP_FREE for an unknown one.
so_arp_state so_arp_state_of(const so_arp *a, const uint8_t ip[4]);

uint64_t so_arp_deadline(const so_arp *a);
void so_arp_tick(so_arp *a, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_ARP_ARP_H_
