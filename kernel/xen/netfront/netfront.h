#ifndef SO_KERNEL_XEN_NETFRONT_NETFRONT_H_
#define SO_KERNEL_XEN_NETFRONT_NETFRONT_H_

// The front end of Xen's network device (xen/io/netif.h): an so_netdev over two shared rings.
//
// Frames are copied, both ways, between the caller's memory and pages that are shared with the back
// end for as long as a connection lasts (kernel/xen/share says why). So `release` of a frame is
// called before send returns, and no grant is made or ended while frames flow.
//
// What the back end does not offer (checksums of IPv6, segmentation, frames of several slots) is
// done here, so a device that was opened on one back end goes on over another that can do less.
//
// Invariants
//   - A response is believed only if it answers a request that is there: the id is ours,
//     outstanding, and of the right generation; a length lies within its page. Anything else breaks
//     the connection, is counted, and named.
//   - While there is no connection, frames to be sent are swallowed, as by a cable that is not
//     plugged in. Frames in flight when a connection ends are lost.
// Limits: SO_NETFRONT_PAGES_MAX pages each way, one a slot; frames of 65535 bytes sent (netif.h),
// of SO_NETFRONT_FRAME_SLOTS slots received; one queue.

#include "base/heap.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/metrics.h"
#include "kernel/ports/netdev.h"
#include "kernel/xen/front/front.h"
#include "kernel/xen/ring/ring.h"
#include "kernel/xen/share/share.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_NETFRONT_PAGES_MAX 256u  // What a ring of one page has slots for.
#define SO_NETFRONT_PAGES_MIN 24u   // One frame of 64 KiB, and some.
#define SO_NETFRONT_FRAME_SLOTS 20u

typedef struct so_netfront_config {
  so_sched *sched;
  so_clock clock;
  const so_heap *heap;
  so_xen_grants grants;
  uint32_t rx_pages;   // SO_NETFRONT_PAGES_MIN to _MAX.
  uint32_t tx_pages;   // Likewise.
  uint64_t answer_ns;  // How long sending may be stuck before the back end counts as broken.
} so_netfront_config;

typedef enum so_netfront_state {
  SO_NETFRONT_DOWN = 0,
  SO_NETFRONT_WAITING,    // Published.
  SO_NETFRONT_CONNECTED,
  SO_NETFRONT_BROKEN,
  SO_NETFRONT_FAILED,     // For good.
} so_netfront_state;

typedef struct so_netfront_features {
  bool sg;        // Frames of several slots.
  bool csum4;
  bool csum6;
  bool tso4;
  bool tso6;
} so_netfront_features;

typedef struct so_netfront_stats {
  uint64_t sent;
  uint64_t sent_bytes;
  uint64_t sent_slots;
  uint64_t sent_while_down;    // Swallowed.
  uint64_t sent_refused;       // No room: AGAIN.
  uint64_t sent_cut;           // Large segments that were cut here.
  uint64_t sent_summed;        // Checksums that were completed here.
  uint64_t sent_errors;        // The back end answered with an error or dropped it.
  uint64_t received;
  uint64_t received_bytes;
  uint64_t received_slots;
  uint64_t received_errors;    // The back end said so.
  uint64_t received_too_long;  // For the room offered, or in slots.
  uint64_t lost;               // In flight when a connection ended.
  uint64_t notified;           // Notifications sent.
  uint64_t connected;
  uint64_t broken;
} so_netfront_stats;

// One page that is on its way out; its index is that of the page in `tx_pages`.
typedef struct so_netfront_tx {
  bool busy;
  uint8_t generation;  // Of the id, so that an answer is not taken twice.
} so_netfront_tx;

// Fields are for the module only.
typedef struct so_netfront {
  so_netfront_config config;
  so_netfront_state state;
  const char *why;  // What broke it.
  so_xen_peer peer;
  so_netfront_features features;
  so_share_ring tx_memory;
  so_share_ring rx_memory;
  so_share_pool tx_pages;
  so_share_pool rx_pages;
  so_ring tx;
  so_ring rx;
  so_netfront_tx tx_slots[SO_NETFRONT_PAGES_MAX];
  uint16_t rx_page_of[SO_NETFRONT_PAGES_MAX];  // By ring slot.
  uint32_t tx_extras;       // Outstanding slots that hold no data: answered by NETIF_RSP_NULL.
  uint32_t rx_seen;         // Responses that were announced: index.
  bool tx_waits;            // A send was refused.
  uint64_t tx_stuck_ns;     // Since when; valid while tx_waits.
  so_event ready;
  bool has_mac;
  uint8_t mac[SO_MAC_LEN];
  uint16_t mtu;
  so_netfront_stats stats;
} so_netfront;

// so_netfront_init prepares `f` in place; it must not move. LIMIT: the heap refuses.
SO_MUST_USE so_status so_netfront_init(so_netfront *f, const so_netfront_config *config);

// so_netfront_release disconnects and gives all memory back.
void so_netfront_release(so_netfront *f);

// so_netfront_front gives what the driver of devices calls. Borrows `f`.
so_front so_netfront_front(so_netfront *f);

// so_netfront_open gives the device. After the first connect (CONFLICT before). Borrows `f`; close
// does nothing. Offers only what the present back end does well.
SO_MUST_USE so_status so_netfront_open(so_netfront *f, so_netdev *out);

void so_netfront_metrics(const so_netfront *f, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_NETFRONT_NETFRONT_H_
