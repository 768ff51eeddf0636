#ifndef SO_KERNEL_XEN_DEVICE_DEVICE_H_
#define SO_KERNEL_XEN_DEVICE_DEVICE_H_

// One device of a domain: the fiber that takes a front end (kernel/xen/front) through its states,
// by what xenstore says of the back end. It owns all xenstore traffic and the event channel of the
// device.
//
// A back end that closes, breaks, vanishes or comes back is connected again; the port that was
// opened on the front end lives through it. One that cannot be used (it lacks what is needed, its
// keys make no sense, it broke SO_DEVICE_TRIES_MAX times more than ten-minute spans were without
// a failure) ends as failed: whoever uses the device then gets IO. Between two tries the time doubles.
//
// What a back end publishes is another domain's text, and checked by whoever uses it.

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "kernel/machine/devices.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/netdev.h"
#include "kernel/xen/device/state.h"
#include "kernel/xen/front/front.h"
#include "kernel/xen/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DEVICE_PATH_MAX 256u   // Of a back end's folder.
#define SO_DEVICE_TRIES_MAX 5u
#define SO_DEVICE_VALUE_MAX 1024u

typedef struct so_device so_device;

// Event channels for devices, and what its owner learns of one.
typedef struct so_device_ops {
  // open makes a channel that `domid` may bind.
  bool (*open)(void *ctx, uint16_t domid, uint32_t *out_port);
  void (*notify)(void *ctx, uint32_t port);
  void (*close)(void *ctx, uint32_t port);
  // Says something to whoever runs the machine: "vif/0: ...", without a line end.
  void (*say)(void *ctx, const char *device, const char *text);
  // It is connected, and was before. From the device's fiber.
  void (*again)(void *ctx, const so_device *d);
  void *ctx;
} so_device_ops;

typedef struct so_device_config {
  so_sched *sched;
  so_clock clock;
  const so_heap *heap;
  so_store *store;
  so_device_ops ops;
  so_front front;
  const char *path;  // "device/vif/0"; the caller's.
} so_device_config;

typedef struct so_device_stats {
  uint64_t connects;
  uint64_t closes;   // In order.
  uint64_t losses;   // Gone, or broken.
} so_device_stats;

// Fields are for the module only.
struct so_device {
  so_device_config config;
  so_device_own own;
  bool failed;
  bool suspended;          // Back from suspend: all was lost, begin again.
  const char *why;         // The last thing that went wrong.
  uint32_t tries;          // Failures that no long connection made up for.
  uint32_t port;           // 0: none.
  uint64_t connected_ns;
  uint64_t retry_ns;       // When to look again by ourselves.
  so_event wake;           // For the fiber.
  so_event change;         // For who waits: connected, or failed.
  so_store_watch front_watch;
  so_store_watch back_watch;
  bool watching_back;
  char backend_key[SO_DEVICE_PATH_MAX];
  char back_path[SO_DEVICE_PATH_MAX];   // Empty: not known.
  char back_state[SO_DEVICE_PATH_MAX];  // Its state's path: what back_watch watches.
  uint16_t back_id;
  bool online;
  so_buf value;            // What was read last.
  so_buf keys;             // What publish wants written.
  so_device_stats stats;
};

// so_device_start begins to drive the front end, in a fiber of its own. `d` must not move. LIMIT:
// no fiber, or a path that is too long.
SO_MUST_USE so_status so_device_start(so_device *d, const so_device_config *config);

// so_device_wait waits until the device is connected. IO: it failed; AGAIN: not within the time.
// `*out_why` says why, in words.
SO_MUST_USE so_status so_device_wait(so_device *d, uint64_t deadline_ns, const char **out_why);

// so_device_poll looks at the rings; from the loop. True: something happened.
bool so_device_poll(so_device *d);

#define SO_DEVICE_ANNOUNCE_LEN 60u

// so_device_announce writes a frame by which bridges and switches learn that `mac` is reached
// another way than before: a request of RARP (RFC 903), as hypervisors send for guests whose
// addresses they do not know.
void so_device_announce(const uint8_t mac[SO_MAC_LEN], uint8_t out[SO_DEVICE_ANNOUNCE_LEN]);

// so_device_resumed: the machine is in another domain; every connection is gone.
void so_device_resumed(so_device *d);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_DEVICE_DEVICE_H_
