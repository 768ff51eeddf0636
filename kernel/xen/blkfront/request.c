// Requests: from calls into the ring, and from its answers back to calls.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/xen/blkfront/internal.h"

#define ID_INDEX_BITS 16u

// --- records --------------------------------------------------------------------------------

static uint32_t take_request(so_blkfront *f, so_blkfront_call *c) {
  const uint32_t i = f->first_free;
  SO_ASSERT(i != NONE);
  so_blkfront_request *const r = &f->requests[i];
  f->first_free = r->next_free;
  *r = (so_blkfront_request){
      .call = c,
      .first_page = NONE,
      .indirect_page = NONE,
      .generation = r->generation + 1,
      .older = f->newest,
      .newer = NONE,
      .issued_ns = so_clock_now(&f->config.clock),
  };
  if (f->newest != NONE) {
    f->requests[f->newest].newer = i;
  } else {
    f->oldest = i;
  }
  f->newest = i;
  f->in_flight++;
  if (f->in_flight > f->stats.in_flight_max) {
    f->stats.in_flight_max = f->in_flight;
  }
  c->in_flight++;
  return i;
}

static void put_request(so_blkfront *f, uint32_t i) {
  so_blkfront_request *const r = &f->requests[i];
  if (r->older != NONE) {
    f->requests[r->older].newer = r->newer;
  } else {
    f->oldest = r->newer;
  }
  if (r->newer != NONE) {
    f->requests[r->newer].older = r->older;
  } else {
    f->newest = r->older;
  }
  r->call->in_flight--;
  r->call = NULL;
  r->next_free = f->first_free;
  f->first_free = i;
  f->in_flight--;
}

static void put_pages(so_blkfront *f, const so_blkfront_request *r) {
  for (uint32_t page = r->first_page; page != NONE;) {
    const uint32_t next = f->page_next[page];
    so_share_pool_put(&f->pages, page);
    page = next;
  }
  if (r->indirect_page != NONE) {
    so_share_pool_put(&f->pages, r->indirect_page);
  }
}

void so_blkfront_forget(so_blkfront *f) {
  f->first_free = NONE;
  for (uint32_t i = f->request_max; i-- != 0;) {
    f->requests[i].call = NULL;
    f->requests[i].next_free = f->first_free;
    f->first_free = i;
  }
  f->oldest = NONE;
  f->newest = NONE;
  f->in_flight = 0;
}

// --- out ------------------------------------------------------------------------------------

static uint64_t id_of(const so_blkfront *f, uint32_t i) {
  return (uint64_t)f->requests[i].generation << ID_INDEX_BITS | i;
}

// pages_now is how many of `needed` pages the next request takes; 0: it waits for pages.
static uint32_t pages_now(const so_blkfront *f, size_t needed) {
  uint32_t want = f->config.request_pages < f->features.segments ? f->config.request_pages
                                                                 : f->features.segments;
  want = needed < want ? (uint32_t)needed : want;
  const uint32_t free = f->pages.free_count;
  const bool indirect = want > BLKIF_MAX_SEGMENTS_PER_REQUEST;
  if (free >= want + indirect) {
    return want;
  }
  if (f->in_flight != 0) {
    return 0;  // Better one long request soon than many short ones now.
  }
  return indirect ? free - 1 : free;
}

// fill_segments takes `count` pages for a request, copies what is written into them, and describes
// them.
static void fill_segments(so_blkfront *f, so_blkfront_request *r, uint32_t count,
                          struct blkif_request_segment *out) {
  const so_blkfront_call *const c = r->call;
  uint32_t *link = &r->first_page;
  size_t done = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t page = so_share_pool_take(&f->pages);
    SO_ASSERT(page != NONE);
    *link = page;
    f->page_next[page] = NONE;
    link = &f->page_next[page];
    const size_t left = r->len - done;
    const size_t n = left < PAGE_LEN ? left : PAGE_LEN;
    if (c->op == SO_BLKFRONT_WRITE) {
      memcpy(f->pages.pages[page].ptr, c->in + r->off + done, n);
    }
    out[i] = (struct blkif_request_segment){
        .gref = f->pages.pages[page].ref, .last_sect = (uint8_t)(n / SECTOR_LEN - 1)};
    done += n;
  }
}

