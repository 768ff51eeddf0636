#include "tests/sim/block.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tests/sim/random.h"

// One write of one unit that no flush has covered.
typedef struct version {
  struct version *older;
  uint8_t bytes[];
} version;

typedef struct unit {
  uint64_t index;  // The offset divided by unit_len.
  bool used;
  bool dirty;        // In `dirty` of the device.
  uint8_t *durable;  // NULL: zeros.
  version *newest;
} unit;

struct so_sim_block {
  uint64_t capacity;
  uint32_t unit_len;
  unit *units;  // Open addressing, a power of two of places, at most half used.
  size_t unit_cap;
  size_t unit_count;
  uint64_t *dirty;  // Indexes of units with versions.
  size_t dirty_cap;
  size_t dirty_count;
  uint64_t medium_limit;
  uint64_t end;
  bool failed;   // A flush failed: writes and flushes fail.
  bool powered;  // False after SO_SIM_FAULT_POWER.
  uint64_t fault_in;
  unsigned fault_ops;
  so_sim_fault fault;
  bool fired;
  uint64_t random;
  so_sim_block_stats stats;
  void (*hook)(void *ctx, so_sim_block_op op, uint64_t offset, size_t len);
  void *hook_ctx;
};

static void *must_alloc(size_t count, size_t size) {
  void *const p = calloc(count, size);
  SO_ASSERT(p != NULL);
  return p;
}

// --- the table of units -----------------------------------------------------------------------

static unit *find_place(unit *units, size_t cap, uint64_t index) {
  size_t at = (size_t)so_sim_mix(index) & (cap - 1);
  while (units[at].used && units[at].index != index) {
    at = (at + 1) & (cap - 1);
  }
  return &units[at];
}

static void grow(so_sim_block *b) {
  const size_t cap = b->unit_cap * 2;
  unit *const units = must_alloc(cap, sizeof *units);
  for (size_t i = 0; i < b->unit_cap; i++) {
    if (b->units[i].used) {
      *find_place(units, cap, b->units[i].index) = b->units[i];
    }
  }
  free(b->units);
  b->units = units;
  b->unit_cap = cap;
}

static unit *unit_get(const so_sim_block *b, uint64_t index) {
  unit *const u = find_place(b->units, b->unit_cap, index);
  return u->used ? u : NULL;
}

static unit *unit_make(so_sim_block *b, uint64_t index) {
  if (b->unit_count * 2 >= b->unit_cap) {
    grow(b);
  }
  unit *const u = find_place(b->units, b->unit_cap, index);
  if (!u->used) {
    u->used = true;
    u->index = index;
    b->unit_count++;
  }
  const uint64_t end = (index + 1) * b->unit_len;
  b->end = end > b->end ? end : b->end;
  return u;
}

static const uint8_t *unit_bytes(const unit *u) {
  if (u == NULL) {
    return NULL;
  }
  return u->newest != NULL ? u->newest->bytes : u->durable;
}

static void mark_dirty(so_sim_block *b, unit *u) {
  if (u->dirty) {
    return;
  }
  if (b->dirty_count == b->dirty_cap) {
    b->dirty_cap = b->dirty_cap == 0 ? 64 : b->dirty_cap * 2;
    b->dirty = realloc(b->dirty, b->dirty_cap * sizeof *b->dirty);
    SO_ASSERT(b->dirty != NULL);
  }
  b->dirty[b->dirty_count++] = u->index;
  u->dirty = true;
}

static void unit_write(so_sim_block *b, uint64_t index, const uint8_t *bytes) {
  unit *const u = unit_make(b, index);
  version *const v = must_alloc(1, sizeof *v + b->unit_len);
  memcpy(v->bytes, bytes, b->unit_len);
  v->older = u->newest;
  u->newest = v;
  mark_dirty(b, u);
  b->stats.units_pending++;
}

static void unit_make_durable(so_sim_block *b, unit *u, const uint8_t *bytes) {
  if (u->durable == NULL) {
    u->durable = must_alloc(1, b->unit_len);
  }
  memcpy(u->durable, bytes, b->unit_len);
}

static void unit_drop_versions(unit *u) {
  while (u->newest != NULL) {
    version *const v = u->newest;
    u->newest = v->older;
    free(v);
  }
  u->dirty = false;
}

// --- life cycle -------------------------------------------------------------------------------

so_sim_block *so_sim_block_make(uint64_t capacity, uint32_t unit_len) {
  SO_ASSERT(unit_len == 512 || unit_len == 4096);
  SO_ASSERT(capacity % unit_len == 0);
  so_sim_block *const b = must_alloc(1, sizeof *b);
  b->capacity = capacity;
  b->unit_len = unit_len;
  b->unit_cap = 64;
  b->units = must_alloc(b->unit_cap, sizeof *b->units);
  b->medium_limit = UINT64_MAX;
  b->powered = true;
  return b;
}

