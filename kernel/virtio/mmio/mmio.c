#include "kernel/virtio/mmio/mmio.h"

#include "base/assert.h"

// Registers (4.2.2, table 4.1; the legacy ones 4.2.4, table 4.2).
#define R_MAGIC 0x000u
#define R_VERSION 0x004u
#define R_DEVICE_ID 0x008u
#define R_DEVICE_FEATURES 0x010u
#define R_DEVICE_FEATURES_SEL 0x014u
#define R_DRIVER_FEATURES 0x020u
#define R_DRIVER_FEATURES_SEL 0x024u
#define R_GUEST_PAGE_SIZE 0x028u  // Legacy.
#define R_QUEUE_SEL 0x030u
#define R_QUEUE_NUM_MAX 0x034u
#define R_QUEUE_NUM 0x038u
#define R_QUEUE_ALIGN 0x03cu  // Legacy.
#define R_QUEUE_PFN 0x040u    // Legacy.
#define R_QUEUE_READY 0x044u
#define R_QUEUE_NOTIFY 0x050u
#define R_INTERRUPT_STATUS 0x060u
#define R_INTERRUPT_ACK 0x064u
#define R_STATUS 0x070u
#define R_QUEUE_DESC 0x080u  // Low half; the high one follows. So for the next two.
#define R_QUEUE_DRIVER 0x090u
#define R_QUEUE_DEVICE 0x0a0u
#define R_CONFIG_GENERATION 0x0fcu
#define R_CONFIG 0x100u

#define MAGIC 0x74726976u  // "virt"
#define VERSION_LEGACY 1u
#define VERSION_MODERN 2u

// Device status (2.1).
#define S_ACKNOWLEDGE 1u
#define S_DRIVER 2u
#define S_DRIVER_OK 4u
#define S_FEATURES_OK 8u
#define S_NEEDS_RESET 64u
#define S_FAILED 128u

// A reset is done at once by every device that we know; this many reads are some milliseconds.
#define RESET_READS 10000u

static uint32_t get(const so_virtio_mmio *m, uint32_t off) {
  return m->registers.read(m->registers.ctx, off, 4);
}

static void put(const so_virtio_mmio *m, uint32_t off, uint32_t value) {
  m->registers.write32(m->registers.ctx, off, value);
}

static void put64(const so_virtio_mmio *m, uint32_t off, uint64_t value) {
  put(m, off, (uint32_t)value);
  put(m, off + 4, (uint32_t)(value >> 32));
}

static void add_status(const so_virtio_mmio *m, uint32_t bits) {
  put(m, R_STATUS, get(m, R_STATUS) | bits);
}

so_status so_virtio_mmio_probe(so_virtio_mmio *m, const so_virtio_registers *r) {
  *m = (so_virtio_mmio){.registers = *r};
  if (get(m, R_MAGIC) != MAGIC) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  const uint32_t version = get(m, R_VERSION);
  if (version != VERSION_LEGACY && version != VERSION_MODERN) {
    return so_status_make(SO_UNSUPPORTED, (uint16_t)version);
  }
  m->legacy = version == VERSION_LEGACY;
  m->device_id = get(m, R_DEVICE_ID);
  return m->device_id == 0 ? so_status_make(SO_NOT_FOUND, 0) : so_done();
}

// --- features -----------------------------------------------------------------------------------

static uint64_t offered(const so_virtio_mmio *m) {
  put(m, R_DEVICE_FEATURES_SEL, 1);
  const uint64_t high = get(m, R_DEVICE_FEATURES);
  put(m, R_DEVICE_FEATURES_SEL, 0);
  // What a legacy device says of the bits that it does not have means nothing.
  return (m->legacy ? 0 : high << 32) | get(m, R_DEVICE_FEATURES);
}

static void accept(so_virtio_mmio *m, uint64_t features) {
  m->features = features;
  put(m, R_DRIVER_FEATURES_SEL, 1);
  put(m, R_DRIVER_FEATURES, (uint32_t)(features >> 32));
  put(m, R_DRIVER_FEATURES_SEL, 0);
  put(m, R_DRIVER_FEATURES, (uint32_t)features);
}

static so_status refuse(so_virtio_mmio *m, const char *why, const char **out_why) {
  *out_why = why;
  add_status(m, S_FAILED);
  return so_status_make(SO_UNSUPPORTED, 0);
}

so_status so_virtio_mmio_begin(so_virtio_mmio *m, uint64_t wanted, const char **out_why) {
  if (!so_virtio_mmio_reset(m)) {
    *out_why = "the device does not come back from a reset";
    return so_status_make(SO_IO, 0);
  }
  add_status(m, S_ACKNOWLEDGE);
  add_status(m, S_DRIVER);
  const uint64_t all = offered(m);
  uint64_t want = wanted | SO_VIRTIO_F_EVENT_IDX;
  if (m->legacy) {
    // Legacy devices may have been made before headers could share a descriptor; ours never do.
    want |= SO_VIRTIO_F_ANY_LAYOUT;
  } else if ((all & SO_VIRTIO_F_VERSION_1) == 0) {
    return refuse(m, "the device is not legacy, and does not offer version 1", out_why);
  } else {
    // An address translation that is offered must be taken (6.1); we have physical addresses, which is
    // what it takes where nobody set up another translation.
    want |= SO_VIRTIO_F_VERSION_1 | SO_VIRTIO_F_ACCESS_PLATFORM;
  }
  accept(m, all & want);
  if (m->legacy) {
    put(m, R_GUEST_PAGE_SIZE, SO_PAGE_LEN);
    return so_done();
  }
  add_status(m, S_FEATURES_OK);
  if ((get(m, R_STATUS) & S_FEATURES_OK) == 0) {
    return refuse(m, "the device refuses features that it offers", out_why);
  }
  return so_done();
}