static void put_direct(so_blkfront *f, uint32_t i, uint32_t count, uint8_t operation) {
  so_blkfront_request *const r = &f->requests[i];
  struct blkif_request q;
  memset(&q, 0, sizeof q);
  q.operation = operation;
  q.nr_segments = (uint8_t)count;
  q.handle = f->handle;
  q.id = id_of(f, i);
  q.sector_number = (r->call->offset + r->off) / SECTOR_LEN;
  fill_segments(f, r, count, q.seg);
  r->operation = operation;
  so_ring_put(&f->ring, &q, sizeof q);
}

static void put_indirect(so_blkfront *f, uint32_t i, uint32_t count, uint8_t operation) {
  so_blkfront_request *const r = &f->requests[i];
  r->indirect_page = so_share_pool_take(&f->pages);
  SO_ASSERT(r->indirect_page != NONE);
  const so_share_page *const page = &f->pages.pages[r->indirect_page];
  struct blkif_request_indirect q;
  memset(&q, 0, sizeof q);
  q.operation = BLKIF_OP_INDIRECT;
  q.indirect_op = operation;
  q.nr_segments = (uint16_t)count;
  q.handle = f->handle;
  q.id = id_of(f, i);
  q.sector_number = (r->call->offset + r->off) / SECTOR_LEN;
  q.indirect_grefs[0] = page->ref;
  fill_segments(f, r, count, (struct blkif_request_segment *)(void *)page->ptr);
  r->operation = BLKIF_OP_INDIRECT;
  f->stats.indirect++;
  so_ring_put(&f->ring, &q, sizeof q);
}

static bool issue_data(so_blkfront *f, so_blkfront_call *c) {
  const size_t left = c->len - c->issued;
  const uint32_t count = pages_now(f, (left + PAGE_LEN - 1) / PAGE_LEN);
  if (count == 0) {
    return false;
  }
  const uint32_t i = take_request(f, c);
  so_blkfront_request *const r = &f->requests[i];
  const size_t room = (size_t)count * PAGE_LEN;
  r->off = c->issued;
  r->len = (uint32_t)(left < room ? left : room);
  c->issued += r->len;
  const uint8_t operation = c->op == SO_BLKFRONT_READ ? BLKIF_OP_READ : BLKIF_OP_WRITE;
  if (count > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
    put_indirect(f, i, count, operation);
  } else {
    put_direct(f, i, count, operation);
  }
  f->stats.requests++;
  return true;
}

static bool issue_flush(so_blkfront *f, so_blkfront_call *c) {
  c->issued = c->len;
  c->epoch = f->written_epoch;
  if (!f->features.flush && !f->features.barrier) {
    return true;  // The back end writes through.
  }
  const uint32_t i = take_request(f, c);
  put_direct(f, i, 0, f->features.flush ? BLKIF_OP_FLUSH_DISKCACHE : BLKIF_OP_WRITE_BARRIER);
  f->stats.requests++;
  return true;
}

// issue_one moves the first call that waits a step on; false: there is no room.
static bool issue_one(so_blkfront *f) {
  so_blkfront_call *const c = f->issue;
  if (c->op != SO_BLKFRONT_READ && f->write_failed && so_ok(c->status)) {
    c->status = so_status_make(SO_IO, 0);
  }
  if (so_ok(c->status) && c->issued != c->len) {
    if (so_ring_free(&f->ring) == 0) {
      return false;
    }
    return c->op == SO_BLKFRONT_FLUSH ? issue_flush(f, c) : issue_data(f, c);
  }
  f->issue = c->next;
  if (c->in_flight == 0) {
    so_blkfront_finish(f, c);
  }
  return true;
}

