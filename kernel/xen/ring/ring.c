#include "kernel/xen/ring/ring.h"

#include "base/assert.h"
#include "base/mem.h"

// Where the indexes are (struct NAME_sring in xen/io/ring.h); ring_test.cc checks it.
#define REQ_PROD 0u
#define REQ_EVENT 4u
#define RSP_PROD 8u
#define RSP_EVENT 12u

static uint32_t *index_at(const so_ring *r, uint32_t at) {
  return (uint32_t *)(void *)(r->shared + at);
}

static uint32_t *entry_at(const so_ring *r, uint32_t index) {
  const uint32_t slot = index & (r->entry_count - 1);
  return (uint32_t *)(void *)(r->shared + SO_RING_HEADER_LEN + (size_t)slot * r->entry_len);
}

uint32_t so_ring_entries(size_t len, uint32_t entry_len) {
  const size_t fit = (len - SO_RING_HEADER_LEN) / entry_len;
  uint32_t count = 1;
  while ((size_t)count * 2 <= fit) {
    count *= 2;
  }
  return count;
}

void so_ring_init(so_ring *r, void *shared, size_t len, uint32_t entry_len) {
  SO_ASSERT(entry_len % 4 == 0 && entry_len != 0 && entry_len <= SO_RING_ENTRY_MAX);
  SO_ASSERT(len >= SO_RING_HEADER_LEN + entry_len);
  *r = (so_ring){
      .shared = shared, .entry_len = entry_len, .entry_count = so_ring_entries(len, entry_len)};
  memset(shared, 0, len);
  // Both sides want to hear of the first entry.
  *index_at(r, REQ_EVENT) = 1;
  *index_at(r, RSP_EVENT) = 1;
}

void so_ring_put(so_ring *r, const void *entry, size_t len) {
  SO_ASSERT(so_ring_free(r) != 0 && len <= r->entry_len && len % 4 == 0);
  uint32_t words[SO_RING_ENTRY_MAX / 4];
  memcpy(words, entry, len);
  uint32_t *const to = entry_at(r, r->req_prod);
  for (size_t i = 0; i < len / 4; i++) {
    __atomic_store_n(&to[i], words[i], __ATOMIC_RELAXED);
  }
  r->req_prod++;
}

bool so_ring_push(so_ring *r) {
  const uint32_t before = r->req_pushed;
  if (before == r->req_prod) {
    return false;
  }
  __atomic_store_n(index_at(r, REQ_PROD), r->req_prod, __ATOMIC_RELEASE);
  // The other side arms req_event, then looks at req_prod: one of us sees the other.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  const uint32_t event = __atomic_load_n(index_at(r, REQ_EVENT), __ATOMIC_RELAXED);
  r->req_pushed = r->req_prod;
  return r->req_prod - event < r->req_prod - before;
}

bool so_ring_ready(const so_ring *r, uint32_t *out_count) {
  const uint32_t prod = __atomic_load_n(index_at(r, RSP_PROD), __ATOMIC_ACQUIRE);
  const uint32_t count = prod - r->rsp_cons;
  if (count > r->req_pushed - r->rsp_cons) {
    *out_count = 0;
    return false;
  }
  *out_count = count;
  return true;
}

void so_ring_peek(const so_ring *r, uint32_t ahead, void *out, size_t len) {
  SO_ASSERT(ahead < so_ring_unanswered(r) && len <= r->entry_len && len % 4 == 0);
  uint32_t words[SO_RING_ENTRY_MAX / 4];
  const uint32_t *const from = entry_at(r, r->rsp_cons + ahead);
  for (size_t i = 0; i < len / 4; i++) {
    words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
  }
  memcpy(out, words, len);
}

void so_ring_drop(so_ring *r, uint32_t count) {
  SO_ASSERT(count <= so_ring_unanswered(r));
  r->rsp_cons += count;
}

bool so_ring_arm(so_ring *r, uint32_t ahead) {
  SO_ASSERT(ahead != 0);
  __atomic_store_n(index_at(r, RSP_EVENT), r->rsp_cons + ahead, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  uint32_t count;
  return !so_ring_ready(r, &count) || count >= ahead;
}
