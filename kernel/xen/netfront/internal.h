#ifndef SO_KERNEL_XEN_NETFRONT_INTERNAL_H_
#define SO_KERNEL_XEN_NETFRONT_INTERNAL_H_

// Xen's headers need the integer types from us.
#include "kernel/xen/netfront/netfront.h"

#include <xen/xen.h>

#include <xen/io/netif.h>

#define ETHERNET_LEN 14u
#define PAGE_LEN SO_PAGE_LEN
#define TX_LEN_MAX XEN_NETIF_MAX_TX_SIZE
#define TX_FRAME_PAGES ((TX_LEN_MAX + PAGE_LEN - 1) / PAGE_LEN)

// --- headers.c ------------------------------------------------------------------------------

// Where the transport header of a frame is.
typedef struct so_netfront_headers {
  uint8_t family;     // 4, 6, or 0: something else.
  uint8_t protocol;   // 0: not known, or a fragment.
  uint16_t network;   // Offsets.
  uint16_t transport;
} so_netfront_headers;

// so_netfront_find_headers looks at the first bytes of a frame. All offsets found lie within
// `frame`.
so_netfront_headers so_netfront_find_headers(so_bytes frame);

// so_netfront_csum_offset is where the checksum is in a header of `protocol`, or 0.
uint16_t so_netfront_csum_offset(uint8_t protocol);

// so_netfront_sum adds 16-bit words, big-endian, to `sum`; an odd `at` says that the first byte is
// the low half of a word. so_netfront_fold gives 16 bits.
uint64_t so_netfront_sum(uint64_t sum, so_bytes bytes, size_t at);
uint16_t so_netfront_fold(uint64_t sum);

static inline uint16_t so_netfront_load16(const uint8_t *p) {
  return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}
static inline void so_netfront_store16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}

// --- tx.c -----------------------------------------------------------------------------------

// Reads a frame's parts from front to end.
typedef struct so_netfront_reader {
  const so_frame *frame;
  size_t part;
  size_t off;
} so_netfront_reader;

// A frame on its way into shared pages.
typedef struct so_netfront_builder {
  so_netfront *f;
  uint32_t pages[TX_FRAME_PAGES];
  uint32_t page_count;
  size_t len;
} so_netfront_builder;

void so_netfront_build_bytes(so_netfront_builder *b, so_bytes bytes);
void so_netfront_build_copy(so_netfront_builder *b, so_netfront_reader *r, size_t len);
uint8_t *so_netfront_build_at(const so_netfront_builder *b, size_t off);
// so_netfront_build_sum leaves the checksum to the back end if that can do it, or completes it.
// Returns the flags for the first slot.
uint16_t so_netfront_build_sum(so_netfront_builder *b, const so_offload *o);
void so_netfront_build_end(so_netfront_builder *b, uint16_t flags, const so_offload *o);

so_status so_netfront_send(void *ctx, const so_frame *frame);
// so_netfront_flush shows what was sent to the back end: the doorbell of netdev.h.
void so_netfront_flush(void *ctx);
// so_netfront_reap takes answers to what was sent; true if there were any.
bool so_netfront_reap(so_netfront *f);

// --- segment.c ------------------------------------------------------------------------------

// so_netfront_cut sends a frame of `len` bytes with offload.gso as segments. AGAIN, LIMIT as for
// send.
so_status so_netfront_cut(so_netfront *f, const so_frame *frame, size_t len);

// --- rx.c -----------------------------------------------------------------------------------

void so_netfront_refill(so_netfront *f);
so_status so_netfront_receive(void *ctx, const so_netdev_room *rooms, size_t room_count,
                           size_t *out_len, so_offload *out);
// so_netfront_arrived is true when responses came that were not announced yet.
bool so_netfront_arrived(so_netfront *f);

// --- netfront.c -----------------------------------------------------------------------------

void so_netfront_break(so_netfront *f, const char *why);
void so_netfront_notify(so_netfront *f);

#endif  // SO_KERNEL_XEN_NETFRONT_INTERNAL_H_
