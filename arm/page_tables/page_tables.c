#include "arm/page_tables/page_tables.h"

#include "base/assert.h"

// Part of this runs before the MMU is on, when all memory is of a kind where unaligned access faults and
// where a call of memset must not be made: see BUILD for the flags.

#define LEVEL1_SHIFT 30
#define LEVEL2_SHIFT 21
#define LEVEL3_SHIFT 12
#define ENTRY_MASK (SO_PAGE_TABLE_ENTRIES - 1)

// D8.3.1, table descriptors and D8.3.2, blocks and pages.
#define VALID UINT64_C(1)
#define TABLE_OR_PAGE UINT64_C(2)  // Of levels 1 and 2: a table; of level 3: a page, always.
#define ATTRIBUTE_SHIFT 2
#define READ_ONLY (UINT64_C(1) << 7)  // AP[2]; AP[1] is 0: no access by user mode.
#define INNER_SHAREABLE (UINT64_C(3) << 8)
#define ACCESSED (UINT64_C(1) << 10)
// Privileged execute-never, and execute-never of user mode (ARMv7: of all).
#define NEVER_EXECUTED (UINT64_C(3) << 53)
#define ADDRESS_MASK UINT64_C(0x0000fffffffff000)

void so_page_tables_init(so_page_tables *t, void *pages, size_t count) {
  SO_ASSERT(count >= 1);
  t->root = pages;
  t->next = (uint8_t *)pages + SO_PAGE_TABLE_LEN;
  t->end = (uint8_t *)pages + count * SO_PAGE_TABLE_LEN;
}

static uint64_t attributes(so_page_kind kind) {
  const uint64_t normal = SO_PAGE_ATTRIBUTE_NORMAL << ATTRIBUTE_SHIFT | INNER_SHAREABLE;
  const uint64_t common = VALID | ACCESSED;
  switch (kind) {
    case SO_PAGE_CODE:
      return common | normal | READ_ONLY;
    case SO_PAGE_CONST:
      return common | normal | READ_ONLY | NEVER_EXECUTED;
    case SO_PAGE_DATA:
      return common | normal | NEVER_EXECUTED;
    case SO_PAGE_DEVICE:
      return common | SO_PAGE_ATTRIBUTE_DEVICE << ATTRIBUTE_SHIFT | NEVER_EXECUTED;
    case SO_PAGE_BOOT:
      return common | normal;
  }
  __builtin_trap();
}

uint64_t so_page_descriptor(uint64_t page, so_page_kind kind) {
  return page | attributes(kind) | TABLE_OR_PAGE;
}

static bool is_table(uint64_t entry) {
  return (entry & (VALID | TABLE_OR_PAGE)) == (VALID | TABLE_OR_PAGE);
}

static uint64_t *table_of(uint64_t entry) { return (uint64_t *)(uintptr_t)(entry & ADDRESS_MASK); }

static uint64_t *take_table(so_page_tables *t) {
  if (t->next == t->end) {
    return NULL;
  }
  uint64_t *const table = (uint64_t *)(void *)t->next;
  t->next += SO_PAGE_TABLE_LEN;
  return table;
}

static uint64_t entry_of_table(const uint64_t *table) {
  return (uint64_t)(uintptr_t)table | VALID | TABLE_OR_PAGE;
}

// The table below level 1 entry `address` lies in; NULL: out of pages.
static uint64_t *level2_of(so_page_tables *t, uint64_t address) {
  uint64_t *const entry = &t->root[address >> LEVEL1_SHIFT & ENTRY_MASK];
  if (*entry == 0) {
    uint64_t *const table = take_table(t);
    if (table == NULL) {
      return NULL;
    }
    *entry = entry_of_table(table);
  }
  return table_of(*entry);
}

