// What runs before the MMU is on: tables that map the image and the device tree, and no more. All memory is
// Device memory here (Arm ARM D8.2.10), so accesses are aligned and nothing calls memset; see BUILD for flags.

#include "arm/machine/internal.h"

// The root, and level 2 for the image, the device tree and the tables that come after. Each is mapped in whole
// blocks of 2 MiB, and touches two GiB at most.
#define EARLY_TABLES 7u

void so_arm_early(const uint8_t *device_tree);

static uint8_t early_pages[EARLY_TABLES * SO_PAGE_LEN] __attribute__((aligned(4096)));
static so_page_tables early;

static uint32_t read_big_endian(const uint8_t *at) {
  return __builtin_bswap32(*(const volatile uint32_t *)(const void *)at);
}

static bool map_blocks(uint64_t from, uint64_t to) {
  const uint64_t mask = SO_PAGE_BLOCK_LEN - 1;
  const uint64_t first = from & ~mask;
  return so_ok(so_page_tables_map(&early, first, ((to + mask) & ~mask) - first, SO_PAGE_BOOT));
}

// What is mapped already is written again as it is, so this may be done while the tables are in use.
bool arm_early_map(uint64_t base, uint64_t len) {
  const bool ok = map_blocks(base, base + len);
  so_cpu_barrier();
  return ok;
}

__attribute__((no_stack_protector)) void so_arm_early(const uint8_t *device_tree) {
  so_page_tables_init(&early, early_pages, EARLY_TABLES);
  bool ok = map_blocks((uintptr_t)so_image_start, (uintptr_t)so_image_end);
  // A loader that gives no tree, or one that does not look like one, is told so later, when there is a way
  // to tell.
  if ((uintptr_t)device_tree % 4 == 0 && device_tree != NULL) {
    const uint32_t len = read_big_endian(device_tree + 4);
    if (len <= SO_DEVICE_TREE_LEN_MAX) {
      ok = ok && map_blocks((uintptr_t)device_tree, (uintptr_t)device_tree + len);
    }
  }
  if (!ok) {
    __builtin_trap();
  }
  so_cpu_cache_drop((uintptr_t)so_image_file_end, (uintptr_t)so_image_end);
  so_cpu_mmu_on(early.root);
}
