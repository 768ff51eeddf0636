#ifndef SO_KERNEL_UNIX_TAP_INTERNAL_H_
#define SO_KERNEL_UNIX_TAP_INTERNAL_H_

// Between tap.c, which opens a tap device, and tap_io.c, which moves its frames.

#include <linux/virtio_net.h>

#include "kernel/unix/internal.h"
#include "kernel/unix/ring.h"
#include "kernel/unix/tap.h"

#define TAP_ETHERNET_LEN 14
// Ethernet header and an IP packet of the largest size, with room for a VLAN tag.
#define TAP_FRAME_LEN_MAX (65535 + 18)
#define TAP_SENDS_MAX 64
#define TAP_READS_MAX 64
#define TAP_READS_GSO_MAX 16  // Of frames that may have 64 KiB.

// A frame that waits to be written.
typedef struct tap_send_slot {
  struct virtio_net_hdr header;
  struct iovec list[SO_NETDEV_PARTS_MAX + 1];
  size_t count;
  size_t len;
  void (*release)(void *owner);
  void *owner;
} tap_send_slot;

typedef struct unix_tap {
  unix_watch watch;
  so_unix *u;
  so_unix_tap_stats stats;
  unix_ring ring;  // Without one, each frame is a system call.

  tap_send_slot sends[TAP_SENDS_MAX];  // The oldest first.
  size_t send_count;

  // Frames read ahead, each with its header in a buffer of `read_len`.
  uint8_t *reads;
  size_t read_len;
  size_t reads_max;
  size_t read_first;
  size_t read_count;    // Of the last run, the ones that found nothing included.
  size_t read_want;     // For the next one.
  int32_t read_results[TAP_READS_MAX];
  bool drained;         // The last look found nothing: what comes later signals.
  bool gso;             // Frames of 64 KiB may come,
  bool large;           // and do: they are read to where they belong, one by one.
} unix_tap;

extern const so_netdev_ops unix_tap_ops;

// unix_tap_io_init takes the memory for frames of up to `mtu` bytes, or of any size with `gso`. False: none.
bool unix_tap_io_init(unix_tap *t, uint16_t mtu, bool gso, bool one_by_one);
void unix_tap_io_release(unix_tap *t);

// unix_tap_flush writes what waits.
void unix_tap_flush(void *ctx);

#endif  // SO_KERNEL_UNIX_TAP_INTERNAL_H_
