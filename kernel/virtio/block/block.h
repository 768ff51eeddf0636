#ifndef SO_KERNEL_VIRTIO_BLOCK_BLOCK_H_
#define SO_KERNEL_VIRTIO_BLOCK_BLOCK_H_

// The disk of virtio (VIRTIO 1.2, 5.2): an so_block over one queue.
//
// A call is cut into requests of at most `request_len` bytes, which the device reads from and writes to the
// caller's memory; the fiber waits until all are answered, while others' calls go on.
//
// Invariants
//   - Calls start in the order in which they came. Several are in flight at a time, and may end in any
//     order, as kernel/ports/block.h allows.
//   - A request's header and status are ours, not on a stack; the status is read once.
//   - A device whose queue breaks (kernel/virtio/queue), that answers with a status that does not exist,
//     that says that it needs a reset, or does not answer a request within `answer_ns`, is reset and never
//     used again: every call says IO.
//   - Flush as block.h has it: one that fails is the end of writing. A device without VIRTIO_BLK_F_FLUSH
//     has written what it answered (5.2.6.2): flush is then nothing.
// Sectors are 512 bytes in all that is exchanged; `blk_size` is the unit of access (5.2.4).

#include "base/heap.h"
#include "kernel/machine/devices.h"
#include "kernel/ports/block.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/metrics.h"
#include "kernel/virtio/mmio/mmio.h"
#include "kernel/virtio/queue/queue.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_VIRTIO_BLOCK_REQUESTS_MAX 64u
#define SO_VIRTIO_BLOCK_REQUEST_LEN_MAX (1u << 20)

typedef struct so_virtio_block_config {
  so_sched *sched;
  so_clock clock;
  const so_heap *heap;
  so_pages_port pages;
  uint32_t request_len;  // A multiple of 4096, at most SO_VIRTIO_BLOCK_REQUEST_LEN_MAX.
  uint64_t answer_ns;
} so_virtio_block_config;

typedef enum so_virtio_block_op {
  SO_VIRTIO_BLOCK_READ = 0,
  SO_VIRTIO_BLOCK_WRITE,
  SO_VIRTIO_BLOCK_FLUSH,
} so_virtio_block_op;

// One call of the port; lives on the stack of its fiber.
typedef struct so_virtio_block_call {
  struct so_virtio_block_call *next;  // Of those that are not fully issued.
  so_virtio_block_op op;
  uint64_t offset;
  uint8_t *out;          // READ.
  const uint8_t *in;     // WRITE.
  size_t len;            // FLUSH: 1.
  size_t issued;
  uint32_t in_flight;    // Requests.
  so_status status;
  so_event event;
} so_virtio_block_call;

typedef struct so_virtio_block_request {
  so_virtio_block_call *call;  // NULL: free.
  uint64_t issued_ns;
  uint16_t next_free;
} so_virtio_block_request;

typedef struct so_virtio_block_stats {
  uint64_t reads;          // Calls that returned OK.
  uint64_t writes;
  uint64_t flushes;
  uint64_t read_bytes;
  uint64_t written_bytes;
  uint64_t requests;
  uint64_t errors;         // Requests that the device refused.
  uint64_t flush_failed;
  uint64_t broken;
  uint32_t in_flight_max;
} so_virtio_block_stats;

// Fields are for the module only.
typedef struct so_virtio_block {
  so_virtio_block_config config;
  so_virtio_mmio *mmio;
  const char *why;    // What broke it, or NULL.
  so_virtq queue;
  uint8_t *headers;   // One page: an entry for each of `requests`.
  so_virtio_block_request requests[SO_VIRTIO_BLOCK_REQUESTS_MAX];
  uint16_t first_free;
  uint32_t in_flight;
  so_virtio_block_call *first;  // Not fully issued.
  so_virtio_block_call *last;
  bool write_failed;  // A flush failed: sticky.
  uint64_t capacity;  // Bytes.
  uint32_t unit_len;
  uint32_t request_len;
  bool flush;
  bool read_only;
  so_virtio_block_stats stats;
} so_virtio_block;

// so_virtio_block_start brings `mmio`, which was probed and is borrowed, to life; `b` must not move. Errors
// are those of kernel/virtio/mmio, and LIMIT: not one sector; `*out_why` then says it in words.
SO_MUST_USE so_status so_virtio_block_start(so_virtio_block *b, so_virtio_mmio *mmio,
                                            const so_virtio_block_config *config,
                                            const char **out_why);

// so_virtio_block_open gives the disk. Borrows `b`; close does nothing.
void so_virtio_block_open(so_virtio_block *b, so_block *out);

// so_virtio_block_release resets the device and gives all memory back. No call may be waiting.
void so_virtio_block_release(so_virtio_block *b);

// so_virtio_block_poll takes answers; true if there were any. At each turn of the loop.
bool so_virtio_block_poll(so_virtio_block *b);

// so_virtio_block_arm asks for an interrupt with the next answer. True: do not sleep.
bool so_virtio_block_arm(so_virtio_block *b);

// so_virtio_block_changed looks whether the device gave up, after an interrupt for the configuration.
void so_virtio_block_changed(so_virtio_block *b);

void so_virtio_block_metrics(const so_virtio_block *b, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_VIRTIO_BLOCK_BLOCK_H_
