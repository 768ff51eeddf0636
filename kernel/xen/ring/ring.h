#ifndef SO_KERNEL_XEN_RING_RING_H_
#define SO_KERNEL_XEN_RING_RING_H_

// The front half of a shared ring (xen/io/ring.h): requests go out, responses come back in the same
// slots. Every front end uses this and none touches shared memory of a ring otherwise.
//
// The other half belongs to somebody whom we do not trust:
//   - Our indexes are kept here. Of the shared ones only rsp_prod and req_event are ever read, each
//     once per call, and what we wrote ourselves is never read back.
//   - There can be as many responses as there are unanswered requests, and no more: an index that
//     says otherwise (jumped forward or back) is reported, and nothing is taken.
//   - An entry is copied out by so_ring_take before anybody looks at it.
// What a response says (id, status, length) is for the front end to judge.
//
// Order: entries are written before req_prod, req_prod before req_event is read; rsp_prod is read
// before the entries, rsp_event is written before rsp_prod is read again.
//
// Limits: entries of a multiple of 4 bytes, at most SO_RING_ENTRY_MAX. Indexes wrap at 2^32.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_RING_HEADER_LEN 64u  // Four indexes and padding, before the first entry.
#define SO_RING_ENTRY_MAX 128u

typedef struct so_ring {
  uint8_t *shared;
  uint32_t entry_len;
  uint32_t entry_count;  // A power of two.
  uint32_t req_prod;     // Put by us.
  uint32_t req_pushed;   // Of these, shown to the other side.
  uint32_t rsp_cons;     // Taken by us.
} so_ring;

// so_ring_entries is how many entries of `entry_len` bytes fit into `len` bytes: a power of two.
uint32_t so_ring_entries(size_t len, uint32_t entry_len);

// so_ring_init makes an empty ring in `shared`, `len` bytes of whole pages, all of which it clears.
// The memory is borrowed until the ring is not used any more.
void so_ring_init(so_ring *r, void *shared, size_t len, uint32_t entry_len);

// so_ring_free is the number of requests that can be put now.
static inline uint32_t so_ring_free(const so_ring *r) {
  return r->entry_count - (r->req_prod - r->rsp_cons);
}

// so_ring_unanswered counts slots that were put and not taken back.
static inline uint32_t so_ring_unanswered(const so_ring *r) { return r->req_prod - r->rsp_cons; }

// so_ring_put writes `len` bytes (a multiple of 4) into the next slot. There must be one.
void so_ring_put(so_ring *r, const void *entry, size_t len);

// so_ring_push shows what was put. True: the other side sleeps, and must be notified.
bool so_ring_push(so_ring *r);

// so_ring_ready gives the number of responses that can be taken. False: the index is nonsense; the
// other side is broken.
bool so_ring_ready(const so_ring *r, uint32_t *out_count);

// so_ring_peek copies the response `ahead` (less than what so_ring_ready said) of those not taken.
void so_ring_peek(const so_ring *r, uint32_t ahead, void *out, size_t len);

// so_ring_drop takes `count` responses off.
void so_ring_drop(so_ring *r, uint32_t count);

// so_ring_arm asks to be notified when `ahead` more responses are there (1: the next one), then
// looks again. True: responses are there, or the index is nonsense: look before sleeping.
bool so_ring_arm(so_ring *r, uint32_t ahead);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_RING_RING_H_
