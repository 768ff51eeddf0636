// Requests: a header that the device reads, the caller's bytes, a status that the device writes (5.2.6).

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/virtio/block/internal.h"

// The header of a request, and its status behind it.
typedef struct block_header {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
  uint8_t status;
} block_header;

#define HEADER_LEN 16u  // Of what the device reads.
#define HEADER_STRIDE 64u

_Static_assert(sizeof(block_header) <= HEADER_STRIDE, "an entry holds one");
_Static_assert(SO_VIRTIO_BLOCK_REQUESTS_MAX * HEADER_STRIDE <= SO_PAGE_LEN, "the headers have one page");

#define TYPE_IN 0u
#define TYPE_OUT 1u
#define TYPE_FLUSH 4u

#define STATUS_OK 0u
#define STATUS_IOERR 1u
#define STATUS_UNSUPP 2u
#define STATUS_NONE 0xffu  // What we write before, so that an answer without one is seen.

static block_header *header_at(const so_virtio_block *b, uint16_t i) {
  return (block_header *)(void *)(b->headers + (size_t)i * HEADER_STRIDE);
}

static uint32_t type_of(so_virtio_block_op op) {
  switch (op) {
    case SO_VIRTIO_BLOCK_READ: return TYPE_IN;
    case SO_VIRTIO_BLOCK_WRITE: return TYPE_OUT;
    case SO_VIRTIO_BLOCK_FLUSH: return TYPE_FLUSH;
  }
  SO_ASSERT(false);
  return TYPE_FLUSH;
}

// --- out ----------------------------------------------------------------------------------------

// put queues the next piece of a call; false: no room.
static bool put(so_virtio_block *b, so_virtio_block_call *c) {
  const uint16_t i = b->first_free;
  if (i == SO_VIRTQ_NONE) {
    return false;
  }
  block_header *const h = header_at(b, i);
  const size_t left = c->len - c->issued;
  const uint32_t len = left < b->request_len ? (uint32_t)left : b->request_len;
  so_virtq_part parts[3] = {{h, HEADER_LEN}};
  size_t count = 1;
  if (c->op == SO_VIRTIO_BLOCK_READ) {
    parts[count++] = (so_virtq_part){c->out + c->issued, len};
  } else if (c->op == SO_VIRTIO_BLOCK_WRITE) {
    parts[count++] = (so_virtq_part){c->in + c->issued, len};
  }
  parts[count++] = (so_virtq_part){&h->status, 1};
  const size_t written = c->op == SO_VIRTIO_BLOCK_READ ? 2 : 1;
  if (!so_virtq_add(&b->queue, parts, count - written, written, i)) {
    return false;
  }
  // Not shown before the next push.
  *h = (block_header){.type = type_of(c->op),
                      .sector = (c->offset + c->issued) / SECTOR_LEN,
                      .status = STATUS_NONE};
  if (c->op == SO_VIRTIO_BLOCK_FLUSH) {
    h->sector = 0;  // 5.2.6.1.
  }
  b->first_free = b->requests[i].next_free;
  b->requests[i].call = c;
  b->requests[i].issued_ns = so_clock_now(&b->config.clock);
  c->issued += len;
  c->in_flight++;
  b->in_flight++;
  if (b->in_flight > b->stats.in_flight_max) {
    b->stats.in_flight_max = b->in_flight;
  }
  return true;
}

void so_virtio_block_issue(so_virtio_block *b) {
  while (b->first != NULL) {
    so_virtio_block_call *const c = b->first;
    // A call that failed already goes no further.
    while (so_ok(c->status) && c->issued < c->len) {
      if (!put(b, c)) {
        so_virtq_push(&b->queue);
        return;
      }
      b->stats.requests++;
    }
    c->issued = c->len;
    b->first = c->next;
    if (b->first == NULL) {
      b->last = NULL;
    }
    if (c->in_flight == 0) {
      so_event_signal(b->config.sched, &c->event);
    }
  }
  so_virtq_push(&b->queue);
}

// --- back ---------------------------------------------------------------------------------------

static void fail_call(so_virtio_block *b, so_virtio_block_call *c) {
  c->status = so_status_make(SO_IO, 0);
  if (c->op == SO_VIRTIO_BLOCK_FLUSH && !b->write_failed) {
    b->write_failed = true;
    b->stats.flush_failed++;
  }
}

static void free_request(so_virtio_block *b, uint16_t i) {
  so_virtio_block_call *const c = b->requests[i].call;
  b->requests[i].call = NULL;
  b->requests[i].next_free = b->first_free;
  b->first_free = i;
  b->in_flight--;
  c->in_flight--;
  if (c->in_flight == 0) {
    so_event_signal(b->config.sched, &c->event);
  }
}

void so_virtio_block_break(so_virtio_block *b, const char *why) {
  if (b->why != NULL) {
    return;
  }
  b->why = why;
  b->stats.broken++;
  so_virtio_mmio_fail(b->mmio);  // Before callers get their memory back.
  for (uint16_t i = 0; i < SO_VIRTIO_BLOCK_REQUESTS_MAX; i++) {
    if (b->requests[i].call != NULL) {
      fail_call(b, b->requests[i].call);
      free_request(b, i);
    }
  }
  while (b->first != NULL) {
    so_virtio_block_call *const c = b->first;
    b->first = c->next;
    fail_call(b, c);
    c->issued = c->len;
    so_event_signal(b->config.sched, &c->event);
  }
  b->last = NULL;
}

bool so_virtio_block_take_answers(so_virtio_block *b) {
  bool any = false;
  for (;;) {
    uint16_t i;
    uint32_t len;
    const so_virtq_result r = so_virtq_take(&b->queue, &i, &len);
    if (r == SO_VIRTQ_EMPTY) {
      return any;
    }
    if (r == SO_VIRTQ_BROKEN) {
      so_virtio_block_break(b, b->queue.why);
      return true;
    }
    any = true;
    const uint8_t status = __atomic_load_n(&header_at(b, i)->status, __ATOMIC_RELAXED);
    if (status != STATUS_OK) {
      fail_call(b, b->requests[i].call);
      b->stats.errors++;
    }
    free_request(b, i);
    if (status != STATUS_OK && status != STATUS_IOERR && status != STATUS_UNSUPP) {
      so_virtio_block_break(b, "the disk answered with a status that does not exist");
      return true;
    }
  }
}
