#ifndef SO_KERNEL_VIRTIO_MMIO_MMIO_H_
#define SO_KERNEL_VIRTIO_MMIO_MMIO_H_

// Virtio over memory mapped registers (VIRTIO 1.2, 4.2), version 2 and the legacy version 1: finding a
// device, agreeing on features (3.1.1), telling it where the queues are, its configuration.
//
//   probe --> begin --> queue, queue, ... --> start --> (device runs) --> reset
//               |                                             |
//               '--------------- reset <----------------------'  needs_reset: it gave up (2.1.2)
//
// Registers are reached by two functions, so that a simulated register file runs on the host.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "kernel/virtio/queue/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_VIRTIO_REGISTERS_LEN 0x200u

#define SO_VIRTIO_ID_NET 1u
#define SO_VIRTIO_ID_BLOCK 2u
#define SO_VIRTIO_ID_ENTROPY 4u

// Feature bits that do not belong to one kind of device (6).
#define SO_VIRTIO_F_ANY_LAYOUT (UINT64_C(1) << 27)  // Legacy only.
#define SO_VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define SO_VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)
#define SO_VIRTIO_F_ACCESS_PLATFORM (UINT64_C(1) << 33)

// Bits of so_virtio_mmio_interrupts.
#define SO_VIRTIO_INTERRUPT_QUEUE 1u
#define SO_VIRTIO_INTERRUPT_CONFIG 2u

// Little-endian registers, or those of the machine where that is the same. `len` is 1, 2 or 4, and `off`
// a multiple of it. A write is seen by the device after everything that was written before.
typedef struct so_virtio_registers {
  uint32_t (*read)(void *ctx, uint32_t off, uint32_t len);
  void (*write32)(void *ctx, uint32_t off, uint32_t value);
  void *ctx;
} so_virtio_registers;

// Fields may be read.
typedef struct so_virtio_mmio {
  so_virtio_registers registers;
  uint32_t device_id;
  bool legacy;
  uint64_t features;  // Agreed on, valid after begin.
} so_virtio_mmio;

// so_virtio_mmio_probe looks for a device. NOT_FOUND: no registers of this kind, or no device behind them.
// UNSUPPORTED: of a version that came later.
SO_MUST_USE so_status so_virtio_mmio_probe(so_virtio_mmio *m, const so_virtio_registers *r);

// so_virtio_mmio_begin resets the device and accepts those of `wanted` that it offers, and VERSION_1 and
// EVENT_IDX. IO: it does not come back from the reset. UNSUPPORTED: it refuses what it offered, or offers
// no VERSION_1 though it is not legacy. `*out_why` then says so; the device was told that we gave up.
SO_MUST_USE so_status so_virtio_mmio_begin(so_virtio_mmio *m, uint64_t wanted, const char **out_why);

// so_virtio_mmio_queue makes queue `index`, of at most `size_max` descriptors, and shows it to the device.
// The bell of `q` is that of this device, which must not move. UNSUPPORTED: it has no such queue. LIMIT: no
// memory. CONFLICT: the queue is in use, though we did not begin it.
SO_MUST_USE so_status so_virtio_mmio_queue(so_virtio_mmio *m, uint16_t index, uint16_t size_max,
                                           const so_heap *heap, const so_pages_port *pages,
                                           so_virtq *q, const char **out_why);

void so_virtio_mmio_start(so_virtio_mmio *m);

// so_virtio_mmio_reset ends all use of memory by the device. False: it does not say that it did.
bool so_virtio_mmio_reset(so_virtio_mmio *m);

// so_virtio_mmio_fail tells the device that we gave up, and resets it.
void so_virtio_mmio_fail(so_virtio_mmio *m);

// so_virtio_mmio_interrupts takes the reasons for which the device interrupted since the last call.
uint32_t so_virtio_mmio_interrupts(so_virtio_mmio *m);

// so_virtio_mmio_needs_reset is true once the device has given up.
bool so_virtio_mmio_needs_reset(const so_virtio_mmio *m);

// A field of the configuration, of `len` 1, 2, 4 or 8 bytes.
typedef struct so_virtio_field {
  uint32_t off;
  uint32_t len;
} so_virtio_field;

// so_virtio_mmio_config reads fields that belong together: anew as long as the device changes them
// meanwhile (2.5.1), at most SO_VIRTIO_CONFIG_TRIES times. False: it never stopped.
#define SO_VIRTIO_CONFIG_TRIES 64u
bool so_virtio_mmio_config(const so_virtio_mmio *m, const so_virtio_field *fields, size_t count,
                           uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_VIRTIO_MMIO_MMIO_H_
