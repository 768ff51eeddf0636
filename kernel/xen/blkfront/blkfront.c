#include "kernel/xen/blkfront/blkfront.h"

#include "base/assert.h"
#include "kernel/xen/blkfront/internal.h"

// The slots of the ring; blkfront_test.cc compares with what the macros of ring.h make.
#define ENTRY_LEN ((uint32_t)sizeof(union blkif_sring_entry))

// --- connections ----------------------------------------------------------------------------

void so_blkfront_notify(so_blkfront *f) {
  f->stats.notified++;
  f->peer.channel.notify(f->peer.channel.ctx);
}

void so_blkfront_break(so_blkfront *f, const char *why) {
  if (f->state == SO_BLKFRONT_CONNECTED) {
    f->state = SO_BLKFRONT_BROKEN;
    f->why = why;
    f->down_since_ns = so_clock_now(&f->config.clock);
    f->stats.broken++;
  }
}

void so_blkfront_distrust(so_blkfront *f, const char *why) {
  f->distrusted = true;
  so_blkfront_break(f, why);
}

static void end_grants(so_blkfront *f) {
  so_share_pool_end(&f->pages);
  so_share_ring_end(&f->ring_memory);
}

static so_status make_grants_of(so_blkfront *f, uint32_t order) {
  SO_TRY(so_share_ring_grant(&f->ring_memory, f->peer.domid, 1u << order));
  return so_share_pool_grant(&f->pages, f->peer.domid, 2);
}

// make_grants takes a smaller ring when a large one is not to be had.
static so_status make_grants(so_blkfront *f, uint32_t order) {
  for (;; order--) {
    const so_status s = make_grants_of(f, order);
    if (so_ok(s)) {
      return s;
    }
    end_grants(f);
    if (order == 0) {
      return s;
    }
  }
}

static so_status publish(void *ctx, const so_xen_peer *peer, const so_xen_keys *back,
                         const so_xen_keys *front, const so_xen_writer *out,
                         const char **out_why) {
  so_blkfront *const f = ctx;
  SO_ASSERT(f->state == SO_BLKFRONT_DOWN);
  f->peer = *peer;
  f->handle = so_blkfront_handle(front);
  const so_status s = make_grants(f, so_blkfront_ring_order(f, back));
  if (!so_ok(s)) {
    *out_why = "no pages or grant references for the ring, or the last back end keeps ours mapped";
    return s;
  }
  const so_share_block *const memory = f->ring_memory.current;
  so_ring_init(&f->ring, memory->pages, (size_t)memory->count * PAGE_LEN, ENTRY_LEN);
  so_blkfront_write_keys(f, out);
  f->state = SO_BLKFRONT_WAITING;
  return so_done();
}

// fits says whether the disk can take the place of the one that is open.
static bool fits(const so_blkfront *f, const so_blkfront_features *now) {
  const so_blkfront_features *const was = &f->features;
  return !f->opened || (now->capacity >= was->capacity && now->unit_len == was->unit_len &&
                        (was->read_only || !now->read_only));
}

