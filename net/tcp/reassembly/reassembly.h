#ifndef SO_NET_TCP_REASSEMBLY_REASSEMBLY_H_
#define SO_NET_TCP_REASSEMBLY_REASSEMBLY_H_

// What a TCP receiver holds out of order: ranges of sequence numbers, each a chain of packets, and
// the SACK blocks that tell of them (RFC 2018), duplicates included (RFC 2883).
//
// The first data wins: of a segment that overlaps what is held only the rest is taken, so that
// nobody can change bytes that were SACKed already. What was SACKed is never dropped (no reneging),
// except by release.
//
// Invariants (so_tcp_reassembly_check): ranges are in order, apart from each other by at least one
// number, not empty; a range's packets are together exactly as long as it.
//
// Memory: an array of ranges that grows to range_max, packets and pages of the pool up to page_max
// pages of 4 KiB as counted in fragments. Small segments that follow each other are joined into one
// page. Past a limit a segment is refused (the sender sends it again), and counted.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "net/packet/packet.h"
#include "net/tcp/sequence/sequence.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TCP_GAPS_MAX 512u   // Default for range_max: 16 KiB.
// Segments up to this are copied behind their neighbour when there is room.
#define SO_TCP_SMALL_LEN 512u

typedef struct so_tcp_gap_range {
  uint32_t start;
  uint32_t end;
  so_packet *head;  // Linked by `next`.
  so_packet *tail;
  uint32_t touched;  // Larger: received later.
  uint32_t reserved;
} so_tcp_gap_range;

typedef struct so_tcp_reassembly {
  so_packet_pool *pool;
  const so_heap *heap;
  so_tcp_gap_range *ranges;
  uint32_t count;
  uint32_t cap;
  uint32_t range_max;
  uint32_t page_max;
  uint32_t pages;    // Fragments held.
  uint32_t bytes;    // Sum of the ranges.
  uint32_t touch;
  bool duplicate_valid;
  so_seq_range duplicate;  // To be reported in the next SACK.
  uint64_t refused;        // Statistics: segments refused for a limit,
  uint64_t duplicate_bytes;  // bytes that were held already.
} so_tcp_reassembly;

// so_tcp_reassembly_init takes no memory yet. Limits of 0: the defaults (page_max: 1024).
void so_tcp_reassembly_init(so_tcp_reassembly *r, so_packet_pool *pool, const so_heap *heap,
                            uint32_t range_max, uint32_t page_max);
void so_tcp_reassembly_release(so_tcp_reassembly *r);  // Frees what is held; usable afterwards.

// so_tcp_reassembly_insert takes `p` (always), whose payload (all of it, header pulled) starts at
// `seq`, after `rcv_nxt` and within the window: the caller trimmed it. LIMIT: (some of) it was
// refused and dropped.
SO_MUST_USE so_status so_tcp_reassembly_insert(so_tcp_reassembly *r, uint32_t seq, so_packet *p);

// so_tcp_reassembly_take hands out what now follows on `rcv_nxt` as a chain of packets (linked by
// `next`, the caller frees them) and its length, and drops what lies before. NULL: nothing.
so_packet *so_tcp_reassembly_take(so_tcp_reassembly *r, uint32_t rcv_nxt, uint32_t *out_len);

// so_tcp_reassembly_duplicate notes that [start, end) arrived although it had been received: the
// next SACK begins with it. so_tcp_reassembly_insert notes what lies in its own ranges by itself.
void so_tcp_reassembly_duplicate(so_tcp_reassembly *r, uint32_t start, uint32_t end);

// so_tcp_reassembly_sacks writes at most `max` blocks (up to 4) for the next ACK, the duplicate
// first, then the range that received last; returns how many. The duplicate is reported once: call
// it for an ACK that is really sent.
size_t so_tcp_reassembly_sacks(so_tcp_reassembly *r, so_seq_range *out, size_t max);

// so_tcp_reassembly_pending says whether an ACK needs SACK blocks.
static inline bool so_tcp_reassembly_pending(const so_tcp_reassembly *r) {
  return r->count > 0 || r->duplicate_valid;
}

// so_tcp_reassembly_end is the end of the last range, or `rcv_nxt` when nothing is held.
uint32_t so_tcp_reassembly_end(const so_tcp_reassembly *r, uint32_t rcv_nxt);

// so_tcp_reassembly_check walks everything and says whether the invariants hold. For tests.
bool so_tcp_reassembly_check(const so_tcp_reassembly *r);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_REASSEMBLY_REASSEMBLY_H_
