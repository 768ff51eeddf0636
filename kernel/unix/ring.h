#ifndef SO_KERNEL_UNIX_RING_H_
#define SO_KERNEL_UNIX_RING_H_

// Many reads and writes of one descriptor in one system call (Linux's io_uring), for devices that give one
// frame a call: where the kernel is entered through a hypervisor, entering costs more than the frame does.
//
// Nothing is left running: unix_ring_run returns when all that was queued is done, or was refused because it
// would have had to wait. So there is no state between calls, and memory that was named may be used again.
//
// Requests run in the order of queueing. A request is named by the number that it was queued with, from 0,
// since the last run.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/io_uring.h>

#define UNIX_RING_LEN 128u  // Requests of one run at most.

typedef struct unix_ring {
  int fd;    // -1: there is none.
  int file;  // What is read and written.
  void *rings;
  size_t rings_len;
  struct io_uring_sqe *entries;
  uint32_t *submit_tail;
  uint32_t submit_mask;
  uint32_t *submit_index;
  uint32_t *done_head;
  uint32_t *done_tail;
  uint32_t done_mask;
  struct io_uring_cqe *done;
  uint32_t queued;
  int32_t results[UNIX_RING_LEN];
} unix_ring;

// unix_ring_open makes a ring for `fd`. False: this kernel has none, does not let us, or cannot tell us for
// such a descriptor that it would have to wait; `r->fd` is then -1.
bool unix_ring_open(unix_ring *r, int fd);
void unix_ring_close(unix_ring *r);

// unix_ring_read and unix_ring_writev queue a request (fewer than UNIX_RING_LEN are). What they name must
// stay until the next run.
void unix_ring_read(unix_ring *r, void *buf, size_t len);
void unix_ring_writev(unix_ring *r, const struct iovec *list, size_t count);

// unix_ring_run does what was queued, and fills r->results: what the call would have returned, or the
// negative errno (-EAGAIN: it would have had to wait).
void unix_ring_run(unix_ring *r);

#endif  // SO_KERNEL_UNIX_RING_H_