static so_status connect(void *ctx, const so_xen_keys *back, const char **out_why) {
  so_blkfront *const f = ctx;
  SO_ASSERT(f->state == SO_BLKFRONT_WAITING);
  so_blkfront_features now;
  SO_TRY(so_blkfront_read_properties(back, &now, out_why));
  if (!fits(f, &now)) {
    *out_why = "the disk came back smaller, read-only or with other sectors: restart the domain";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  f->features = now;
  f->distrusted = false;
  f->state = SO_BLKFRONT_CONNECTED;
  f->stats.connected++;
  so_blkfront_issue(f);
  return so_done();
}

static bool poll(void *ctx) {
  so_blkfront *const f = ctx;
  if (f->state != SO_BLKFRONT_CONNECTED) {
    return false;
  }
  const bool any = so_blkfront_take_answers(f);
  if (any) {
    so_blkfront_issue(f);
  }
  return any;
}

static bool broken(const void *ctx, const char **out_why) {
  const so_blkfront *const f = ctx;
  *out_why = f->why;
  return f->state == SO_BLKFRONT_BROKEN;
}

static void disconnect(void *ctx, so_front_loss how) {
  so_blkfront *const f = ctx;
  if (f->state == SO_BLKFRONT_FAILED || f->state == SO_BLKFRONT_DOWN) {
    return;
  }
  const bool lost = how == SO_FRONT_LOST || f->distrusted;
  if (lost && f->state != SO_BLKFRONT_WAITING && f->written_epoch != f->flushed_epoch) {
    f->stats.lost_writes += !f->write_failed;
    f->write_failed = true;
  }
  if (f->state == SO_BLKFRONT_CONNECTED) {
    f->down_since_ns = so_clock_now(&f->config.clock);
  }
  f->state = SO_BLKFRONT_DOWN;
  so_blkfront_forget(f);
  end_grants(f);
  so_blkfront_restart(f);
}

static void fail(void *ctx) {
  so_blkfront *const f = ctx;
  disconnect(f, SO_FRONT_LOST);
  f->state = SO_BLKFRONT_FAILED;
  so_blkfront_fail_calls(f);
}

// --- life -----------------------------------------------------------------------------------

so_status so_blkfront_init(so_blkfront *f, const so_blkfront_config *config) {
  SO_ASSERT(config->data_pages >= 2 && config->data_pages <= SO_BLKFRONT_PAGES_MAX);
  SO_ASSERT(config->request_pages >= 1 && config->request_pages <= SO_BLKFRONT_REQUEST_PAGES_MAX);
  SO_ASSERT(config->ring_order <= SO_BLKFRONT_RING_ORDER_MAX);
  *f = (so_blkfront){.config = *config};
  so_share_ring_init(&f->ring_memory, &config->grants);
  f->request_max = so_ring_entries((size_t)PAGE_LEN << config->ring_order, ENTRY_LEN);
  f->requests = so_heap_alloc_array(config->heap, f->request_max, sizeof *f->requests);
  f->page_next = so_heap_alloc_array(config->heap, config->data_pages, sizeof *f->page_next);
  so_status s = so_status_make(SO_LIMIT, 0);
  if (f->requests != NULL && f->page_next != NULL) {
    s = so_share_pool_init(&f->pages, config->heap, &config->grants, config->data_pages, false);
  }
  if (!so_ok(s)) {
    so_blkfront_release(f);
    return s;
  }
  so_blkfront_forget(f);
  return so_done();
}

void so_blkfront_release(so_blkfront *f) {
  SO_ASSERT(f->calls == NULL);
  if (f->state != SO_BLKFRONT_DOWN) {
    disconnect(f, SO_FRONT_CLOSED);
  }
  so_share_pool_release(&f->pages);
  so_heap_free(f->config.heap, f->requests, f->request_max * sizeof *f->requests);
  so_heap_free(f->config.heap, f->page_next, f->config.data_pages * sizeof *f->page_next);
  f->requests = NULL;
  f->page_next = NULL;
}

so_front so_blkfront_front(so_blkfront *f) {
  static const so_front_ops ops = {publish, connect, poll, broken, disconnect, fail};
  return (so_front){.ops = &ops, .ctx = f};
}

// What is shared outlives the port; so_blkfront_release ends it.
static void close_port(void *ctx) { (void)ctx; }

so_status so_blkfront_open(so_blkfront *f, so_block *out) {
  static const so_block_ops ops = {so_blkfront_read, so_blkfront_write, so_blkfront_flush,
                                   close_port};
  if (f->stats.connected == 0) {
    return so_status_make(SO_CONFLICT, 0);
  }
  f->opened = true;
  *out = (so_block){
      .ops = &ops,
      .ctx = f,
      .capacity = f->features.capacity,
      .unit_len = f->features.unit_len,
      .read_only = f->features.read_only,
  };
  return so_done();
}
