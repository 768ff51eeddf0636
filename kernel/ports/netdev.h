#ifndef SO_KERNEL_PORTS_NETDEV_H_
#define SO_KERNEL_PORTS_NETDEV_H_

// A network device that carries Ethernet frames: a tap device, Xen's netfront, virtio-net, or a link of
// the simulator.
//
// Neither direction blocks: both say AGAIN when there is nothing, or no room, and signal `ready` when that
// may have changed. A frame goes out as a scatter list, so that headers and payload come from different
// places; the bytes stay the caller's until `release` is called, exactly once, during so_netdev_send or
// later. What is received is written into memory that the caller offers.
//
// Offloads are in the shape of virtio's net header (VIRTIO 1.2, 5.1.6), which tap devices speak and which
// Xen's extra segments map to: a partial checksum that the other side completes, and segments larger than
// the MTU that the other side cuts (sent) or has joined (received).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "kernel/ports/fiber.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_NETDEV_PARTS_MAX 18  // Slots that every Xen backend takes (XEN_NETIF_NR_SLOTS_MIN).
#define SO_MAC_LEN 6

typedef enum so_gso {
  SO_GSO_NONE = 0,
  SO_GSO_TCP4,
  SO_GSO_TCP6,
} so_gso;

// What is still to be done to a frame that is sent, or was not done to one received.
typedef struct so_offload {
  // The 16-bit ones' complement sum from `csum_start` to the end of the frame belongs at
  // `csum_start + csum_offset`, where the sum of the pseudo-header already stands.
  bool needs_csum;
  bool csum_valid;  // Received: the device checked the transport checksum.
  uint16_t csum_start;
  uint16_t csum_offset;
  uint8_t gso;           // An so_gso.
  uint16_t gso_size;     // Payload bytes a segment.
  uint16_t header_len;   // Ethernet to TCP header.
} so_offload;

typedef struct so_frame {
  so_bytes parts[SO_NETDEV_PARTS_MAX];
  size_t part_count;
  so_offload offload;
  void (*release)(void *owner);  // May be NULL.
  void *owner;
} so_frame;

typedef struct so_netdev_room {
  uint8_t *ptr;
  size_t len;
} so_netdev_room;

typedef struct so_netdev_ops {
  // AGAIN: no room now; nothing was taken and `release` is not called. LIMIT: longer than the device can
  // carry. IO: the device is gone. After OK `release` has been or will be called.
  so_status (*send)(void *ctx, const so_frame *frame);
  // Writes the next frame into `rooms`, in order. AGAIN: there is none. LIMIT: it did not fit, and
  // was dropped. IO: the device is gone.
  so_status (*receive)(void *ctx, const so_netdev_room *rooms, size_t room_count, size_t *out_len,
                       so_offload *out);
  void (*close)(void *ctx);
} so_netdev_ops;

typedef struct so_netdev {
  const so_netdev_ops *ops;
  void *ctx;
  so_event *ready;  // Signalled when a frame, or room for one, may have come. Anyone may signal it.
  uint8_t mac[SO_MAC_LEN];
  uint16_t mtu;     // Bytes of an IP packet.
  bool tx_csum;     // Takes `needs_csum`.
  bool tx_tso4;     // Takes SO_GSO_TCP4, up to 64 KiB with headers.
  bool tx_tso6;
  bool rx_gso;      // May hand up frames of up to 64 KiB: offer that much room.
  // The doorbell: a device that has one may keep frames that were sent until it is called. NULL: none.
  void (*flush)(void *ctx);
} so_netdev;

SO_MUST_USE static inline so_status so_netdev_send(const so_netdev *d, const so_frame *frame) {
  return d->ops->send(d->ctx, frame);
}
SO_MUST_USE static inline so_status so_netdev_receive(const so_netdev *d,
                                                      const so_netdev_room *rooms,
                                                      size_t room_count, size_t *out_len,
                                                      so_offload *out) {
  return d->ops->receive(d->ctx, rooms, room_count, out_len, out);
}
static inline void so_netdev_flush(const so_netdev *d) {
  if (d->flush != NULL) {
    d->flush(d->ctx);
  }
}
static inline void so_netdev_close(const so_netdev *d) { d->ops->close(d->ctx); }

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_NETDEV_H_