void so_sim_block_free(so_sim_block *b) {
  if (b == NULL) {
    return;
  }
  for (size_t i = 0; i < b->unit_cap; i++) {
    unit_drop_versions(&b->units[i]);
    free(b->units[i].durable);
  }
  free(b->units);
  free(b->dirty);
  free(b);
}

static version *copy_versions(const version *from, uint32_t unit_len) {
  version *newest = NULL;
  version **link = &newest;
  for (; from != NULL; from = from->older) {
    version *const v = must_alloc(1, sizeof *v + unit_len);
    memcpy(v->bytes, from->bytes, unit_len);
    *link = v;
    link = &v->older;
  }
  return newest;
}

so_sim_block *so_sim_block_clone(const so_sim_block *b) {
  so_sim_block *const copy = must_alloc(1, sizeof *copy);
  *copy = *b;
  copy->hook = NULL;
  copy->fault_in = 0;
  copy->units = must_alloc(b->unit_cap, sizeof *b->units);
  for (size_t i = 0; i < b->unit_cap; i++) {
    unit *const u = &copy->units[i];
    *u = b->units[i];
    u->newest = copy_versions(b->units[i].newest, b->unit_len);
    if (u->durable != NULL) {
      u->durable = must_alloc(1, b->unit_len);
      memcpy(u->durable, b->units[i].durable, b->unit_len);
    }
  }
  copy->dirty_cap = b->dirty_count;
  copy->dirty = NULL;
  if (b->dirty_count != 0) {
    copy->dirty = must_alloc(b->dirty_count, sizeof *b->dirty);
    memcpy(copy->dirty, b->dirty, b->dirty_count * sizeof *b->dirty);
  }
  return copy;
}

// --- power ------------------------------------------------------------------------------------

// survivor picks what the medium holds of a unit: NULL for its durable bytes.
static const version *survivor(const unit *u, uint64_t seed, uint64_t *random) {
  if (seed == 0) {
    return NULL;
  }
  if (seed == 1) {
    return u->newest;
  }
  uint64_t count = 0;
  for (const version *v = u->newest; v != NULL; v = v->older) {
    count++;
  }
  // The odds differ by seed, so that some crashes lose nearly all and some nearly nothing.
  const uint64_t lost_of_8 = so_sim_mix(seed) % 9;
  if (so_sim_next(random) % 8 < lost_of_8) {
    return NULL;
  }
  uint64_t skip = so_sim_next(random) % 4 == 0 ? so_sim_next(random) % count : 0;
  const version *v = u->newest;
  while (skip-- != 0) {
    v = v->older;
  }
  return v;
}

void so_sim_block_crash(so_sim_block *b, uint64_t seed) {
  uint64_t random = seed;
  for (size_t i = 0; i < b->dirty_count; i++) {
    unit *const u = unit_get(b, b->dirty[i]);
    const version *const v = survivor(u, seed, &random);
    if (v != NULL) {
      unit_make_durable(b, u, v->bytes);
    }
    unit_drop_versions(u);
  }
  b->dirty_count = 0;
  b->stats.units_pending = 0;
  b->failed = false;
  b->powered = true;
  b->fault_in = 0;
}

void so_sim_block_fault_at(so_sim_block *b, uint64_t nth, unsigned ops, so_sim_fault fault,
                           uint64_t seed) {
  b->fault_in = nth;
  b->fault_ops = ops;
  b->fault = fault;
  b->fired = false;
  b->random = seed;
}

bool so_sim_block_fault_fired(const so_sim_block *b) { return b->fired; }

void so_sim_block_limit(so_sim_block *b, uint64_t bytes) { b->medium_limit = bytes; }

// --- the port ---------------------------------------------------------------------------------

// begin counts the I/O and says whether the armed fault strikes it.
static bool begin(so_sim_block *b, so_sim_block_op op, uint64_t offset, size_t len) {
  if (b->hook != NULL) {
    b->hook(b->hook_ctx, op, offset, len);
  }
  const bool counts = b->fault_ops == 0 || (b->fault_ops & (1u << op)) != 0;
  if (b->fault_in == 0 || !counts || --b->fault_in != 0) {
    return false;
  }
  b->fired = true;
  if (b->fault == SO_SIM_FAULT_POWER) {
    b->powered = false;
  }
  return true;
}

static bool in_range(const so_sim_block *b, uint64_t offset, size_t len) {
  return offset % b->unit_len == 0 && len % b->unit_len == 0 && offset <= b->capacity &&
         len <= b->capacity - offset;
}

