#ifndef SO_KERNEL_VIRTIO_DEVICES_INTERNAL_H_
#define SO_KERNEL_VIRTIO_DEVICES_INTERNAL_H_

#include "kernel/machine/devices.h"
#include "kernel/virtio/block/block.h"
#include "kernel/virtio/devices/platform.h"
#include "kernel/virtio/mmio/mmio.h"
#include "kernel/virtio/net/net.h"
#include "kernel/virtio/rng/rng.h"
#include "kernel/virtio/typed/typed.h"

typedef enum virtio_kind {
  VIRTIO_UNUSED = 0,  // Or failed to start.
  VIRTIO_NET,
  VIRTIO_BLOCK,
  VIRTIO_RNG,
} virtio_kind;

typedef struct virtio_slot {
  so_virtio_mmio mmio;
  virtio_kind kind;
  bool tried;
  union {
    so_virtio_net *net;
    so_virtio_block *block;
    so_virtio_rng *rng;
  };
  bool was_told;  // That it broke.
} virtio_slot;

// The one family of the one machine.
typedef struct virtio_family {
  so_devices_config config;
  uint64_t ram_len;
  bool started;
  bool must_look;  // An interrupt may have come.
  unsigned polls;
  virtio_slot slots[SO_VIRTIO_PLACES_MAX];
  size_t slot_count;
  so_typed typed;
  so_event asked;
} virtio_family;
extern virtio_family virtio;

// --- slots.c ---
bool virtio_slot_poll(virtio_slot *slot);
bool virtio_slot_arm(virtio_slot *slot);

#endif  // SO_KERNEL_VIRTIO_DEVICES_INTERNAL_H_
