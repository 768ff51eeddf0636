#include "arm/layout/layout.h"

#include "arm/page_tables/page_tables.h"
#include "base/mem.h"

#define PAGE UINT64_C(4096)

// Tables beside those for memory and the devices that the tree names: what a device family maps later.
#define SPARE_TABLES 16u

static so_status limit(void) { return so_status_make(SO_LIMIT, 0); }

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

// The whole pages that touch `r`, or, inward, that lie within it; below `end`.
static so_arm_range pages_of(so_arm_range r, bool inward, uint64_t end) {
  const uint64_t first = least(r.base, end);
  const uint64_t last = least(r.base + r.len, end);
  const uint64_t from = inward ? (first + PAGE - 1) / PAGE * PAGE : first / PAGE * PAGE;
  const uint64_t to = inward ? last / PAGE * PAGE : (last + PAGE - 1) / PAGE * PAGE;
  const so_arm_range pages = {from, to > from ? to - from : 0};
  return pages;
}

static so_status add(so_arm_range *list, size_t max, size_t *count, so_arm_range r) {
  if (r.len == 0) {
    return so_done();
  }
  if (*count == max) {
    return limit();
  }
  list[(*count)++] = r;
  return so_done();
}

// Takes `used` out of everything that is free.
static so_status take_out(so_layout *l, so_arm_range used) {
  so_arm_range before[SO_LAYOUT_FREE_MAX];
  const size_t count = l->free_count;
  memcpy(before, l->free, sizeof before);
  l->free_count = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t end = before[i].base + before[i].len;
    const uint64_t used_end = used.base + used.len;
    if (used.len == 0 || used.base >= end || used_end <= before[i].base) {
      SO_TRY(add(l->free, SO_LAYOUT_FREE_MAX, &l->free_count, before[i]));
      continue;
    }
    const uint64_t low_end = used.base > before[i].base ? used.base : before[i].base;
    const uint64_t high = least(used_end, end);
    const so_arm_range low = {before[i].base, low_end - before[i].base};
    const so_arm_range rest = {high, end - high};
    SO_TRY(add(l->free, SO_LAYOUT_FREE_MAX, &l->free_count, low));
    SO_TRY(add(l->free, SO_LAYOUT_FREE_MAX, &l->free_count, rest));
  }
  return so_done();
}

static so_status add_device(so_layout *l, so_arm_range registers, uint64_t address_end) {
  const so_arm_range pages = pages_of(registers, false, address_end);
  for (size_t i = 0; i < l->device_count; i++) {  // Eight virtio slots share a page.
    const so_arm_range known = l->devices[i];
    if (pages.base >= known.base && pages.base + pages.len <= known.base + known.len) {
      return so_done();
    }
  }
  return add(l->devices, SO_LAYOUT_DEVICES_MAX, &l->device_count, pages);
}

static so_status add_devices(so_layout *l, const so_arm_machine *m, uint64_t address_end) {
  SO_TRY(add_device(l, m->gic.distributor, address_end));
  SO_TRY(add_device(l, m->gic.cpu, address_end));
  SO_TRY(add_device(l, m->uart.registers, address_end));
  SO_TRY(add_device(l, m->rtc, address_end));
  for (size_t i = 0; i < m->virtio_count; i++) {
    SO_TRY(add_device(l, m->virtio[i].registers, address_end));
  }
  return so_done();
}

static so_status place_tables(so_layout *l) {
  uint64_t count = 1 + SPARE_TABLES;
  for (size_t i = 0; i < l->memory_count; i++) {
    count += so_page_tables_need(l->memory[i].base, l->memory[i].len);
  }
  for (size_t i = 0; i < l->device_count; i++) {
    count += so_page_tables_need(l->devices[i].base, l->devices[i].len);
  }
  for (size_t i = 0; i < l->free_count; i++) {
    if (l->free[i].len >= count * PAGE) {
      l->tables = (so_arm_range){l->free[i].base, count * PAGE};
      return take_out(l, l->tables);
    }
  }
  return limit();
}

so_status so_layout_make(const so_arm_machine *m, const so_arm_range *used, size_t used_count,
                         uint64_t address_end, so_layout *out) {
  memset(out, 0, sizeof *out);
  for (size_t i = 0; i < m->memory_count; i++) {
    const so_arm_range r = pages_of(m->memory[i], true, address_end);
    SO_TRY(add(out->memory, SO_ARM_MEMORY_MAX, &out->memory_count, r));
    SO_TRY(add(out->free, SO_LAYOUT_FREE_MAX, &out->free_count, r));
  }
  SO_TRY(take_out(out, (so_arm_range){0, PAGE}));
  for (size_t i = 0; i < m->reserved_count; i++) {
    SO_TRY(take_out(out, pages_of(m->reserved[i], false, address_end)));
  }
  for (size_t i = 0; i < used_count; i++) {
    SO_TRY(take_out(out, pages_of(used[i], false, address_end)));
  }
  SO_TRY(add_devices(out, m, address_end));
  return place_tables(out);
}
