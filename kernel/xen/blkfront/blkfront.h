#ifndef SO_KERNEL_XEN_BLKFRONT_BLKFRONT_H_
#define SO_KERNEL_XEN_BLKFRONT_BLKFRONT_H_

// The front end of Xen's block device (xen/io/blkif.h): an so_block over a shared ring.
//
// A call is cut into requests of at most `request_pages` pages; the fiber waits until all are
// answered, while others' calls go on. Data is copied between the caller's memory and pages that
// are shared for as long as a connection lasts (kernel/xen/share says why): so any alignment of the
// caller's memory is fine, and the back end may keep our pages mapped (feature-persistent).
//
// Invariants
//   - Calls start in the order in which they came. Several are in flight at a time, and may end in
//     any order, as block.h allows.
//   - A response is believed only if it answers a request that is in flight, with its operation and
//     a status that exists. Anything else breaks the connection, is counted, and named.
//   - When a connection ends, every call that has not returned begins again on the next one, in
//     order, with the bytes of its caller. Reading or writing the same bytes twice does no harm.
//   - Flush as block.h has it: a flush that fails is the end of writing. So is a back end that
//     vanishes (SO_FRONT_LOST) or wrote nonsense while writes that returned are not flushed:
//     nothing can tell whether they were kept. After SO_FRONT_CLOSED and SO_FRONT_SUSPENDED it is
//     still the same medium.
//   - A back end that offers neither flush nor barrier says that it writes through: flush is then
//     nothing but the check above.
// Sectors are 512 bytes in all that is exchanged, whatever `sector-size` says (what Linux does, and
// what later texts of blkif.h say); `sector-size` is the unit of access. feature-large-sector-size
// is not published, so that back ends which see it otherwise refuse instead of mixing the two up.
// Limits: below; and no call waits longer than `answer_ns` for an answer, or `absent_ns` for a back
// end.

#include "base/heap.h"
#include "kernel/ports/block.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/metrics.h"
#include "kernel/xen/front/front.h"
#include "kernel/xen/ring/ring.h"
#include "kernel/xen/share/share.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_BLKFRONT_RING_ORDER_MAX 4u  // 16 pages, 512 requests.
#define SO_BLKFRONT_REQUEST_PAGES_MAX 256u
#define SO_BLKFRONT_PAGES_MAX 4096u

typedef struct so_blkfront_config {
  so_sched *sched;
  so_clock clock;
  const so_heap *heap;
  so_xen_grants grants;
  uint32_t data_pages;      // All that is in flight; 2 to SO_BLKFRONT_PAGES_MAX.
  uint32_t request_pages;   // The longest request, 1 to SO_BLKFRONT_REQUEST_PAGES_MAX; more than 11
                            // are used only if the back end has indirect segments.
  uint32_t ring_order;      // At most 1 << ring_order pages for the ring.
  uint64_t answer_ns;
  uint64_t absent_ns;
} so_blkfront_config;

typedef enum so_blkfront_state {
  SO_BLKFRONT_DOWN = 0,
  SO_BLKFRONT_WAITING,    // Published.
  SO_BLKFRONT_CONNECTED,
  SO_BLKFRONT_BROKEN,
  SO_BLKFRONT_FAILED,     // For good.
} so_blkfront_state;

typedef enum so_blkfront_op {
  SO_BLKFRONT_READ = 0,
  SO_BLKFRONT_WRITE,
  SO_BLKFRONT_FLUSH,
} so_blkfront_op;

// One call of the port; lives on the stack of its fiber.
typedef struct so_blkfront_call {
  struct so_blkfront_call *prev;
  struct so_blkfront_call *next;
  so_blkfront_op op;
  uint64_t offset;
  uint8_t *out;          // READ.
  const uint8_t *in;     // WRITE.
  size_t len;
  size_t issued;         // Bytes; FLUSH: 1 once it is out.
  uint32_t in_flight;    // Requests.
  uint64_t epoch;        // FLUSH: the writes that it covers.
  so_status status;
  bool done;
  so_event event;
} so_blkfront_call;

// A request in flight.
typedef struct so_blkfront_request {
  so_blkfront_call *call;   // NULL: free.
  size_t off;               // Within the call.
  uint32_t len;
  uint32_t first_page;      // A list by `page_next`.
  uint32_t indirect_page;   // SO_SHARE_NONE: none.
  uint32_t generation;
  uint8_t operation;        // BLKIF_OP_*
  uint32_t next_free;
  uint32_t older;           // In order of issue.
  uint32_t newer;
  uint64_t issued_ns;
} so_blkfront_request;

typedef struct so_blkfront_features {
  uint64_t capacity;      // Bytes.
  uint32_t unit_len;
  uint32_t segments;      // Of one request.
  bool read_only;
  bool flush;
  bool barrier;
} so_blkfront_features;

typedef struct so_blkfront_stats {
  uint64_t reads;          // Calls that returned OK.
  uint64_t writes;
  uint64_t flushes;
  uint64_t read_bytes;
  uint64_t written_bytes;
  uint64_t requests;
  uint64_t indirect;       // Of these, with indirect segments.
  uint64_t errors;         // Requests that the back end refused.
  uint64_t restarted;      // Calls that began again on a new connection.
  uint64_t absent;         // Calls that failed because no back end came.
  uint64_t lost_writes;    // Times that a back end vanished with unflushed writes.
  uint64_t flush_failed;
  uint64_t notified;
  uint64_t connected;
  uint64_t broken;
  uint32_t in_flight_max;
} so_blkfront_stats;

// Fields are for the module only.
typedef struct so_blkfront {
  so_blkfront_config config;
  so_blkfront_state state;
  const char *why;
  so_xen_peer peer;
  uint16_t handle;          // `virtual-device`.
  so_blkfront_features features;
  bool opened;              // With `features` as they were; a new back end must fit.
  so_share_ring ring_memory;
  so_share_pool pages;
  uint32_t *page_next;      // Of the same index.
  so_ring ring;
  so_blkfront_request *requests;
  uint32_t request_max;
  uint32_t first_free;
  uint32_t oldest;          // In flight.
  uint32_t newest;
  uint32_t in_flight;
  so_blkfront_call *calls;  // All that have not returned, in order.
  so_blkfront_call *last_call;
  so_blkfront_call *issue;  // The first that is not fully issued.
  uint64_t written_epoch;   // Writes that returned OK, ever.
  uint64_t flushed_epoch;   // Of these, made durable.
  bool write_failed;        // A flush failed: sticky.
  bool distrusted;          // The present back end wrote nonsense.
  uint64_t down_since_ns;
  so_blkfront_stats stats;
} so_blkfront;

// so_blkfront_init prepares `f` in place; it must not move. LIMIT: the heap refuses.
SO_MUST_USE so_status so_blkfront_init(so_blkfront *f, const so_blkfront_config *config);

// so_blkfront_release disconnects and gives all memory back. No call may be waiting.
void so_blkfront_release(so_blkfront *f);

// so_blkfront_front gives what the driver of devices calls. Borrows `f`.
so_front so_blkfront_front(so_blkfront *f);

// so_blkfront_open gives the disk. After the first connect (CONFLICT before). Borrows `f`; close
// does nothing. Every connection from now on must bring a disk at least as large, of the same unit,
// and writable if this one is.
SO_MUST_USE so_status so_blkfront_open(so_blkfront *f, so_block *out);

void so_blkfront_metrics(const so_blkfront *f, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_BLKFRONT_BLKFRONT_H_
