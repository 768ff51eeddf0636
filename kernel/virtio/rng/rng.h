#ifndef SO_KERNEL_VIRTIO_RNG_RNG_H_
#define SO_KERNEL_VIRTIO_RNG_RNG_H_

// The entropy device of virtio (VIRTIO 1.2, 5.4): random bytes from the host, for the pool of kernel/bare to
// mix with others. Each byte is handed out once, and wiped.

#include "base/heap.h"
#include "kernel/machine/devices.h"
#include "kernel/ports/fiber.h"
#include "kernel/virtio/mmio/mmio.h"
#include "kernel/virtio/queue/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_VIRTIO_RNG_LEN 64u  // Asked for at a time.

typedef struct so_virtio_rng_config {
  so_sched *sched;
  const so_heap *heap;
  so_pages_port pages;
} so_virtio_rng_config;

// Fields are for the module only.
typedef struct so_virtio_rng {
  so_virtio_rng_config config;
  so_virtio_mmio *mmio;
  const char *why;   // What broke it, or NULL.
  so_virtq queue;
  uint8_t *page;     // Where the device writes.
  uint32_t have;     // Bytes there that nobody took.
  bool asked;
  so_event event;
} so_virtio_rng;

// so_virtio_rng_start: as so_virtio_net_start.
SO_MUST_USE so_status so_virtio_rng_start(so_virtio_rng *r, so_virtio_mmio *mmio,
                                          const so_virtio_rng_config *config, const char **out_why);

// so_virtio_rng_release resets the device and gives all memory back. No fiber may be reading.
void so_virtio_rng_release(so_virtio_rng *r);

// so_virtio_rng_read gives the number of bytes that came until the deadline, at most `len`. From a fiber.
size_t so_virtio_rng_read(so_virtio_rng *r, uint8_t *out, size_t len, uint64_t deadline_ns);

bool so_virtio_rng_poll(so_virtio_rng *r);
bool so_virtio_rng_arm(so_virtio_rng *r);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_VIRTIO_RNG_RNG_H_
