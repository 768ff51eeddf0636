#ifndef SO_NET_REASSEMBLY_REASSEMBLY_H_
#define SO_NET_REASSEMBLY_REASSEMBLY_H_

// Reassembly of IP fragments, for both families.
//
// Fragments are copied into pages of the pool where they belong, so that what a datagram costs is
// the pages it touches, not the frames it came in. Memory, datagrams, fragments and gaps are all
// bounded; a source (IPv6: its /64) that fills its share loses its own oldest datagram, not
// others'.
//
// A fragment that overlaps another one with different bytes refuses the whole datagram, those
// fragments included that come later (RFC 5722, here for IPv4 too). An exact duplicate is ignored.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "net/address/address.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_REASSEMBLY_LEN_MAX 65535u
#define SO_REASSEMBLY_PAGES 16u        // SO_REASSEMBLY_LEN_MAX in pages.
#define SO_REASSEMBLY_GAPS_MAX 32u     // Separate ranges of one datagram.
#define SO_REASSEMBLY_FRAGMENTS_MAX 128u  // 64 KiB in fragments of 512 bytes.
#define SO_REASSEMBLY_HEADER_LEN_MAX 40u
#define SO_REASSEMBLY_SHARES 4u        // A source has a quarter of everything at most.
#define SO_REASSEMBLY_SLOTS 64u

typedef struct so_reassembly_fragment {
  so_ip src;
  so_ip dst;
  uint32_t id;
  uint8_t protocol;  // IPv4: part of what tells datagrams apart. IPv6: the first fragment's counts.
  uint8_t traffic_class;
  uint8_t hop_limit;
  uint16_t offset;   // Bytes.
  bool more;
  so_bytes header;   // The fixed IP header, kept of the first fragment for an error's quote.
} so_reassembly_fragment;

typedef struct so_reassembly_range {
  uint16_t from;
  uint16_t to;  // Past the end.
} so_reassembly_range;

typedef enum so_reassembly_state {
  SO_REASSEMBLY_FREE = 0,
  SO_REASSEMBLY_OPEN,
  SO_REASSEMBLY_REFUSED,  // Remembered until it times out, without memory.
} so_reassembly_state;

typedef struct so_reassembly_entry {
  uint64_t expires_ns;
  uint64_t hash;
  so_reassembly_fragment first;  // As said by offset 0 (before: by whichever came first).
  uint8_t header[SO_REASSEMBLY_HEADER_LEN_MAX];
  uint8_t state;  // An so_reassembly_state.
  uint8_t ecn_seen;   // A bit for each ECN codepoint seen.
  uint8_t page_count;
  uint8_t range_count;
  uint16_t fragment_count;
  uint16_t slot;      // Of the source's share.
  bool has_first;
  bool has_last;
  uint16_t total_len;  // has_last.
  so_reassembly_range ranges[SO_REASSEMBLY_GAPS_MAX];
  so_frag pages[SO_REASSEMBLY_PAGES];
} so_reassembly_entry;

typedef struct so_reassembly_stats {
  uint64_t fragments;
  uint64_t done;
  uint64_t duplicates;
  uint64_t overlap;   // Datagrams refused.
  uint64_t refused;   // Fragments of refused datagrams.
  uint64_t invalid;   // Fragments whose length or offset cannot be, or tiny first ones.
  uint64_t timeout;
  uint64_t limit;     // Datagrams dropped for others' room, or fragments without a page.
} so_reassembly_stats;

// Called for a datagram that timed out after its first fragment came: the one case that is answered
// (RFC 792, RFC 8200 4.5). `start` holds what was received from offset 0, `header` the kept header.
typedef struct so_reassembly_ops {
  void (*expired)(void *ctx, const so_reassembly_fragment *first, so_bytes start);
  void *ctx;
} so_reassembly_ops;

typedef struct so_reassembly {
  const so_heap *heap;
  so_packet_pool *pool;
  so_reassembly_ops ops;
  so_reassembly_entry *entries;
  uint32_t entry_max;
  uint32_t entry_count;
  uint32_t page_max;
  uint32_t page_count;
  uint8_t key[16];
  uint16_t slot_entries[SO_REASSEMBLY_SLOTS];
  uint32_t slot_pages[SO_REASSEMBLY_SLOTS];
  so_reassembly_stats stats;
} so_reassembly;

// so_reassembly_init takes a table of `entry_max` (4 to 4096) datagrams from `heap`; they hold at
// most `bytes_max` bytes of the pool's pages together. LIMIT: the heap refuses.
SO_MUST_USE so_status so_reassembly_init(so_reassembly *r, const so_reassembly_ops *ops,
                                         const so_heap *heap, so_packet_pool *pool,
                                         const uint8_t key[16], uint32_t entry_max,
                                         uint32_t bytes_max);
void so_reassembly_release(so_reassembly *r);

// so_reassembly_input takes a fragment's payload and returns the whole datagram's, when this was
// what it lacked, with src, dst, protocol, traffic_class and hop_limit set; else NULL.
so_packet *so_reassembly_input(so_reassembly *r, const so_reassembly_fragment *f, so_packet *p,
                               uint64_t now_ns);

uint64_t so_reassembly_deadline(const so_reassembly *r);
void so_reassembly_tick(so_reassembly *r, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_REASSEMBLY_REASSEMBLY_H_
