#include "kernel/virtio/queue/queue.h"

#include "base/assert.h"
#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are stored as they are");

// A descriptor (2.7.5).
typedef struct descriptor {
  uint64_t address;
  uint32_t len;
  uint16_t flags;
  uint16_t next;
} descriptor;

_Static_assert(sizeof(descriptor) == 16, "as the format has it");

#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_WRITE 2u

#define NO_NOTIFY 1u     // In the device's flags (2.7.10).
#define NO_INTERRUPT 1u  // In ours (2.7.7).

// Both rings: flags, index, entries, and one more 16-bit field of the other side's event index.
#define RING_INDEX 2u
#define RING_ENTRIES 4u
#define USED_ENTRY_LEN 8u

static size_t driver_off(uint16_t size) { return (size_t)size * sizeof(descriptor); }

static size_t device_off(uint16_t size) {
  const size_t end = driver_off(size) + RING_ENTRIES + 2u * size + 2u;
  return (end + SO_VIRTQ_ALIGN - 1) / SO_VIRTQ_ALIGN * SO_VIRTQ_ALIGN;
}

static size_t page_count(uint16_t size) {
  const size_t len = device_off(size) + RING_ENTRIES + (size_t)USED_ENTRY_LEN * size + 2u;
  return (len + SO_PAGE_LEN - 1) / SO_PAGE_LEN;
}

static descriptor *descriptor_at(const so_virtq *q, uint16_t i) {
  return (descriptor *)(void *)q->memory + i;
}

static uint16_t *ours(const so_virtq *q, size_t off) {
  return (uint16_t *)(void *)(q->memory + driver_off(q->config.size) + off);
}

static uint8_t *theirs(const so_virtq *q, size_t off) {
  return q->memory + device_off(q->config.size) + off;
}

static uint16_t load16(const uint8_t *p) {
  return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_RELAXED);
}

static uint32_t load32(const uint8_t *p) {
  return __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_RELAXED);
}

static uint16_t *used_event(const so_virtq *q) {
  return ours(q, RING_ENTRIES + 2u * q->config.size);
}

static const uint8_t *avail_event(const so_virtq *q) {
  return theirs(q, RING_ENTRIES + (size_t)USED_ENTRY_LEN * q->config.size);
}

static uint16_t device_index(const so_virtq *q) {
  const uint8_t *const p = theirs(q, RING_INDEX);
  return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

// --- life ---------------------------------------------------------------------------------------

so_status so_virtq_init(so_virtq *q, const so_virtq_config *config) {
  const uint16_t size = config->size;
  SO_ASSERT(size != 0 && (size & (size - 1)) == 0 && size <= SO_VIRTQ_SIZE_MAX);
  *q = (so_virtq){.config = *config};
  q->memory = config->pages.take(config->pages.ctx, page_count(size));
  q->slots = so_heap_alloc_array(config->heap, size, sizeof *q->slots);
  if (q->memory == NULL || q->slots == NULL) {
    so_virtq_release(q);
    return so_status_make(SO_LIMIT, 0);
  }
  memset(q->memory, 0, page_count(size) * SO_PAGE_LEN);
  for (uint16_t i = 0; i < size; i++) {
    q->slots[i].next = i + 1 < size ? (uint16_t)(i + 1) : SO_VIRTQ_NONE;
  }
  q->free_count = size;
  return so_done();
}

void so_virtq_release(so_virtq *q) {
  if (q->memory != NULL) {
    q->config.pages.give(q->config.pages.ctx, q->memory, page_count(q->config.size));
  }
  if (q->slots != NULL) {
    so_heap_free(q->config.heap, q->slots, q->config.size * sizeof *q->slots);
  }
  q->memory = NULL;
  q->slots = NULL;
}

uint64_t so_virtq_descriptors_at(const so_virtq *q) { return (uintptr_t)q->memory; }
uint64_t so_virtq_driver_at(const so_virtq *q) { return (uintptr_t)ours(q, 0); }
uint64_t so_virtq_device_at(const so_virtq *q) { return (uintptr_t)theirs(q, 0); }

// --- towards the device -------------------------------------------------------------------------

bool so_virtq_add(so_virtq *q, const so_virtq_part *parts, size_t read_count, size_t write_count,
                  uint16_t token) {
  const size_t count = read_count + write_count;
  SO_ASSERT(count != 0);
  if (count > q->free_count) {
    return false;
  }
  const uint16_t head = q->first_free;
  uint16_t at = head;
  uint32_t room = 0;
  for (size_t i = 0; i < count; i++) {
    SO_ASSERT(parts[i].len != 0 && at < q->config.size);
    const bool is_last = i + 1 == count;
    const unsigned flags = (is_last ? 0 : DESCRIPTOR_NEXT) | (i < read_count ? 0 : DESCRIPTOR_WRITE);
    const uint16_t next = q->slots[at].next;
    *descriptor_at(q, at) = (descriptor){.address = (uintptr_t)parts[i].ptr,
                                         .len = parts[i].len,
                                         .flags = (uint16_t)flags,
                                         .next = is_last ? 0 : next};
    room += i < read_count ? 0 : parts[i].len;
    at = next;
  }
  q->first_free = at;
  q->free_count = (uint16_t)(q->free_count - count);
  q->slots[head].count = (uint16_t)count;
  q->slots[head].token = token;
  q->slots[head].room = room;
  *ours(q, RING_ENTRIES + 2u * (q->added & (q->config.size - 1u))) = head;
  q->added++;
  q->in_flight++;
  return true;
}

// wants_notice: whether the device asked to hear of one of the entries from `before` on.
static bool wants_notice(const so_virtq *q, uint16_t before) {
  if (!q->config.event_idx) {
    return (load16(theirs(q, 0)) & NO_NOTIFY) == 0;
  }
  const uint16_t event = load16(avail_event(q));
  return (uint16_t)(q->pushed - event - 1) < (uint16_t)(q->pushed - before);
}

void so_virtq_push(so_virtq *q) {
  const uint16_t before = q->pushed;
  if (before == q->added) {
    return;
  }
  q->pushed = q->added;
  __atomic_store_n(ours(q, RING_INDEX), q->pushed, __ATOMIC_RELEASE);
  // The device says that it sleeps, then looks at our index: one of us sees the other.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (wants_notice(q, before)) {
    q->notified++;
    q->config.bell.ring(q->config.bell.ctx, q->config.index);
  }
}