// --- queues -------------------------------------------------------------------------------------

static void ring_bell(void *ctx, uint16_t index) {
  const so_virtio_mmio *const m = ctx;
  put(m, R_QUEUE_NOTIFY, index);
}

static void show_queue(const so_virtio_mmio *m, const so_virtq *q) {
  put(m, R_QUEUE_NUM, q->config.size);
  if (m->legacy) {
    put(m, R_QUEUE_ALIGN, SO_VIRTQ_ALIGN);
    put(m, R_QUEUE_PFN, (uint32_t)(so_virtq_descriptors_at(q) / SO_PAGE_LEN));
    return;
  }
  put64(m, R_QUEUE_DESC, so_virtq_descriptors_at(q));
  put64(m, R_QUEUE_DRIVER, so_virtq_driver_at(q));
  put64(m, R_QUEUE_DEVICE, so_virtq_device_at(q));
  put(m, R_QUEUE_READY, 1);
}

// size_for is the largest power of two that both sides take.
static uint16_t size_for(uint32_t device_max, uint16_t size_max) {
  uint32_t size = SO_VIRTQ_SIZE_MAX;
  while (size > device_max || size > size_max) {
    size /= 2;
  }
  return (uint16_t)size;
}

so_status so_virtio_mmio_queue(so_virtio_mmio *m, uint16_t index, uint16_t size_max,
                               const so_heap *heap, const so_pages_port *pages, so_virtq *q,
                               const char **out_why) {
  SO_ASSERT(size_max != 0);
  put(m, R_QUEUE_SEL, index);
  if (get(m, m->legacy ? R_QUEUE_PFN : R_QUEUE_READY) != 0) {
    *out_why = "a queue of the device is in use after a reset";
    return so_status_make(SO_CONFLICT, 0);
  }
  const uint16_t size = size_for(get(m, R_QUEUE_NUM_MAX), size_max);
  if (size == 0) {
    *out_why = "the device lacks a queue";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  const so_virtq_config config = {
      .index = index,
      .size = size,
      .event_idx = (m->features & SO_VIRTIO_F_EVENT_IDX) != 0,
      .lenient_len = m->legacy,
      .heap = heap,
      .pages = *pages,
      .bell = {ring_bell, m},
  };
  so_status s = so_virtq_init(q, &config);
  if (so_ok(s) && m->legacy && so_virtq_descriptors_at(q) / SO_PAGE_LEN > UINT32_MAX) {
    so_virtq_release(q);
    s = so_status_make(SO_LIMIT, 0);
  }
  if (!so_ok(s)) {
    *out_why = "no memory for a queue";
    return s;
  }
  show_queue(m, q);
  return so_done();
}

// --- life ---------------------------------------------------------------------------------------

void so_virtio_mmio_start(so_virtio_mmio *m) { add_status(m, S_DRIVER_OK); }

bool so_virtio_mmio_reset(so_virtio_mmio *m) {
  put(m, R_STATUS, 0);
  for (unsigned i = 0; i < RESET_READS; i++) {
    if (get(m, R_STATUS) == 0) {
      return true;
    }
  }
  return false;
}

void so_virtio_mmio_fail(so_virtio_mmio *m) {
  add_status(m, S_FAILED);
  (void)so_virtio_mmio_reset(m);
}

uint32_t so_virtio_mmio_interrupts(so_virtio_mmio *m) {
  const uint32_t why = get(m, R_INTERRUPT_STATUS);
  if (why != 0) {
    put(m, R_INTERRUPT_ACK, why);
  }
  return why;
}

bool so_virtio_mmio_needs_reset(const so_virtio_mmio *m) {
  return (get(m, R_STATUS) & S_NEEDS_RESET) != 0;
}

// --- configuration ------------------------------------------------------------------------------

static uint64_t read_field(const so_virtio_mmio *m, const so_virtio_field *f) {
  const so_virtio_registers *const r = &m->registers;
  if (f->len != 8) {
    return r->read(r->ctx, R_CONFIG + f->off, f->len);
  }
  const uint64_t low = r->read(r->ctx, R_CONFIG + f->off, 4);
  return low | (uint64_t)r->read(r->ctx, R_CONFIG + f->off + 4, 4) << 32;
}

bool so_virtio_mmio_config(const so_virtio_mmio *m, const so_virtio_field *fields, size_t count,
                           uint64_t *out) {
  for (unsigned i = 0; i < SO_VIRTIO_CONFIG_TRIES; i++) {
    const uint32_t before = m->legacy ? 0 : get(m, R_CONFIG_GENERATION);
    for (size_t k = 0; k < count; k++) {
      out[k] = read_field(m, &fields[k]);
    }
    if (m->legacy || get(m, R_CONFIG_GENERATION) == before) {
      return true;
    }
  }
  return false;
}
