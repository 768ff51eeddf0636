#ifndef SO_KERNEL_VIRTIO_QUEUE_QUEUE_H_
#define SO_KERNEL_VIRTIO_QUEUE_QUEUE_H_

// The driver's half of a split virtqueue (VIRTIO 1.2, 2.7): chains of buffers go out, and come back in
// any order with the number of bytes that the device wrote.
//
// The other half belongs to somebody whom we do not trust:
//   - Of the memory that is shared only the device's ring is ever read. Which descriptors are free, which
//     chains are out and how long they are is kept beside it, in `slots`.
//   - Not more chains come back than are out, each is one that is out, and no more bytes were written than
//     there was room for. Anything else breaks the queue for good: so_virtq_take says so, and `why`.
//
// Order: descriptors are written before the ring, the ring before its index, the index before the device's
// wish to be notified is read; the device's index is read before its entries, and our wish to be
// interrupted is written before its index is read again.
//
// No indirect descriptors: memory is contiguous where virtual addresses are physical ones, so a disk
// request has three descriptors and a frame of 64 KiB at most nineteen; 256 are enough for either.
//
// Limits: a power of two of descriptors, at most SO_VIRTQ_SIZE_MAX. Indexes wrap at 2^16. All machines
// that we run on are little-endian, as the format is (and as the legacy format is on them).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "kernel/machine/devices.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_VIRTQ_SIZE_MAX 256u
#define SO_VIRTQ_NONE 0xffffu

// Tells the device that there is something in queue `index`.
typedef struct so_virtq_bell {
  void (*ring)(void *ctx, uint16_t index);
  void *ctx;
} so_virtq_bell;

typedef struct so_virtq_config {
  uint16_t index;
  uint16_t size;
  bool event_idx;    // VIRTIO_F_EVENT_IDX was negotiated.
  bool lenient_len;  // Legacy devices: a length beyond the room means all of it (2.7.8.2).
  const so_heap *heap;
  so_pages_port pages;
  so_virtq_bell bell;
} so_virtq_config;

// A piece of memory, as the device sees it. Not empty.
typedef struct so_virtq_part {
  const void *ptr;
  uint32_t len;
} so_virtq_part;

typedef struct so_virtq_slot {
  uint16_t next;   // Of the chain, or of the free ones.
  uint16_t count;  // Descriptors of the chain that begins here; 0: none does.
  uint16_t token;
  uint32_t room;   // Bytes that the device may write.
} so_virtq_slot;

// Fields are for the module only, but for `why` and the counters.
typedef struct so_virtq {
  so_virtq_config config;
  uint8_t *memory;        // Whole pages: descriptors, our ring; from the next page on, the device's.
  so_virtq_slot *slots;
  uint16_t first_free;
  uint16_t free_count;    // Descriptors.
  uint16_t in_flight;     // Chains, those not shown yet included.
  uint16_t added;         // Index in our ring.
  uint16_t pushed;        // Of these, shown.
  uint16_t taken;         // Index in the device's ring.
  const char *why;        // What broke it, or NULL.
  uint64_t notified;
} so_virtq;

// so_virtq_init makes an empty queue. LIMIT: no memory.
SO_MUST_USE so_status so_virtq_init(so_virtq *q, const so_virtq_config *config);

// so_virtq_release gives the memory back: the device must have been reset. Does nothing to zeros.
void so_virtq_release(so_virtq *q);

// Where the three parts are, and what legacy devices are told: one address, this alignment (2.7.2).
#define SO_VIRTQ_ALIGN SO_PAGE_LEN
uint64_t so_virtq_descriptors_at(const so_virtq *q);
uint64_t so_virtq_driver_at(const so_virtq *q);
uint64_t so_virtq_device_at(const so_virtq *q);

// so_virtq_add puts a chain: `read_count` parts that the device reads, then `write_count` that it writes.
// The memory is the device's until so_virtq_take gives `token` back. False: not enough descriptors.
bool so_virtq_add(so_virtq *q, const so_virtq_part *parts, size_t read_count, size_t write_count,
                  uint16_t token);

// so_virtq_push shows what was added, and rings the bell if the device wants to hear of it.
void so_virtq_push(so_virtq *q);

typedef enum so_virtq_result {
  SO_VIRTQ_EMPTY = 0,
  SO_VIRTQ_TAKEN,
  SO_VIRTQ_BROKEN,  // Now and ever.
} so_virtq_result;

// so_virtq_take takes the next chain that came back; `*out_len` bytes of its room were written.
so_virtq_result so_virtq_take(so_virtq *q, uint16_t *out_token, uint32_t *out_len);

// so_virtq_arm asks for an interrupt when `ahead` more chains have come back (1: the next one). True:
// they have already, or the queue is broken: look before sleeping. so_virtq_disarm asks for none.
bool so_virtq_arm(so_virtq *q, uint16_t ahead);
void so_virtq_disarm(so_virtq *q);

// so_virtq_ready is how many chains have come back and were not taken; of a broken queue, or of an index out
// of range, 1 or more: so_virtq_take says which.
uint16_t so_virtq_ready(const so_virtq *q);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_VIRTIO_QUEUE_QUEUE_H_