void so_blkfront_issue(so_blkfront *f) {
  if (f->state != SO_BLKFRONT_CONNECTED) {
    return;
  }
  while (f->issue != NULL && issue_one(f)) {
  }
  if (so_ring_push(&f->ring)) {
    so_blkfront_notify(f);
  }
}

// --- back -----------------------------------------------------------------------------------

static bool is_answer_to(const so_blkfront_request *r, uint8_t operation) {
  // To an indirect request, some back ends name the operation that it stands for.
  const uint8_t direct = r->call->op == SO_BLKFRONT_READ ? BLKIF_OP_READ : BLKIF_OP_WRITE;
  return operation == r->operation || (r->operation == BLKIF_OP_INDIRECT && operation == direct);
}

static void copy_in(so_blkfront *f, const so_blkfront_request *r) {
  size_t done = 0;
  for (uint32_t page = r->first_page; page != NONE; page = f->page_next[page]) {
    const size_t left = r->len - done;
    const size_t n = left < PAGE_LEN ? left : PAGE_LEN;
    memcpy(r->call->out + r->off + done, f->pages.pages[page].ptr, n);
    done += n;
  }
}

static void answer_flush(so_blkfront *f, const so_blkfront_request *r, int16_t status) {
  so_blkfront_call *const c = r->call;
  if (status == BLKIF_RSP_EOPNOTSUPP && r->operation == BLKIF_OP_FLUSH_DISKCACHE &&
      f->features.barrier) {
    f->features.flush = false;
    c->issued = 0;
    f->issue = f->calls;  // Not `c`: another may have come back before. The rest is skipped.
    return;
  }
  if (status != BLKIF_RSP_OKAY) {
    f->stats.errors++;
    c->status = so_status_make(SO_IO, (uint16_t)-status);
    so_blkfront_flush_failed(f);
  }
}

static void answer_data(so_blkfront *f, const so_blkfront_request *r, int16_t status) {
  if (status != BLKIF_RSP_OKAY) {
    f->stats.errors++;
    r->call->status = so_status_make(SO_IO, (uint16_t)-status);
  } else if (r->call->op == SO_BLKFRONT_READ) {
    copy_in(f, r);
  }
}

// take_answer returns what is wrong with an answer, or NULL.
static const char *take_answer(so_blkfront *f, const struct blkif_response *a) {
  const uint64_t i = a->id & ((1u << ID_INDEX_BITS) - 1);
  if (i >= f->request_max || f->requests[i].call == NULL || id_of(f, (uint32_t)i) != a->id) {
    return "an answer to no request";
  }
  so_blkfront_request *const r = &f->requests[i];
  if (!is_answer_to(r, a->operation)) {
    return "an answer of another operation than its request";
  }
  if (a->status != BLKIF_RSP_OKAY && a->status != BLKIF_RSP_ERROR &&
      a->status != BLKIF_RSP_EOPNOTSUPP) {
    return "a status that does not exist";
  }
  so_blkfront_call *const c = r->call;
  if (c->op == SO_BLKFRONT_FLUSH) {
    answer_flush(f, r, a->status);
  } else {
    answer_data(f, r, a->status);
  }
  put_pages(f, r);
  put_request(f, (uint32_t)i);
  if (c->in_flight == 0 && (c->issued == c->len || !so_ok(c->status))) {
    so_blkfront_finish(f, c);
  }
  return NULL;
}

bool so_blkfront_take_answers(so_blkfront *f) {
  bool any = false;
  do {
    uint32_t count;
    if (!so_ring_ready(&f->ring, &count)) {
      so_blkfront_distrust(f, "the response index is out of range");
      return true;
    }
    for (uint32_t i = 0; i < count; i++) {
      struct blkif_response a;
      so_ring_peek(&f->ring, 0, &a, sizeof a);
      so_ring_drop(&f->ring, 1);
      const char *const wrong = take_answer(f, &a);
      if (wrong != NULL) {
        so_blkfront_distrust(f, wrong);
        return true;
      }
      any = true;
    }
  } while (so_ring_arm(&f->ring, 1));
  return any;
}
