#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tests/sim/internal.h"

#define START_NS SO_NS_PER_S
#define START_UNIX_NS (INT64_C(1767225600) * INT64_C(1000000000))

void *sim_alloc(size_t len) {
  void *const p = calloc(1, len);
  SO_ASSERT(p != NULL);
  return p;
}

char *sim_text(const char *ptr, size_t len) {
  char *const copy = sim_alloc(len + 1);
  memcpy(copy, ptr, len);
  return copy;
}

void sim_item_add(so_sim *sim, sim_item *item, void (*release)(sim_item *item)) {
  item->release = release;
  item->next = sim->items.next;
  item->prev = &sim->items;
  item->next->prev = item;
  item->prev->next = item;
}

void sim_item_remove(sim_item *item) {
  item->next->prev = item->prev;
  item->prev->next = item->next;
}

// --- clock, entropy, console ------------------------------------------------------------------

static uint64_t monotonic_ns(void *ctx) { return ((const so_sim *)ctx)->now_ns; }

static int64_t unix_ns(void *ctx) {
  const so_sim *const sim = ctx;
  return sim->unix_base_ns + (int64_t)sim->now_ns;
}

static void entropy_fill(void *ctx, uint8_t *out, size_t len) {
  so_sim *const sim = ctx;
  for (size_t i = 0; i < len; i++) {
    out[i] = (uint8_t)so_sim_next(&sim->random);
  }
}

static void console_write(void *ctx, so_bytes text) {
  so_sim *const sim = ctx;
  if (text.len == 0) {
    return;
  }
  sim->console = realloc(sim->console, sim->console_len + text.len);
  SO_ASSERT(sim->console != NULL);
  memcpy(sim->console + sim->console_len, text.ptr, text.len);
  sim->console_len += text.len;
}

// --- heap: the length is checked against what was asked for -----------------------------------

typedef struct heap_head {
  size_t len;
  size_t padding;  // Keeps 16-byte alignment.
} heap_head;

static void *heap_resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
  so_sim *const sim = ctx;
  heap_head *head = ptr == NULL ? NULL : (heap_head *)ptr - 1;
  SO_ASSERT((head == NULL ? 0 : head->len) == old_len);
  if (new_len == 0) {
    free(head);
    sim->heap_used -= old_len;
    return NULL;
  }
  if (new_len > old_len && sim->heap_fail_in != 0 && --sim->heap_fail_in == 0) {
    return NULL;
  }
  head = realloc(head, sizeof *head + new_len);
  SO_ASSERT(head != NULL);
  head->len = new_len;
  sim->heap_used += new_len - old_len;
  return head + 1;
}

size_t so_sim_heap_used(const so_sim *sim) { return sim->heap_used; }
void so_sim_heap_fail_at(so_sim *sim, uint64_t nth) { sim->heap_fail_in = nth; }

// --- devices and sidecar files ----------------------------------------------------------------

static bool is_named(const char *name, so_bytes wanted) {
  return strlen(name) == wanted.len && memcmp(name, wanted.ptr, wanted.len) == 0;
}

static sim_device *find_device(so_sim *sim, so_bytes name) {
  for (size_t i = 0; i < sim->device_count; i++) {
    if (is_named(sim->devices[i].name, name)) {
      return &sim->devices[i];
    }
  }
  return NULL;
}

static sim_device *add_device(so_sim *sim, so_bytes name, so_sim_block *block, bool owned) {
  SO_ASSERT(sim->device_count < SIM_NAMES_MAX);
  sim_device *const d = &sim->devices[sim->device_count++];
  *d = (sim_device){sim_text((const char *)name.ptr, name.len), block, owned, false};
  return d;
}

void so_sim_add_block(so_sim *sim, const char *name, so_sim_block *b) {
  (void)add_device(sim, so_bytes_of(name, strlen(name)), b, false);
}

so_sim_block *so_sim_block_named(so_sim *sim, const char *name) {
  const sim_device *const d = find_device(sim, so_bytes_of(name, strlen(name)));
  return d != NULL ? d->block : NULL;
}

// A device of the world knows whether it is open; the block below knows everything else.
static so_block below(void *ctx) { return so_sim_block_port(((sim_device *)ctx)->block); }

static so_status device_read(void *ctx, uint64_t offset, uint8_t *out, size_t len) {
  const so_block b = below(ctx);
  return so_block_read(&b, offset, out, len);
}
static so_status device_write(void *ctx, uint64_t offset, so_bytes bytes) {
  const so_block b = below(ctx);
  return so_block_write(&b, offset, bytes);
}
static so_status device_flush(void *ctx) {
  const so_block b = below(ctx);
  return so_block_flush(&b);
}
static void device_close(void *ctx) { ((sim_device *)ctx)->open = false; }

static so_status open_block(void *ctx, so_bytes name, bool create, so_block *out) {
  static const so_block_ops ops = {device_read, device_write, device_flush, device_close};
  so_sim *const sim = ctx;
  sim_device *d = find_device(sim, name);
  if (d == NULL && !create) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  if (d == NULL) {
    d = add_device(sim, name, so_sim_block_make(UINT64_C(1) << 40, 512), true);
  }
  if (d->open) {
    return so_status_make(SO_CONFLICT, 0);
  }
  d->open = true;
  *out = below(d);
  out->ops = &ops;
  out->ctx = d;
  return so_done();
}

