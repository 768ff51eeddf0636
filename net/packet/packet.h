#ifndef SO_NET_PACKET_PACKET_H_
#define SO_NET_PACKET_PACKET_H_

// Packets: scatter lists over reference-counted pages of one pool.
//
// A packet is a short list of fragments, each a view into a page. Protocols take headers off the
// front (pull) and put them on (prepend) without moving the payload; a byte range can belong to
// several packets at once (share), so that what TCP keeps for retransmission and what is on its way
// to the device is the same memory.
//
// Who may write: a fragment owns `room` bytes before its view and `spare` bytes after it; nobody
// else can see those. A shared view owns neither. Bytes inside a view are not written once it was
// shared.
//
// Memory: all of it is taken at init. When the pool is used up, functions say NULL or LIMIT and
// count it; that is normal, and callers drop, wait or push back. Small packets share pages
// (slices), so that a hundred bytes do not hold a page of their own.
//
// A packet belongs to one owner at a time, who frees it or hands it on. Functions that take a
// packet say when they keep it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "kernel/ports/netdev.h"
#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PAGE_LEN 4096u
// A packet of 64 KiB in pages, and one fragment for headers: what a device takes.
#define SO_PACKET_FRAGS_MAX SO_NETDEV_PARTS_MAX
// Ethernet 14, IPv6 40, fragment header 8, TCP with options 60: 122, rounded up.
#define SO_PACKET_HEADROOM 128u

typedef struct so_frag {
  uint8_t *ptr;
  uint16_t len;
  uint16_t room;   // Bytes before `ptr` that this fragment alone may write.
  uint16_t spare;  // Bytes after its end, likewise.
  uint16_t reserved;
  uint32_t page;
} so_frag;

typedef struct so_packet {
  struct so_packet *next;  // For queues of the owner.
  uint32_t len;            // Sum of the fragments.
  uint16_t frag_count;
  so_frag frags[SO_PACKET_FRAGS_MAX];
  so_offload offload;

  // What IP knows of it: filled in by IP when it hands a packet up, and by transports when they
  // hand one down.
  so_ip src;
  so_ip dst;
  uint8_t protocol;       // IANA protocol number.
  uint8_t hop_limit;      // 0 when sending: the default.
  uint8_t traffic_class;  // TOS or traffic class; the low two bits are ECN.
  bool dont_fragment;
} so_packet;

typedef struct so_packet_pool {
  const so_heap *heap;
  uint8_t *memory;        // page_count pages.
  uint32_t *page_refs;
  uint32_t *page_next;    // Free list.
  so_packet *packets;
  so_packet *free_packets;
  uint32_t free_page;     // page_count: none.
  uint32_t page_count;
  uint32_t packet_count;
  uint32_t pages_used;
  uint32_t packets_used;
  uint32_t pages_used_max;
  uint64_t refusals;      // Allocations that failed because the pool was used up.
  so_frag slice;          // The page that small packets are cut from; len 0: none.
} so_packet_pool;

// so_packet_pool_init takes all memory from `heap`: `page_count` pages and `packet_count` packets.
// LIMIT: the heap refuses. The pool must not move afterwards.
SO_MUST_USE so_status so_packet_pool_init(so_packet_pool *pool, const so_heap *heap,
                                          uint32_t page_count, uint32_t packet_count);

// so_packet_pool_release gives the memory back. Every packet must have been freed.
void so_packet_pool_release(so_packet_pool *pool);

// so_packet_alloc returns an empty packet with `headroom` bytes for headers in front and at least
// `tail` bytes to append (headroom + tail <= SO_PAGE_LEN), or NULL. Up to 2048 bytes share a page.
so_packet *so_packet_alloc(so_packet_pool *pool, size_t headroom, size_t tail);

// so_packet_alloc_pages returns an empty packet that owns `len` bytes of room in whole pages, as a
// device wants for receiving; so_packet_rooms lists that room, and so_packet_fill says how much of
// it was written (unused pages go back). NULL when the pool is used up.
so_packet *so_packet_alloc_pages(so_packet_pool *pool, size_t len);
size_t so_packet_rooms(const so_packet *p, so_netdev_room rooms[SO_NETDEV_PARTS_MAX]);
void so_packet_fill(so_packet_pool *pool, so_packet *p, size_t len);

// so_packet_free gives a packet and its references back. NULL is allowed.
void so_packet_free(so_packet_pool *pool, so_packet *p);

// so_packet_prepend puts `n` bytes (n <= SO_PACKET_HEADROOM) in front and returns them, contiguous
// and not initialised; NULL when there is no room and no page or fragment to make some.
uint8_t *so_packet_prepend(so_packet_pool *pool, so_packet *p, size_t n);

// so_packet_pull drops `n` bytes from the front, so_packet_trim all but the first `len`.
void so_packet_pull(so_packet_pool *pool, so_packet *p, size_t n);
void so_packet_trim(so_packet_pool *pool, so_packet *p, size_t len);

// so_packet_append copies bytes to the end. LIMIT: no pages or fragments; what fitted stays.
SO_MUST_USE so_status so_packet_append(so_packet_pool *pool, so_packet *p, so_bytes bytes);

// so_packet_share appends the range [off, off + len) of `from` to `to` by reference. LIMIT: too
// many fragments; `to` is then as it was.
SO_MUST_USE so_status so_packet_share(so_packet_pool *pool, so_packet *to, const so_packet *from,
                                      size_t off, size_t len);

// so_packet_head returns the first `n` bytes contiguous (they are moved together when they are
// not), or NULL when the packet is shorter, or they lie apart and there is no page for them.
const uint8_t *so_packet_head(so_packet_pool *pool, so_packet *p, size_t n);

// so_packet_copy writes [off, off + len) to `out`, which must lie within the packet.
void so_packet_copy(const so_packet *p, size_t off, uint8_t *out, size_t len);

// so_packet_write_at overwrites bytes inside the packet. Only for a packet nobody shares.
void so_packet_write_at(so_packet *p, size_t off, so_bytes bytes);

// --- single pages, for queues of bytes that are not packets ---------------------------------

// so_page_alloc returns a fragment of length 0 that owns a whole page (room 0, spare SO_PAGE_LEN).
// False: the pool is used up.
bool so_page_alloc(so_packet_pool *pool, so_frag *out);
void so_page_hold(so_packet_pool *pool, const so_frag *f);
void so_page_drop(so_packet_pool *pool, const so_frag *f);

// so_packet_append_frag appends a view of `len` bytes at `off` within `f`, by reference. LIMIT.
SO_MUST_USE so_status so_packet_append_frag(so_packet_pool *pool, so_packet *p, const so_frag *f,
                                            size_t off, size_t len);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_PACKET_PACKET_H_