// A table of pages that maps what `block` maps, or nothing when that is not valid.
static uint64_t *level3_like(so_page_tables *t, uint64_t block) {
  uint64_t *const table = take_table(t);
  if (table != NULL && (block & VALID) != 0) {
    for (uint64_t i = 0; i < SO_PAGE_TABLE_ENTRIES; i++) {
      table[i] = (block + (i << LEVEL3_SHIFT)) | TABLE_OR_PAGE;
    }
  }
  return table;
}

static bool map_page(so_page_tables *t, uint64_t *level2_entry, uint64_t page, so_page_kind kind) {
  if (!is_table(*level2_entry)) {
    uint64_t *const table = level3_like(t, *level2_entry);
    if (table == NULL) {
      return false;
    }
    *level2_entry = entry_of_table(table);
  }
  table_of(*level2_entry)[page >> LEVEL3_SHIFT & ENTRY_MASK] = so_page_descriptor(page, kind);
  return true;
}

so_status so_page_tables_map(so_page_tables *t, uint64_t base, uint64_t len, so_page_kind kind) {
  SO_ASSERT(base % SO_PAGE_TABLE_LEN == 0 && len % SO_PAGE_TABLE_LEN == 0);
  if (base > SO_PAGE_ADDRESS_END || len > SO_PAGE_ADDRESS_END - base) {
    return so_status_make(SO_LIMIT, 0);
  }
  const uint64_t end = base + len;
  while (base < end) {
    uint64_t *const level2 = level2_of(t, base);
    if (level2 == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    uint64_t *const entry = &level2[base >> LEVEL2_SHIFT & ENTRY_MASK];
    if (base % SO_PAGE_BLOCK_LEN == 0 && end - base >= SO_PAGE_BLOCK_LEN && !is_table(*entry)) {
      *entry = base | attributes(kind);
      base += SO_PAGE_BLOCK_LEN;
      continue;
    }
    if (!map_page(t, entry, base, kind)) {
      return so_status_make(SO_LIMIT, 0);
    }
    base += SO_PAGE_TABLE_LEN;
  }
  return so_done();
}

// The level 2 entry of `address`, or NULL.
static uint64_t *find_level2(const so_page_tables *t, uint64_t address) {
  if (address >= SO_PAGE_ADDRESS_END) {
    return NULL;
  }
  const uint64_t entry = t->root[address >> LEVEL1_SHIFT];
  return is_table(entry) ? &table_of(entry)[address >> LEVEL2_SHIFT & ENTRY_MASK] : NULL;
}

bool so_page_tables_split(so_page_tables *t, uint64_t address, so_page_change *out) {
  uint64_t *const entry = find_level2(t, address);
  if (entry == NULL || (*entry & VALID) == 0) {
    return false;
  }
  const so_page_change nothing = {NULL, 0};
  *out = nothing;
  if (is_table(*entry)) {
    return true;
  }
  const uint64_t *const table = level3_like(t, *entry);
  if (table == NULL) {
    return false;
  }
  out->entry = entry;
  out->value = entry_of_table(table);
  return true;
}

uint64_t *so_page_tables_leaf(const so_page_tables *t, uint64_t address) {
  const uint64_t *const entry = find_level2(t, address);
  if (entry == NULL || !is_table(*entry)) {
    return NULL;
  }
  return &table_of(*entry)[address >> LEVEL3_SHIFT & ENTRY_MASK];
}

bool so_page_tables_is_mapped(const so_page_tables *t, uint64_t address) {
  const uint64_t *const entry = find_level2(t, address);
  if (entry == NULL || !is_table(*entry)) {
    return entry != NULL && (*entry & VALID) != 0;
  }
  return (table_of(*entry)[address >> LEVEL3_SHIFT & ENTRY_MASK] & VALID) != 0;
}

size_t so_page_tables_need(uint64_t base, uint64_t len) {
  if (len == 0) {
    return 0;
  }
  const uint64_t last = base + (len - 1);
  return (size_t)((last >> LEVEL1_SHIFT) - (base >> LEVEL1_SHIFT) + 1 +
                  (last >> LEVEL2_SHIFT) - (base >> LEVEL2_SHIFT) + 1);
}
