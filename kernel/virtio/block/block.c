#include "kernel/virtio/block/block.h"

#include "base/assert.h"
#include "kernel/virtio/block/internal.h"

// Features (5.2.3).
#define F_SIZE_MAX (UINT64_C(1) << 1)
#define F_RO (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH (UINT64_C(1) << 9)

// The configuration (5.2.4).
#define C_CAPACITY 0u
#define C_SIZE_MAX 8u
#define C_BLK_SIZE 20u

#define UNIT_LEN_MAX 4096u
#define DESCRIPTORS_A_REQUEST 3u

static bool has(const so_virtio_block *b, uint64_t feature) {
  return (b->mmio->features & feature) != 0;
}

// unit_for gives the unit of kernel/ports/block.h that suits a device's, or 0.
static uint32_t unit_for(uint64_t blk_size) {
  if (blk_size == 0 || (blk_size & (blk_size - 1)) != 0 || blk_size > UNIT_LEN_MAX) {
    return 0;
  }
  return blk_size <= SECTOR_LEN ? SECTOR_LEN : UNIT_LEN_MAX;
}

static bool read_fields(so_virtio_block *b, uint64_t *sectors, uint64_t *size_max,
                        uint64_t *blk_size) {
  so_virtio_field fields[3] = {{C_CAPACITY, 8}};
  uint64_t *const to[3] = {sectors, has(b, F_SIZE_MAX) ? size_max : blk_size, blk_size};
  size_t count = 1;
  if (has(b, F_SIZE_MAX)) {
    fields[count++] = (so_virtio_field){C_SIZE_MAX, 4};
  }
  if (has(b, F_BLK_SIZE)) {
    fields[count++] = (so_virtio_field){C_BLK_SIZE, 4};
  }
  uint64_t values[3];
  if (!so_virtio_mmio_config(b->mmio, fields, count, values)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    *to[i] = values[i];
  }
  return true;
}

static so_status configure(so_virtio_block *b, const char **out_why) {
  uint64_t sectors;
  uint64_t size_max = UINT32_MAX;
  uint64_t blk_size = SECTOR_LEN;
  if (!read_fields(b, &sectors, &size_max, &blk_size)) {
    *out_why = "the disk's configuration never stops changing";
    return so_status_make(SO_IO, 0);
  }
  b->unit_len = unit_for(blk_size);
  if (b->unit_len == 0) {
    *out_why = "the disk has blocks of a size that is not supported: use 512 to 4096";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  if (size_max < b->unit_len) {
    *out_why = "the disk does not take a whole block at a time";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  const uint64_t cap = size_max < b->config.request_len ? size_max : b->config.request_len;
  b->request_len = (uint32_t)(cap / b->unit_len * b->unit_len);
  const uint64_t most = UINT64_MAX / SECTOR_LEN;
  b->capacity = (sectors < most ? sectors : most) * SECTOR_LEN / b->unit_len * b->unit_len;
  if (b->capacity == 0) {
    *out_why = "the disk has no sectors";
    return so_status_make(SO_LIMIT, 0);
  }
  b->flush = has(b, F_FLUSH);
  b->read_only = has(b, F_RO);
  return so_done();
}

static so_status make_queue(so_virtio_block *b, const char **out_why) {
  const so_virtio_block_config *const c = &b->config;
  SO_TRY(so_virtio_mmio_queue(b->mmio, 0, SO_VIRTQ_SIZE_MAX, c->heap, &c->pages, &b->queue, out_why));
  if (b->queue.config.size < DESCRIPTORS_A_REQUEST) {
    *out_why = "the queue of the disk is too short";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  b->headers = c->pages.take(c->pages.ctx, 1);
  if (b->headers == NULL) {
    *out_why = "no memory for a disk";
    return so_status_make(SO_LIMIT, 0);
  }
  return so_done();
}

static void give_memory(so_virtio_block *b) {
  so_virtq_release(&b->queue);
  if (b->headers != NULL) {
    b->config.pages.give(b->config.pages.ctx, b->headers, 1);
  }
  b->headers = NULL;
}

so_status so_virtio_block_start(so_virtio_block *b, so_virtio_mmio *mmio,
                                const so_virtio_block_config *config, const char **out_why) {
  SO_ASSERT(config->request_len != 0 && config->request_len % UNIT_LEN_MAX == 0 &&
            config->request_len <= SO_VIRTIO_BLOCK_REQUEST_LEN_MAX);
  *b = (so_virtio_block){.config = *config, .mmio = mmio};
  for (uint16_t i = 0; i < SO_VIRTIO_BLOCK_REQUESTS_MAX; i++) {
    const bool is_last = i + 1 == SO_VIRTIO_BLOCK_REQUESTS_MAX;
    b->requests[i].next_free = is_last ? SO_VIRTQ_NONE : (uint16_t)(i + 1);
  }
  so_status s = so_virtio_mmio_begin(mmio, F_SIZE_MAX | F_RO | F_BLK_SIZE | F_FLUSH, out_why);
  if (so_ok(s)) {
    s = configure(b, out_why);
  }
  if (so_ok(s)) {
    s = make_queue(b, out_why);
  }
  if (!so_ok(s)) {
    so_virtio_mmio_fail(mmio);
    give_memory(b);
    return s;
  }
  so_virtio_mmio_start(mmio);
  return so_done();
}

void so_virtio_block_release(so_virtio_block *b) {
  SO_ASSERT(b->in_flight == 0 && b->first == NULL);
  if (b->why == NULL) {
    b->why = "it was closed";
    so_virtio_mmio_fail(b->mmio);
  }
  give_memory(b);
}

// --- the loop -----------------------------------------------------------------------------------

bool so_virtio_block_poll(so_virtio_block *b) {
  if (b->why != NULL || !so_virtio_block_take_answers(b)) {
    return false;
  }
  if (b->why == NULL) {
    so_virtio_block_issue(b);
  }
  return true;
}

bool so_virtio_block_arm(so_virtio_block *b) {
  return b->why == NULL && b->in_flight != 0 && so_virtq_arm(&b->queue, 1);
}

void so_virtio_block_changed(so_virtio_block *b) {
  if (b->why == NULL && so_virtio_mmio_needs_reset(b->mmio)) {
    so_virtio_block_break(b, "the disk says that it failed");
  }
}

// --- the port -----------------------------------------------------------------------------------

// The device outlives the port; so_virtio_block_release ends it.
static void close_port(void *ctx) { (void)ctx; }

void so_virtio_block_open(so_virtio_block *b, so_block *out) {
  static const so_block_ops ops = {so_virtio_block_read, so_virtio_block_write,
                                   so_virtio_block_flush, close_port};
  *out = (so_block){
      .ops = &ops,
      .ctx = b,
      .capacity = b->capacity,
      .unit_len = b->unit_len,
      .read_only = b->read_only,
  };
}
