// Page tables: memory once, virtual address = physical address, no page both writable and executable. Registers
// of devices are mapped where the device tree names them, and nothing else is.
//
// Memory is Normal, write-back, inner shareable: what Xen asks of everything shared with it (public/arch-arm.h),
// and what a coherent device sees without cache maintenance. The blocks of 2 MiB that hold the image and the
// tables are split from the beginning, others when so_machine_guard asks; tables for that are put aside.

#include "arm/layout/layout.h"
#include "arm/machine/machine.h"
#include "arm/machine/internal.h"
#include "base/assert.h"
#include "base/mem.h"

arm_stacks so_arm_stacks __attribute__((aligned(4096)));

static so_page_tables tables;

static void map(uint64_t base, uint64_t len, so_page_kind kind) {
  if (!so_ok(so_page_tables_map(&tables, base, len, kind))) {
    so_machine_panic("not enough page tables for this machine");
  }
}

static void map_part(const uint8_t *from, const uint8_t *to, so_page_kind kind) {
  map((uintptr_t)from, (uint64_t)(to - from), kind);
}

// While the tables are not in use.
static void unmap(const uint8_t *page) {
  uint64_t *const leaf = so_page_tables_leaf(&tables, (uintptr_t)page);
  SO_ASSERT(leaf != NULL);
  *leaf = 0;
}

// No block with any of this in it is ever split while in use.
static void split_now(uint64_t base, uint64_t len) {
  for (uint64_t at = base; at < base + len; at += SO_PAGE_LEN) {
    so_page_change change;
    SO_ASSERT(so_page_tables_split(&tables, at, &change));
    if (change.entry != NULL) {
      *change.entry = change.value;
    }
  }
}

static void map_all(const so_layout *l, so_bytes device_tree) {
  for (size_t i = 0; i < l->memory_count; i++) {
    map(l->memory[i].base, l->memory[i].len, SO_PAGE_DATA);
  }
  for (size_t i = 0; i < l->device_count; i++) {
    map(l->devices[i].base, l->devices[i].len, SO_PAGE_DEVICE);
  }
  const uint64_t tree = (uintptr_t)device_tree.ptr / SO_PAGE_LEN * SO_PAGE_LEN;
  const uint64_t tree_end = (uintptr_t)device_tree.ptr + device_tree.len;
  map(tree, (tree_end - tree + SO_PAGE_LEN - 1) / SO_PAGE_LEN * SO_PAGE_LEN, SO_PAGE_CONST);
  map_part(so_image_start, so_image_text_end, SO_PAGE_CODE);
  map_part(so_image_text_end, so_image_const_end, SO_PAGE_CONST);
  map_part(so_image_const_end, so_image_end, SO_PAGE_DATA);
  split_now(l->tables.base, l->tables.len);
  unmap(so_arm_stacks.guard0);
  unmap(so_arm_stacks.guard1);
}

void arm_memory_init(so_bytes device_tree, so_machine_boot *boot) {
  static so_layout l;
  const so_arm_range used[] = {
      {(uintptr_t)so_image_start, (uint64_t)(so_image_end - so_image_start)},
      {(uintptr_t)device_tree.ptr, device_tree.len},
  };
  if (!so_ok(so_layout_make(&arm_machine, used, 2, SO_CPU_ADDRESS_END, &l))) {
    so_machine_panic("the machine has too little memory, or too many pieces of it");
  }
  if (!arm_early_map(l.tables.base, l.tables.len)) {  // Until these are in use themselves.
    so_machine_panic("not enough page tables for the boot");
  }
  memset((void *)(uintptr_t)l.tables.base, 0, (size_t)l.tables.len);
  so_page_tables_init(&tables, (void *)(uintptr_t)l.tables.base, (size_t)(l.tables.len / SO_PAGE_LEN));
  map_all(&l, device_tree);
  so_cpu_tables_use(tables.root);
  SO_ASSERT(l.free_count <= SO_MACHINE_RAM_MAX);
  for (size_t i = 0; i < l.free_count; i++) {
    boot->ram[i] = (so_machine_range){l.free[i].base, l.free[i].len};
  }
  boot->ram_count = l.free_count;
}

// The entry of a page of its own, or NULL.
static uint64_t *leaf_of(uintptr_t at) {
  so_page_change split;
  if (!so_page_tables_split(&tables, at, &split)) {
    return NULL;
  }
  if (split.entry != NULL) {
    so_cpu_entry_change(split.entry, split.value, at);
  }
  return so_page_tables_leaf(&tables, at);
}

bool so_machine_guard(void *page) {
  const uintptr_t at = (uintptr_t)page;
  SO_ASSERT(at % SO_PAGE_LEN == 0);
  uint64_t *const leaf = leaf_of(at);
  if (leaf == NULL) {
    return false;
  }
  so_cpu_entry_change(leaf, 0, at);
  return true;
}

void so_machine_unguard(void *page) {
  uint64_t *const leaf = leaf_of((uintptr_t)page);
  SO_ASSERT(leaf != NULL);
  so_cpu_entry_change(leaf, so_page_descriptor((uintptr_t)page, SO_PAGE_DATA), (uintptr_t)page);
}

bool so_arm_share(uint64_t base, uint64_t len) {
  for (uint64_t at = base; at < base + len; at += SO_PAGE_LEN) {
    if (arm_is_mapped((uintptr_t)at)) {
      continue;
    }
    if (!so_ok(so_page_tables_map(&tables, at, SO_PAGE_LEN, SO_PAGE_DATA))) {
      return false;
    }
  }
  so_cpu_barrier();  // An entry that was not valid is in no TLB.
  so_cpu_fetch_again();
  return true;
}

bool arm_is_mapped(uintptr_t at) {
  return tables.root != NULL && so_page_tables_is_mapped(&tables, at);
}
