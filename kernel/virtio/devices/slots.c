// Devices of each kind: opening, and what all of them are asked at each turn.

#include "base/mem.h"
#include "kernel/machine/metric_sum.h"
#include "kernel/virtio/devices/internal.h"

#define MIB (UINT64_C(1) << 20)
#define REQUEST_LEN (256u * 1024)
#define ANSWER_NS (60 * SO_NS_PER_S)
#define RANDOM_NS (1 * SO_NS_PER_S)
#define DISK_NAME_LEN 3u  // vda to vdz.

// --- finding ------------------------------------------------------------------------------------

// slot_at finds the device number `index` of those with `device_id`, or NULL.
static virtio_slot *slot_at(uint32_t device_id, unsigned index) {
  for (size_t i = 0; i < virtio.slot_count; i++) {
    if (virtio.slots[i].mmio.device_id == device_id && index-- == 0) {
      return &virtio.slots[i];
    }
  }
  return NULL;
}

static so_status find(uint32_t device_id, unsigned index, virtio_slot **out, const char **out_why) {
  *out = slot_at(device_id, index);
  if (*out == NULL) {
    *out_why = virtio_platform_hint;
    return so_status_make(SO_NOT_FOUND, 0);
  }
  if ((*out)->tried) {
    *out_why = "it was opened before";
    return so_status_make(SO_CONFLICT, 0);
  }
  (*out)->tried = true;
  return so_done();
}

static so_status no_memory(const char **out_why) {
  *out_why = "not enough memory for a device";
  return so_status_make(SO_LIMIT, 0);
}

// --- opening ------------------------------------------------------------------------------------

// A locally administered address for a device that comes without one.
static void make_mac(uint8_t out[SO_MAC_LEN]) {
  const uint64_t ticks = so_machine_ticks();
  if (!so_machine_random(out, SO_MAC_LEN)) {
    memcpy(out, &ticks, SO_MAC_LEN);
  }
  out[0] = (uint8_t)((out[0] & 0xfc) | 2);
}

// rx_pages: an eighth of a small machine at most.
static uint32_t rx_pages(void) {
  return virtio.ram_len < 8 * MIB ? 48 : virtio.ram_len < 32 * MIB ? 128 : SO_VIRTIO_NET_RX_PAGES_MAX;
}

so_status so_devices_net(unsigned index, so_netdev *out, const char **out_why) {
  const so_devices_config *const c = &virtio.config;
  virtio_slot *slot;
  SO_TRY(find(SO_VIRTIO_ID_NET, index, &slot, out_why));
  so_virtio_net_config config = {
      .sched = c->sched, .heap = c->heap, .pages = c->pages, .rx_pages = rx_pages()};
  make_mac(config.own_mac);
  so_virtio_net *const n = so_heap_alloc(c->heap, sizeof *n);
  if (n == NULL) {
    return no_memory(out_why);
  }
  const so_status s = so_virtio_net_start(n, &slot->mmio, &config, out_why);
  if (!so_ok(s)) {
    so_heap_free(c->heap, n, sizeof *n);
    return s;
  }
  slot->net = n;
  slot->kind = VIRTIO_NET;
  so_virtio_net_open(n, out);
  return so_done();
}

// disk_index gives the number of the disk called `name`; false: no disk is called so.
static bool disk_index(so_bytes name, unsigned *out) {
  *out = 0;
  if (name.len == 0) {
    return true;
  }
  if (name.len != DISK_NAME_LEN || name.ptr[0] != 'v' || name.ptr[1] != 'd' || name.ptr[2] < 'a' ||
      name.ptr[2] > 'z') {
    return false;
  }
  *out = (unsigned)(name.ptr[2] - 'a');
  return true;
}