// --- from the device ----------------------------------------------------------------------------

static so_virtq_result broken(so_virtq *q, const char *why) {
  q->why = why;
  return SO_VIRTQ_BROKEN;
}

static void free_chain(so_virtq *q, uint16_t head) {
  so_virtq_slot *const slot = &q->slots[head];
  uint16_t last = head;
  for (uint16_t i = 1; i < slot->count; i++) {
    last = q->slots[last].next;
  }
  q->free_count = (uint16_t)(q->free_count + slot->count);
  q->in_flight--;
  slot->count = 0;
  q->slots[last].next = q->first_free;
  q->first_free = head;
}

so_virtq_result so_virtq_take(so_virtq *q, uint16_t *out_token, uint32_t *out_len) {
  if (q->why != NULL) {
    return SO_VIRTQ_BROKEN;
  }
  const uint16_t ahead = (uint16_t)(device_index(q) - q->taken);
  if (ahead == 0) {
    return SO_VIRTQ_EMPTY;
  }
  if (ahead > q->in_flight) {
    return broken(q, "the device's index is out of range");
  }
  const size_t at = q->taken & (q->config.size - 1u);
  const uint8_t *const entry = theirs(q, RING_ENTRIES + USED_ENTRY_LEN * at);
  const uint32_t id = load32(entry);
  uint32_t len = load32(entry + 4);
  if (id >= q->config.size || q->slots[id].count == 0) {
    return broken(q, "the device gave back a buffer that it did not have");
  }
  if (len > q->slots[id].room) {
    if (!q->config.lenient_len) {
      return broken(q, "the device says that it wrote more than there is room for");
    }
    len = q->slots[id].room;
  }
  q->taken++;
  *out_token = q->slots[id].token;
  *out_len = len;
  free_chain(q, (uint16_t)id);
  return SO_VIRTQ_TAKEN;
}

uint16_t so_virtq_ready(const so_virtq *q) {
  return q->why != NULL ? 1 : (uint16_t)(device_index(q) - q->taken);
}

bool so_virtq_arm(so_virtq *q, uint16_t ahead) {
  SO_ASSERT(ahead != 0);
  if (q->config.event_idx) {
    // An interrupt comes when the device's index moves past this one (2.7.7.2).
    __atomic_store_n(used_event(q), (uint16_t)(q->taken + ahead - 1), __ATOMIC_RELAXED);
  } else {
    __atomic_store_n(ours(q, 0), (uint16_t)0, __ATOMIC_RELAXED);
  }
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return q->why != NULL || (uint16_t)(device_index(q) - q->taken) >= ahead;
}

void so_virtq_disarm(so_virtq *q) {
  if (q->config.event_idx) {
    // As far ahead as an index can be.
    __atomic_store_n(used_event(q), (uint16_t)(q->taken - 1), __ATOMIC_RELAXED);
  } else {
    __atomic_store_n(ours(q, 0), (uint16_t)NO_INTERRUPT, __ATOMIC_RELAXED);
  }
}
