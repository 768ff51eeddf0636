// Loading, releasing, and finding in a loaded zone.

#include "base/assert.h"
#include "base/mem.h"
#include "net/dns/wire/fold.h"
#include "net/dns/zone/internal.h"

so_status so_dns_zone_load(so_dns_zone *zone, const so_heap *heap, const so_dns_zone_text *text,
                           so_dns_zone_error *error) {
  memset(zone, 0, sizeof *zone);
  memset(error, 0, sizeof *error);
  so_arena_init(&zone->memory, heap, text->memory_limit);
  pile *const p = so_heap_alloc_array(heap, 1, sizeof *p);
  if (p == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_buf_init(&p->bytes, heap, text->memory_limit);
  so_buf_init(&p->records, heap, text->memory_limit);
  so_status s = so_zone_read_entries(text, heap, p, error);
  if (so_ok(s)) {
    s = so_zone_build(zone, p, text, error);
  }
  so_buf_release(&p->bytes);
  so_buf_release(&p->records);
  so_heap_free(heap, p, sizeof *p);
  if (!so_ok(s)) {
    so_dns_zone_release(zone);
  }
  return s;
}

void so_dns_zone_release(so_dns_zone *zone) {
  so_arena_release(&zone->memory);
  const so_arena memory = zone->memory;
  memset(zone, 0, sizeof *zone);
  zone->memory = memory;
}

// --- names ------------------------------------------------------------------------------------

static uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
  return h ^ h >> 29;
}

static uint64_t hash_label(uint64_t h, const uint8_t *label) {
  size_t left = label[0];
  h = mix(h, left);
  for (label++; left >= 8; left -= 8, label += 8) {
    h = mix(h, so_dns_fold8(so_dns_load8(label)));
  }
  uint64_t word = 0;
  for (; left != 0; left--, label++) {
    word = word << 8 | *label;
  }
  return mix(h, so_dns_fold8(word));
}

void so_dns_path_init(so_dns_path *path, so_bytes name, uint64_t seed) {
  path->name = name;
  size_t labels = 0;
  size_t at = 0;
  for (; name.ptr[at] != 0; at += (size_t)name.ptr[at] + 1) {
    SO_ASSERT(labels < SO_DNS_LABELS_MAX);
    path->at[labels++] = (uint8_t)at;
  }
  path->at[labels] = (uint8_t)at;
  path->labels = (uint8_t)labels;
  path->hashes[labels] = mix(seed, 1);
  for (size_t i = labels; i != 0; i--) {
    path->hashes[i - 1] = hash_label(path->hashes[i], name.ptr + path->at[i - 1]);
  }
}

const so_dns_node *so_dns_zone_find(const so_dns_zone *zone, const so_dns_path *path,
                                    size_t suffix) {
  const uint64_t h = path->hashes[suffix];
  const so_bytes name = so_dns_path_suffix(path, suffix);
  // Half of the slots are free, so the loop ends.
  for (size_t at = h & zone->slot_mask;; at = (at + 1) & zone->slot_mask) {
    const so_dns_slot *const slot = &zone->slots[at];
    if (slot->node == SO_DNS_NO_NODE) {
      return NULL;
    }
    if (slot->hash == (uint32_t)(h >> 32)) {
      const so_dns_node *const n = &zone->nodes[slot->node];
      if (so_dns_name_equal(so_dns_node_name(n), name)) {
        return n;
      }
    }
  }
}

const so_dns_node *so_dns_zone_encloser(const so_dns_zone *zone, const so_dns_path *path,
                                        size_t *out_suffix) {
  for (size_t i = 0; i <= path->labels; i++) {
    const so_dns_node *const n = so_dns_zone_find(zone, path, i);
    if (n != NULL) {
      *out_suffix = i;
      return n;
    }
  }
  return NULL;
}

const so_dns_rrset *so_dns_node_set(const so_dns_node *node, uint16_t type) {
  for (size_t i = 0; i < node->set_count && node->sets[i].type <= type; i++) {
    if (node->sets[i].type == type) {
      return &node->sets[i];
    }
  }
  return NULL;
}

// --- denial -----------------------------------------------------------------------------------

const so_dns_node *so_dns_zone_nsec_before(const so_dns_zone *zone, so_bytes name) {
  uint32_t from = 0;
  uint32_t to = zone->nsec_count;
  while (from < to) {
    const uint32_t middle = from + (to - from) / 2;
    const so_dns_node *const n = &zone->nodes[zone->nsecs[middle]];
    if (so_dns_name_compare(so_dns_node_name(n), name) <= 0) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from == 0 ? NULL : &zone->nodes[zone->nsecs[from - 1]];
}

const so_dns_nsec3 *so_dns_zone_nsec3_before(const so_dns_zone *zone, const uint8_t hash[20],
                                             bool *out_exact) {
  uint32_t from = 0;
  uint32_t to = zone->nsec3_count;
  *out_exact = false;
  while (from < to) {
    const uint32_t middle = from + (to - from) / 2;
    const int c = memcmp(zone->nsec3s[middle].hash, hash, 20);
    if (c == 0) {
      *out_exact = true;
      return &zone->nsec3s[middle];
    }
    if (c < 0) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  if (zone->nsec3_count == 0) {
    return NULL;
  }
  return &zone->nsec3s[(from == 0 ? zone->nsec3_count : from) - 1];
}

bool so_dns_rdata_next(so_dns_rdatas *rest, so_bytes *out) {
  if (rest->count == 0) {
    return false;
  }
  const uint16_t len = (uint16_t)(rest->ptr[0] << 8 | rest->ptr[1]);
  *out = so_bytes_of(rest->ptr + 2, len);
  rest->ptr += 2 + len;
  rest->len -= 2u + len;
  rest->count--;
  return true;
}
