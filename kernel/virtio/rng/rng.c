#include "kernel/virtio/rng/rng.h"

#include "base/mem.h"

static void stop(so_virtio_rng *r, const char *why) {
  r->why = why;
  so_virtio_mmio_fail(r->mmio);
  so_event_signal(r->config.sched, &r->event);
}

static void give_memory(so_virtio_rng *r) {
  so_virtq_release(&r->queue);
  if (r->page != NULL) {
    memset(r->page, 0, SO_VIRTIO_RNG_LEN);
    r->config.pages.give(r->config.pages.ctx, r->page, 1);
  }
  r->page = NULL;
}

so_status so_virtio_rng_start(so_virtio_rng *r, so_virtio_mmio *mmio,
                              const so_virtio_rng_config *config, const char **out_why) {
  *r = (so_virtio_rng){.config = *config, .mmio = mmio};
  so_status s = so_virtio_mmio_begin(mmio, 0, out_why);
  if (so_ok(s)) {
    s = so_virtio_mmio_queue(mmio, 0, 2, config->heap, &config->pages, &r->queue, out_why);
  }
  if (so_ok(s)) {
    r->page = config->pages.take(config->pages.ctx, 1);
    if (r->page == NULL) {
      *out_why = "no memory for an entropy device";
      s = so_status_make(SO_LIMIT, 0);
    }
  }
  if (!so_ok(s)) {
    so_virtio_mmio_fail(mmio);
    give_memory(r);
    return s;
  }
  so_virtio_mmio_start(mmio);
  return so_done();
}

void so_virtio_rng_release(so_virtio_rng *r) {
  if (r->why == NULL) {
    stop(r, "it was closed");
  }
  give_memory(r);
}

static void ask(so_virtio_rng *r) {
  const so_virtq_part part = {r->page, SO_VIRTIO_RNG_LEN};
  if (!r->asked && so_virtq_add(&r->queue, &part, 0, 1, 0)) {
    r->asked = true;
    so_virtq_push(&r->queue);
  }
}

size_t so_virtio_rng_read(so_virtio_rng *r, uint8_t *out, size_t len, uint64_t deadline_ns) {
  size_t done = 0;
  while (done < len && r->why == NULL) {
    if (r->have == 0) {
      ask(r);
      if (!so_ok(so_event_wait(r->config.sched, &r->event, deadline_ns)) && r->have == 0) {
        break;
      }
      continue;
    }
    const size_t left = len - done;
    const size_t some = left < r->have ? left : r->have;
    uint8_t *const from = r->page + r->have - some;
    memcpy(out + done, from, some);
    memset(from, 0, some);
    r->have -= (uint32_t)some;
    done += some;
  }
  return done;
}

bool so_virtio_rng_poll(so_virtio_rng *r) {
  uint16_t token;
  uint32_t len;
  if (r->why != NULL) {
    return false;
  }
  const so_virtq_result result = so_virtq_take(&r->queue, &token, &len);
  if (result == SO_VIRTQ_EMPTY) {
    return false;
  }
  if (result == SO_VIRTQ_BROKEN) {
    stop(r, r->queue.why);
    return true;
  }
  r->asked = false;
  if (len == 0) {
    stop(r, "the entropy device gave nothing");  // 5.4.6.2: one byte at least.
    return true;
  }
  r->have = len;
  so_event_signal(r->config.sched, &r->event);
  return true;
}

bool so_virtio_rng_arm(so_virtio_rng *r) {
  return r->why == NULL && r->asked && so_virtq_arm(&r->queue, 1);
}
