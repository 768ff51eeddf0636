#ifndef SO_KERNEL_VIRTIO_NET_NET_H_
#define SO_KERNEL_VIRTIO_NET_NET_H_

// The network device of virtio (VIRTIO 1.2, 5.1): an so_netdev over two queues.
//
// A frame goes out from where its parts lie: `release` is called when the device has given them back. What
// comes in is written by the device into pages of ours, several a frame when it is large
// (VIRTIO_NET_F_MRG_RXBUF), and copied from there into the caller's memory.
//
// Invariants
//   - The device is believed as far as kernel/virtio/queue says; and a frame has a header, at least one
//     page and not more of them than there are, and what its header says of it lies within it. A frame that
//     breaks only the last rule is dropped and counted; all else breaks the device.
//   - A broken device, or one that says that it needs a reset, is reset and never used again: every call
//     says IO, and all frames are released.
// Limits: SO_VIRTIO_NET_RX_PAGES_MAX pages to receive into, SO_VIRTIO_NET_TX_MAX frames on their way out, of
// 65535 bytes of IP packet; one pair of queues.

#include "base/heap.h"
#include "kernel/machine/devices.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/metrics.h"
#include "kernel/ports/netdev.h"
#include "kernel/virtio/mmio/mmio.h"
#include "kernel/virtio/queue/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_VIRTIO_NET_RX_PAGES_MAX SO_VIRTQ_SIZE_MAX
#define SO_VIRTIO_NET_RX_PAGES_MIN 24u  // A frame of 64 KiB, and some.
#define SO_VIRTIO_NET_TX_MAX 128u

typedef struct so_virtio_net_config {
  so_sched *sched;
  const so_heap *heap;
  so_pages_port pages;
  uint32_t rx_pages;                // SO_VIRTIO_NET_RX_PAGES_MIN to _MAX; fewer if there are not as many.
  uint8_t own_mac[SO_MAC_LEN];      // For a device that has none.
} so_virtio_net_config;

typedef struct so_virtio_net_stats {
  uint64_t sent;
  uint64_t sent_bytes;
  uint64_t sent_refused;      // No room: AGAIN.
  uint64_t sent_while_down;   // Swallowed: no link.
  uint64_t received;
  uint64_t received_bytes;
  uint64_t received_pages;
  uint64_t received_too_long;   // For the room offered, or for any frame.
  uint64_t received_malformed;
  uint64_t broken;
} so_virtio_net_stats;

// A frame on its way out.
typedef struct so_virtio_net_tx {
  void (*release)(void *owner);
  void *owner;
  bool busy;
  uint16_t next_free;
} so_virtio_net_tx;

// A frame that is coming in: its pages so far.
typedef struct so_virtio_net_rx {
  uint16_t pages[SO_VIRTIO_NET_RX_PAGES_MAX];
  uint16_t lens[SO_VIRTIO_NET_RX_PAGES_MAX];
  uint16_t count;
  uint16_t wanted;  // 0: not known.
} so_virtio_net_rx;

// Fields are for the module only.
typedef struct so_virtio_net {
  so_virtio_net_config config;
  so_virtio_mmio *mmio;
  const char *why;    // What broke it, or NULL.
  so_virtq rx;
  so_virtq tx;
  uint32_t header_len;
  uint8_t *rx_pages;  // One block.
  uint32_t rx_page_count;
  uint16_t rx_offered;  // Of these, as many as fit into the queue.
  uint16_t rx_seen;     // Index in the device's ring up to which `ready` was signalled.
  bool rx_again;        // Receiving stopped for the others' sake.
  so_virtio_net_rx frame;
  uint8_t *tx_headers;  // One page: an entry for each of `slots`.
  so_virtio_net_tx slots[SO_VIRTIO_NET_TX_MAX];
  uint16_t first_free;
  uint16_t tx_busy;
  bool tx_waits;      // A send was refused.
  bool link_up;
  so_event ready;
  uint8_t mac[SO_MAC_LEN];
  uint16_t mtu;
  so_virtio_net_stats stats;
} so_virtio_net;

// so_virtio_net_start brings `mmio`, which was probed and is borrowed, to life; `n` must not move. Errors
// are those of kernel/virtio/mmio; `*out_why` then says it in words.
SO_MUST_USE so_status so_virtio_net_start(so_virtio_net *n, so_virtio_mmio *mmio,
                                          const so_virtio_net_config *config, const char **out_why);

// so_virtio_net_open gives the device, once. Its close is the end: the device is reset, and all memory is
// given back. Borrows `n`.
void so_virtio_net_open(so_virtio_net *n, so_netdev *out);

// so_virtio_net_poll takes what came back and signals `ready`; true if there was anything. At each turn of
// the loop.
bool so_virtio_net_poll(so_virtio_net *n);

// so_virtio_net_arm asks for the interrupts that are needed while nobody polls. True: do not sleep.
bool so_virtio_net_arm(so_virtio_net *n);

// so_virtio_net_changed looks at the link, and whether the device gave up, after an interrupt for the
// configuration.
void so_virtio_net_changed(so_virtio_net *n);

void so_virtio_net_metrics(const so_virtio_net *n, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_VIRTIO_NET_NET_H_
