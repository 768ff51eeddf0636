#ifndef SO_KERNEL_VIRTIO_NET_INTERNAL_H_
#define SO_KERNEL_VIRTIO_NET_INTERNAL_H_

#include "kernel/virtio/net/net.h"

#define ETHERNET_LEN 14u
#define PAGE_LEN SO_PAGE_LEN
#define FRAME_LEN_MAX (65535u + 18u)

// The header of each frame (5.1.6). Legacy devices without mergeable buffers have no `buffer_count`.
typedef struct net_header {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t header_len;
  uint16_t gso_size;
  uint16_t csum_start;
  uint16_t csum_offset;
  uint16_t buffer_count;
} net_header;

_Static_assert(sizeof(net_header) == 12, "as the format has it");
#define LEGACY_HEADER_LEN 10u

#define HEADER_NEEDS_CSUM 1u
#define HEADER_DATA_VALID 2u
#define HEADER_GSO_NONE 0u
#define HEADER_GSO_TCP4 1u
#define HEADER_GSO_TCP6 4u
#define HEADER_GSO_ECN 0x80u

// Features (5.1.3).
#define F_CSUM (UINT64_C(1) << 0)
#define F_GUEST_CSUM (UINT64_C(1) << 1)
#define F_MTU (UINT64_C(1) << 3)
#define F_MAC (UINT64_C(1) << 5)
#define F_GUEST_TSO4 (UINT64_C(1) << 7)
#define F_GUEST_TSO6 (UINT64_C(1) << 8)
#define F_HOST_TSO4 (UINT64_C(1) << 11)
#define F_HOST_TSO6 (UINT64_C(1) << 12)
#define F_MRG_RXBUF (UINT64_C(1) << 15)
#define F_STATUS (UINT64_C(1) << 16)

static inline bool so_virtio_net_has(const so_virtio_net *n, uint64_t feature) {
  return (n->mmio->features & feature) != 0;
}

// so_virtio_net_break ends the use of the device.
void so_virtio_net_break(so_virtio_net *n, const char *why);

// --- tx.c ---------------------------------------------------------------------------------------

so_status so_virtio_net_send(void *ctx, const so_frame *frame);
void so_virtio_net_flush(void *ctx);
// so_virtio_net_reap releases what was sent; true if there was any.
bool so_virtio_net_reap(so_virtio_net *n);
// so_virtio_net_release_all releases all frames of a device that was reset.
void so_virtio_net_release_all(so_virtio_net *n);

// --- rx.c ---------------------------------------------------------------------------------------

// so_virtio_net_offer puts page `page` into the queue.
void so_virtio_net_offer(so_virtio_net *n, uint16_t page);
so_status so_virtio_net_receive(void *ctx, const so_netdev_room *rooms, size_t room_count,
                                size_t *out_len, so_offload *out);

#endif  // SO_KERNEL_VIRTIO_NET_INTERNAL_H_