static so_status sidecar_write(void *ctx, so_bytes name, so_bytes bytes) {
  so_sim *const sim = ctx;
  sim_file *f = NULL;
  for (size_t i = 0; i < sim->file_count && f == NULL; i++) {
    f = is_named(sim->files[i].name, name) ? &sim->files[i] : NULL;
  }
  if (f == NULL) {
    SO_ASSERT(sim->file_count < SIM_NAMES_MAX);
    f = &sim->files[sim->file_count++];
    f->name = sim_text((const char *)name.ptr, name.len);
  }
  free(f->bytes);
  f->bytes = (uint8_t *)sim_text((const char *)bytes.ptr, bytes.len);
  f->len = bytes.len;
  return so_done();
}

bool so_sim_sidecar(const so_sim *sim, const char *name, so_bytes *out) {
  for (size_t i = 0; i < sim->file_count; i++) {
    if (strcmp(sim->files[i].name, name) == 0) {
      *out = so_bytes_of(sim->files[i].bytes, sim->files[i].len);
      return true;
    }
  }
  return false;
}

// --- scheduler and life cycle -----------------------------------------------------------------

static void *stack_alloc(void *ctx, size_t len) {
  (void)ctx;
  return aligned_alloc(16, len);
}

static void stack_free(void *ctx, void *stack, size_t len) {
  (void)ctx;
  (void)len;
  free(stack);
}

static bool idle(void *ctx, uint64_t deadline_ns) {
  so_sim *const sim = ctx;
  if (deadline_ns == SO_NEVER) {
    return false;
  }
  sim->now_ns = deadline_ns > sim->now_ns ? deadline_ns : sim->now_ns;
  return true;
}

static void sched_init(so_sim *sim) {
  const so_sim_config *const c = &sim->config;
  const so_sched_config config = {
      .heap = &sim->heap,
      .clock = sim->world.clock,
      .platform = {stack_alloc, stack_free, idle, sim},
      .stack_len = c->stack_len != 0 ? c->stack_len : 256u * 1024,
      .fiber_max = c->fiber_max != 0 ? c->fiber_max : 4096,
      .check = c->paint_stacks ? SO_STACK_PAINTED : SO_STACK_CANARY,
  };
  SO_ASSERT(so_ok(so_sched_init(&sim->sched, &config)));
  sim->heap_used = 0;  // The scheduler's own table is no concern of the program.
}

so_sim *so_sim_make(const so_sim_config *config) {
  so_sim *const sim = sim_alloc(sizeof *sim);
  if (config != NULL) {
    sim->config = *config;
  }
  sim->config.pipe_cap = sim->config.pipe_cap != 0 ? sim->config.pipe_cap : 64u * 1024;
  sim->items.next = sim->items.prev = &sim->items;
  sim->random = so_sim_mix(sim->config.seed + 1);
  sim->now_ns = START_NS;
  so_sim_set_unix_ns(sim, START_UNIX_NS);
  sim->heap = (so_heap){heap_resize, sim};
  sim->world = (so_world){
      .clock = {monotonic_ns, unix_ns, sim},
      .entropy = {entropy_fill, sim},
      .console = {console_write, sim},
      .sidecar = {.write = sidecar_write, .ctx = sim},
      .heap = &sim->heap,
      .sched = &sim->sched,
      .ctx = sim,
      .open_block = open_block,
  };
  sim_net_init(sim);
  sched_init(sim);
  return sim;
}

void so_sim_free(so_sim *sim) {
  sim->heap_used += sim->sched.config.fiber_max * sizeof(so_fiber *);
  so_sched_release(&sim->sched);
  while (sim->items.next != &sim->items) {
    sim_item *const item = sim->items.next;
    sim_item_remove(item);
    item->release(item);
  }
  for (size_t i = 0; i < sim->device_count; i++) {
    free(sim->devices[i].name);
    if (sim->devices[i].owned) {
      so_sim_block_free(sim->devices[i].block);
    }
  }
  for (size_t i = 0; i < sim->file_count; i++) {
    free(sim->files[i].name);
    free(sim->files[i].bytes);
  }
  free(sim->console);
  free(sim);
}

const so_world *so_sim_world(so_sim *sim) { return &sim->world; }
so_status so_sim_run(so_sim *sim) { return so_sched_run(&sim->sched); }
uint64_t so_sim_now(const so_sim *sim) { return sim->now_ns; }

void so_sim_set_unix_ns(so_sim *sim, int64_t unix_ns_now) {
  sim->unix_base_ns = unix_ns_now - (int64_t)sim->now_ns;
}

so_bytes so_sim_console(const so_sim *sim) { return so_bytes_of(sim->console, sim->console_len); }

size_t so_sim_stack_used_max(const so_sim *sim) { return so_sched_stack_used_max(&sim->sched); }
