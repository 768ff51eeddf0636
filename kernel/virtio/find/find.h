#ifndef SO_KERNEL_VIRTIO_FIND_FIND_H_
#define SO_KERNEL_VIRTIO_FIND_FIND_H_

// Where the virtio devices of a machine are, when it says so on the command line of the kernel:
//
//   virtio_mmio.device=SIZE@ADDRESS:IRQ[:ID]
//
// one word a device, as QEMU's microvm, Firecracker and Linux's virtio_mmio have it. Numbers are decimal or
// hexadecimal (0x); SIZE and ADDRESS may end in K, M or G.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_VIRTIO_PLACES_MAX 32u

typedef struct so_virtio_place {
  uint64_t base;
  uint64_t len;
  uint32_t irq;  // Number of the interrupt line at the machine's controller.
} so_virtio_place;

// so_virtio_find_words writes at most `cap` places. Words of this kind that make no sense (no number, an
// address that no registers have, or that wraps, fewer bytes than registers) are left out and counted
// in `*out_bad`; more than `cap` as well.
size_t so_virtio_find_words(so_bytes command_line, so_virtio_place *out, size_t cap,
                            size_t *out_bad);

// How a word that is meant for here, and not for the program, begins.
#define SO_VIRTIO_PLACE_WORD "virtio_mmio.device="

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_VIRTIO_FIND_FIND_H_