so_status so_devices_block(so_bytes name, so_block *out, const char **out_why) {
  const so_devices_config *const c = &virtio.config;
  virtio_slot *slot;
  unsigned index;
  if (!disk_index(name, &index)) {
    *out_why = "disks are called vda to vdz, in the order of their virtio_mmio.device=";
    return so_status_make(SO_NOT_FOUND, 0);
  }
  SO_TRY(find(SO_VIRTIO_ID_BLOCK, index, &slot, out_why));
  const so_virtio_block_config config = {.sched = c->sched,
                                         .clock = c->clock,
                                         .heap = c->heap,
                                         .pages = c->pages,
                                         .request_len = REQUEST_LEN,
                                         .answer_ns = ANSWER_NS};
  so_virtio_block *const b = so_heap_alloc(c->heap, sizeof *b);
  if (b == NULL) {
    return no_memory(out_why);
  }
  const so_status s = so_virtio_block_start(b, &slot->mmio, &config, out_why);
  if (!so_ok(s)) {
    so_heap_free(c->heap, b, sizeof *b);
    return s;
  }
  slot->block = b;
  slot->kind = VIRTIO_BLOCK;
  so_virtio_block_open(b, out);
  return so_done();
}

// --- randomness ---------------------------------------------------------------------------------

static virtio_slot *open_rng(void) {
  const so_devices_config *const c = &virtio.config;
  const so_virtio_rng_config config = {c->sched, c->heap, c->pages};
  virtio_slot *const slot = slot_at(SO_VIRTIO_ID_ENTROPY, 0);
  const char *why = "";
  if (slot == NULL || slot->tried) {
    return slot != NULL && slot->kind == VIRTIO_RNG ? slot : NULL;
  }
  slot->tried = true;
  so_virtio_rng *const r = so_heap_alloc(c->heap, sizeof *r);
  if (r == NULL) {
    return NULL;
  }
  if (!so_ok(so_virtio_rng_start(r, &slot->mmio, &config, &why))) {
    so_heap_free(c->heap, r, sizeof *r);
    return NULL;
  }
  slot->rng = r;
  slot->kind = VIRTIO_RNG;
  return slot;
}

size_t so_devices_random(uint8_t *out, size_t len) {
  virtio_slot *const slot = open_rng();
  if (slot == NULL) {
    return 0;
  }
  return so_virtio_rng_read(slot->rng, out, len, so_clock_now(&virtio.config.clock) + RANDOM_NS);
}

// --- the loop -----------------------------------------------------------------------------------

static const char *broken(const virtio_slot *slot) {
  switch (slot->kind) {
    case VIRTIO_UNUSED: return NULL;
    case VIRTIO_NET: return slot->net->stats.broken != 0 ? slot->net->why : NULL;
    case VIRTIO_BLOCK: return slot->block->why;
    case VIRTIO_RNG: return slot->rng->why;
  }
  return NULL;
}

static void tell(virtio_slot *slot) {
  const char *const why = broken(slot);
  if (why != NULL && !slot->was_told) {
    slot->was_told = true;
    so_devices_console_write(so_str("virtio: a device is not used any more: "));
    so_devices_console_write(so_str(why));
    so_devices_console_write(so_str("\n"));
  }
}

bool virtio_slot_poll(virtio_slot *slot) {
  bool any = false;
  switch (slot->kind) {
    case VIRTIO_UNUSED: return false;
    case VIRTIO_NET:
      any = so_virtio_net_poll(slot->net);
      break;
    case VIRTIO_BLOCK:
      any = so_virtio_block_poll(slot->block);
      break;
    case VIRTIO_RNG:
      any = so_virtio_rng_poll(slot->rng);
      break;
  }
  tell(slot);
  return any;
}

bool virtio_slot_arm(virtio_slot *slot) {
  switch (slot->kind) {
    case VIRTIO_UNUSED: return false;
    case VIRTIO_NET: return so_virtio_net_arm(slot->net);
    case VIRTIO_BLOCK: return so_virtio_block_arm(slot->block);
    case VIRTIO_RNG: return so_virtio_rng_arm(slot->rng);
  }
  return false;
}

void so_devices_metrics(so_metric_visit *visit, void *visit_ctx) {
  so_metric_sum net = {.count = 0};
  so_metric_sum block = {.count = 0};
  for (size_t i = 0; i < virtio.slot_count; i++) {
    const virtio_slot *const slot = &virtio.slots[i];
    if (slot->kind == VIRTIO_NET) {
      so_virtio_net_metrics(slot->net, so_metric_sum_visit, &net);
    } else if (slot->kind == VIRTIO_BLOCK) {
      so_virtio_block_metrics(slot->block, so_metric_sum_visit, &block);
    }
  }
  so_metric_sum_each(&net, visit, visit_ctx);
  so_metric_sum_each(&block, visit, visit_ctx);
}
