#ifndef SO_NET_TCP_QUEUE_H_
#define SO_NET_TCP_QUEUE_H_

// Bytes that wait, in pages: what was written and is not acknowledged, or received and not read.
//
// A ring of pieces, each a view into a page. Positions are numbers of the sequence space: the queue
// knows which one its first byte has, so that a segment of any range is found by halving.
//
// Invariants: pieces follow each other without a gap; none is empty but those of a reservation at
// the end; a queue without bytes and without a reservation holds no page and no memory.

#include "base/heap.h"
#include "base/status.h"
#include "kernel/ports/netdev.h"
#include "net/packet/packet.h"

typedef struct so_tcp_piece {
  so_frag frag;
  uint32_t start;
  uint32_t reserved;
} so_tcp_piece;

typedef struct so_tcp_queue {
  so_tcp_piece *pieces;
  uint32_t first;
  uint32_t count;
  uint32_t cap;       // A power of two, or 0.
  uint32_t start;     // Position of the first byte.
  uint32_t len;
  uint32_t reserved;  // Pieces at the end that a reservation holds.
} so_tcp_queue;

void so_tcp_queue_init(so_tcp_queue *q, uint32_t start);
void so_tcp_queue_release(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap);

// so_tcp_queue_write copies to the end; returns how many bytes there were pages for.
size_t so_tcp_queue_write(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, so_bytes b);

// so_tcp_queue_append puts a view at the end by reference. LIMIT: the heap refuses.
SO_MUST_USE so_status so_tcp_queue_append(so_tcp_queue *q, so_packet_pool *pool,
                                          const so_heap *heap, const so_frag *f);

// so_tcp_queue_reserve lists up to `len` bytes of room at the end; returns how many.
// so_tcp_queue_commit makes the first `n` of them part of the queue and ends the reservation.
size_t so_tcp_queue_reserve(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, size_t len,
                            so_netdev_room rooms[SO_NETDEV_PARTS_MAX], size_t *out_count);
void so_tcp_queue_commit(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, size_t n);

// so_tcp_queue_drop removes `n` bytes (n <= len) from the front.
void so_tcp_queue_drop(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, size_t n);

// so_tcp_queue_share appends bytes at position `from` to `p` by reference, up to `len` or what
// fits; returns how many.
size_t so_tcp_queue_share(const so_tcp_queue *q, so_packet_pool *pool, uint32_t from, size_t len,
                          so_packet *p);

// so_tcp_queue_front views the first piece.
so_bytes so_tcp_queue_front(const so_tcp_queue *q);

// so_tcp_queue_copy copies the first `len` bytes out.
void so_tcp_queue_copy(const so_tcp_queue *q, uint8_t *out, size_t len);

#endif  // SO_NET_TCP_QUEUE_H_
