#ifndef SO_KERNEL_UNIX_TAP_H_
#define SO_KERNEL_UNIX_TAP_H_

// A network device made of a Linux tap device: Ethernet frames to and from the kernel of the host.
//
// Frames carry virtio's net header, so checksums are completed and segments are cut by whoever is
// last to need them: between two programs on one machine, by nobody.
//
// Frames go through io_uring, up to 64 sent and 64 received a system call: what was sent leaves at the next
// so_netdev_flush, or when something is received. On a kernel without it, or that does not permit it, each
// frame is a system call.

#include "kernel/ports/netdev.h"
#include "kernel/ports/world.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_UNIX_TAP_NAME_LEN_MAX 15  // IFNAMSIZ less its terminator.

typedef struct so_unix_tap_config {
  so_bytes name;       // Of the device; one that is not there is made, and goes away at close.
  bool no_offload;     // Whole checksums and segments of at most the MTU, both ways.
  bool one_by_one;     // As on a kernel without io_uring.
} so_unix_tap_config;

// so_unix_open_tap opens the tap device in the network namespace of the process, in a world of
// so_unix_run. `out->mac` is ours, not the kernel's: the kernel's with the lowest bit turned, so
// that it is the same as long as the device lives. An interface that is down swallows what is sent.
// MALFORMED: no name, or one too long. DENIED: not permitted. CONFLICT: another process has it
// open. NOT_FOUND: this kernel has no tap devices. LIMIT, IO. `detail` is the errno.
SO_MUST_USE so_status so_unix_open_tap(const so_world *world, const so_unix_tap_config *config,
                                       so_netdev *out);

typedef struct so_unix_tap_stats {
  uint64_t sent;
  uint64_t received;
  uint64_t sent_bytes;
  uint64_t received_bytes;
  uint64_t sent_while_down;   // Swallowed.
  uint64_t send_refused;      // Taken, and then refused by the kernel.
  uint64_t too_long;          // Received, and dropped because the room offered was too small.
  uint64_t malformed;         // Received with a virtio header that makes no sense, and dropped.
} so_unix_tap_stats;

// so_unix_tap_read_stats copies the counters of a device that so_unix_open_tap opened.
void so_unix_tap_read_stats(const so_netdev *d, so_unix_tap_stats *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_UNIX_TAP_H_
