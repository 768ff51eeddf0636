#ifndef SO_KERNEL_XEN_DEVICE_STATE_H_
#define SO_KERNEL_XEN_DEVICE_STATE_H_

// What a front end does about the state of its back end (xen/io/xenbus.h), as a table.
//
//             2 InitWait           4 Connected
//     START ------------> PUBLISHED ---------> CONNECTED
//       ^                     |   5, 6, gone       |
//       | 6, online           v                    v      broken
//       '---------------- CLOSED <---------------- CLOSING <----
//
// Our own states stand for what we have written: Initialising, Initialised (or Connected),
// Connected, Closing, Closed.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_device_own {
  SO_DEVICE_START = 0,
  SO_DEVICE_PUBLISHED,
  SO_DEVICE_CONNECTED,
  SO_DEVICE_CLOSING,  // We asked for it; the back end still uses the rings.
  SO_DEVICE_CLOSED,
} so_device_own;

#define SO_DEVICE_OWN_COUNT 5

typedef enum so_device_back {
  SO_BACK_GONE = 0,  // No folder, no state, or one that is not known.
  SO_BACK_INITIALISING,
  SO_BACK_INIT_WAIT,
  SO_BACK_INITIALISED,
  SO_BACK_CONNECTED,
  SO_BACK_CLOSING,
  SO_BACK_CLOSED,
  SO_BACK_RECONFIGURING,
  SO_BACK_RECONFIGURED,
} so_device_back;

#define SO_DEVICE_BACK_COUNT 9

typedef enum so_device_action {
  SO_DEVICE_STAY = 0,
  SO_DEVICE_PUBLISH,     // Rings, keys, Initialised.
  SO_DEVICE_CONNECT,     // Read its properties, Connected.
  SO_DEVICE_CLOSE,       // Give everything up in order, Closed.
  SO_DEVICE_LOSE,        // It is gone without a word: the same, and what was in flight is lost.
  SO_DEVICE_RESET,       // It still works with who we were before: Closed, so that it starts again.
  SO_DEVICE_BEGIN,       // Initialising, for another connection.
} so_device_action;

// so_device_next is the table. `online`: the host means the device to stay; a closed one that is
// not is being taken away.
so_device_action so_device_next(so_device_own own, so_device_back back, bool online);

// so_device_back_of reads a state as xenstore holds it. What is no known state counts as gone.
so_device_back so_device_back_of(so_bytes text);

#define SO_DEVICE_DISK_NAME_MAX 16u

// so_device_disk_name names the disk with the number `vdev` as xl does (xen-vbd-interface.7): xvda,
// xvdb1, hdc, sda3. Empty for numbers that mean nothing.
void so_device_disk_name(uint32_t vdev, char out[SO_DEVICE_DISK_NAME_MAX]);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_DEVICE_STATE_H_
