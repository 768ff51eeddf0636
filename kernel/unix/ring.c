// io_uring by its two system calls: set up, enter.

#include "kernel/unix/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"

static int ring_setup(uint32_t len, struct io_uring_params *p) {
  return (int)syscall(SYS_io_uring_setup, len, p);
}

static int ring_enter(int ring, uint32_t submit, uint32_t await) {
  return (int)syscall(SYS_io_uring_enter, ring, submit, await, IORING_ENTER_GETEVENTS, NULL, 0);
}

static void *at(void *base, uint32_t off) { return (uint8_t *)base + off; }

static bool map_rings(unix_ring *r, const struct io_uring_params *p) {
  if ((p->features & IORING_FEAT_SINGLE_MMAP) == 0) {
    return false;
  }
  const size_t submit_len = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
  const size_t done_len = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
  r->rings_len = submit_len > done_len ? submit_len : done_len;
  r->rings = mmap(NULL, r->rings_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
                  IORING_OFF_SQ_RING);
  if (r->rings == MAP_FAILED) {
    r->rings = NULL;
    return false;
  }
  void *const entries = mmap(NULL, UNIX_RING_LEN * sizeof *r->entries, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
  if (entries == MAP_FAILED) {
    return false;
  }
  r->entries = entries;
  r->submit_tail = at(r->rings, p->sq_off.tail);
  r->submit_mask = p->sq_entries - 1;
  r->submit_index = at(r->rings, p->sq_off.array);
  r->done_head = at(r->rings, p->cq_off.head);
  r->done_tail = at(r->rings, p->cq_off.tail);
  r->done_mask = p->cq_entries - 1;
  r->done = at(r->rings, p->cq_off.cqes);
  return true;
}

// A read of nothing says whether this descriptor knows "would have to wait".
static bool knows_nowait(unix_ring *r) {
  unix_ring_read(r, NULL, 0);
  unix_ring_run(r);
  return r->results[0] == 0 || r->results[0] == -EAGAIN;
}

bool unix_ring_open(unix_ring *r, int fd) {
  struct io_uring_params p;
  memset(&p, 0, sizeof p);
  memset(r, 0, sizeof *r);
  p.flags = IORING_SETUP_SUBMIT_ALL;
  r->fd = ring_setup(UNIX_RING_LEN, &p);
  // Not registered with the ring: that would keep it open for a while after its close.
  r->file = fd;
  if (r->fd >= 0 && map_rings(r, &p) && knows_nowait(r)) {
    return true;
  }
  unix_ring_close(r);
  return false;
}

void unix_ring_close(unix_ring *r) {
  if (r->entries != NULL) {
    (void)munmap(r->entries, UNIX_RING_LEN * sizeof *r->entries);
  }
  if (r->rings != NULL) {
    (void)munmap(r->rings, r->rings_len);
  }
  if (r->fd >= 0) {
    (void)close(r->fd);
  }
  memset(r, 0, sizeof *r);
  r->fd = -1;
}

static void queue(unix_ring *r, uint8_t code, const void *what, size_t len) {
  SO_ASSERT(r->queued < UNIX_RING_LEN);
  const uint32_t tail = *r->submit_tail + r->queued;
  const uint32_t slot = tail & r->submit_mask;
  struct io_uring_sqe *const e = &r->entries[slot];
  memset(e, 0, sizeof *e);
  e->opcode = code;
  e->fd = r->file;
  e->addr = (uint64_t)(uintptr_t)what;
  e->len = (uint32_t)len;
  e->off = UINT64_MAX;  // Where the descriptor stands.
  e->rw_flags = RWF_NOWAIT;
  e->user_data = r->queued;
  r->submit_index[slot] = slot;
  r->queued++;
}

void unix_ring_read(unix_ring *r, void *buf, size_t len) { queue(r, IORING_OP_READ, buf, len); }

void unix_ring_writev(unix_ring *r, const struct iovec *list, size_t count) {
  queue(r, IORING_OP_WRITEV, list, count);
}

// collect notes what is done; returns how many.
static uint32_t collect(unix_ring *r) {
  uint32_t head = *r->done_head;
  const uint32_t tail = __atomic_load_n(r->done_tail, __ATOMIC_ACQUIRE);
  const uint32_t count = tail - head;
  for (; head != tail; head++) {
    const struct io_uring_cqe *const c = &r->done[head & r->done_mask];
    SO_ASSERT(c->user_data < UNIX_RING_LEN);
    r->results[c->user_data] = c->res;
  }
  __atomic_store_n(r->done_head, head, __ATOMIC_RELEASE);
  return count;
}

void unix_ring_run(unix_ring *r) {
  uint32_t submit = r->queued;
  uint32_t left = r->queued;
  __atomic_store_n(r->submit_tail, *r->submit_tail + r->queued, __ATOMIC_RELEASE);
  r->queued = 0;
  while (left != 0) {
    const int n = ring_enter(r->fd, submit, left);
    // Only what a loaded machine may say; the requests stay queued.
    SO_ASSERT(n >= 0 || errno == EINTR || errno == EAGAIN || errno == EBUSY);
    submit -= n > 0 ? (uint32_t)n : 0;
    left -= collect(r);
  }
}