static so_status sim_read(void *ctx, uint64_t offset, uint8_t *out, size_t len) {
  so_sim_block *const b = ctx;
  const bool strikes = begin(b, SO_SIM_READ, offset, len);
  if (!in_range(b, offset, len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (!b->powered || (strikes && b->fault == SO_SIM_FAULT_IO)) {
    return so_status_make(SO_IO, 0);
  }
  so_sim_block_peek(b, offset, out, len);
  if (strikes && b->fault == SO_SIM_FAULT_FLIP && len != 0) {
    const uint64_t bit = so_sim_next(&b->random) % ((uint64_t)len * 8);
    out[bit / 8] = (uint8_t)(out[bit / 8] ^ (1u << (bit % 8)));
  }
  b->stats.reads++;
  b->stats.bytes_read += len;
  return so_done();
}

static bool fits_medium(const so_sim_block *b, uint64_t offset, size_t len) {
  uint64_t fresh = 0;
  for (size_t at = 0; b->medium_limit != UINT64_MAX && at < len; at += b->unit_len) {
    fresh += unit_get(b, (offset + at) / b->unit_len) == NULL;
  }
  return (b->unit_count + fresh) * b->unit_len <= b->medium_limit || fresh == 0;
}

// write_units writes all units, or, of a write that fails half-way, each one by chance.
static void write_units(so_sim_block *b, uint64_t offset, so_bytes bytes, bool all) {
  for (size_t at = 0; at < bytes.len; at += b->unit_len) {
    if (all || so_sim_next(&b->random) % 2 == 0) {
      unit_write(b, (offset + at) / b->unit_len, bytes.ptr + at);
    }
  }
}

static so_status sim_write(void *ctx, uint64_t offset, so_bytes bytes) {
  so_sim_block *const b = ctx;
  const bool had_power = b->powered;
  const bool strikes = begin(b, SO_SIM_WRITE, offset, bytes.len);
  if (!in_range(b, offset, bytes.len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (!had_power || b->failed) {
    return so_status_make(SO_IO, 0);
  }
  if (strikes && (b->fault == SO_SIM_FAULT_IO || b->fault == SO_SIM_FAULT_POWER)) {
    write_units(b, offset, bytes, false);
    return so_status_make(SO_IO, 0);
  }
  if ((strikes && b->fault == SO_SIM_FAULT_FULL) || !fits_medium(b, offset, bytes.len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  write_units(b, offset, bytes, true);
  b->stats.writes++;
  b->stats.bytes_written += bytes.len;
  return so_done();
}

static so_status sim_flush(void *ctx) {
  so_sim_block *const b = ctx;
  if (begin(b, SO_SIM_FLUSH, 0, 0) && b->fault == SO_SIM_FAULT_IO) {
    b->failed = true;
  }
  if (!b->powered || b->failed) {
    return so_status_make(SO_IO, 0);
  }
  for (size_t i = 0; i < b->dirty_count; i++) {
    unit *const u = unit_get(b, b->dirty[i]);
    unit_make_durable(b, u, u->newest->bytes);
    unit_drop_versions(u);
  }
  b->dirty_count = 0;
  b->stats.units_pending = 0;
  b->stats.flushes++;
  return so_done();
}

static void sim_close(void *ctx) { (void)ctx; }

so_block so_sim_block_port(so_sim_block *b) {
  static const so_block_ops ops = {sim_read, sim_write, sim_flush, sim_close};
  const so_block port = {&ops, b, b->capacity, b->unit_len, false};
  return port;
}

// --- looking inside ---------------------------------------------------------------------------

void so_sim_block_peek(const so_sim_block *b, uint64_t offset, uint8_t *out, size_t len) {
  while (len != 0) {
    const size_t skip = (size_t)(offset % b->unit_len);
    const size_t n = len < b->unit_len - skip ? len : b->unit_len - skip;
    const uint8_t *const bytes = unit_bytes(unit_get(b, offset / b->unit_len));
    if (bytes == NULL) {
      memset(out, 0, n);
    } else {
      memcpy(out, bytes + skip, n);
    }
    offset += n;
    out += n;
    len -= n;
  }
}

void so_sim_block_poke(so_sim_block *b, uint64_t offset, so_bytes bytes) {
  for (size_t i = 0; i < bytes.len; i++) {
    unit *const u = unit_make(b, (offset + i) / b->unit_len);
    if (u->durable == NULL) {
      u->durable = must_alloc(1, b->unit_len);
    }
    const size_t at = (size_t)((offset + i) % b->unit_len);
    u->durable[at] = bytes.ptr[i];
    if (u->newest != NULL) {
      u->newest->bytes[at] = bytes.ptr[i];
    }
  }
}

void so_sim_block_flip(so_sim_block *b, uint64_t offset, uint8_t mask) {
  uint8_t byte;
  so_sim_block_peek(b, offset, &byte, 1);
  byte = (uint8_t)(byte ^ mask);
  so_sim_block_poke(b, offset, so_bytes_of(&byte, 1));
}

uint64_t so_sim_block_end(const so_sim_block *b) { return b->end; }

so_sim_block_stats so_sim_block_get_stats(const so_sim_block *b) { return b->stats; }

void so_sim_block_hook(so_sim_block *b,
                       void (*hook)(void *ctx, so_sim_block_op op, uint64_t offset, size_t len),
                       void *ctx) {
  b->hook = hook;
  b->hook_ctx = ctx;
}
