#ifndef SO_ARM_PAGE_TABLES_PAGE_TABLES_H_
#define SO_ARM_PAGE_TABLES_PAGE_TABLES_H_

// Translation tables of the long-descriptor format, which ARMv8-A (4 KiB granule, Arm ARM DDI 0487, D8.3) and
// ARMv7-A with the Large Physical Address Extension (DDI 0406, B3.6) share. Virtual = physical addresses.
//
//   level 1   512 entries of 1 GiB (ARMv7: the first 4); never blocks here, so that a split is one step
//   level 2   512 entries of 2 MiB: a block, or a table of
//   level 3   512 pages of 4 KiB
//
// Pure: tables are memory of the caller, and addresses of tables are their pointers. What must be done so
// that a processor notices a change (barriers, TLB) is the caller's; each function says what it changes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PAGE_TABLE_LEN 4096u
#define SO_PAGE_TABLE_ENTRIES 512u
#define SO_PAGE_BLOCK_LEN (2u << 20)
#define SO_PAGE_ADDRESS_END (UINT64_C(512) << 30)  // ARMv7: 4 GiB.

// Indexes of MAIR_EL1, or MAIR0 and MAIR1, that the descriptors refer to, and what must stand there.
#define SO_PAGE_ATTRIBUTE_NORMAL 0u
#define SO_PAGE_ATTRIBUTE_DEVICE 1u
#define SO_PAGE_MAIR 0x04ffu  // [0] Normal, write-back, allocating. [1] Device-nGnRE.

typedef enum so_page_kind {
  SO_PAGE_CODE,    // Read and execute.
  SO_PAGE_CONST,   // Read.
  SO_PAGE_DATA,    // Read and write.
  SO_PAGE_DEVICE,  // Read and write, registers.
  SO_PAGE_BOOT,    // Everything: for the first steps alone.
} so_page_kind;

typedef struct so_page_tables {
  uint64_t *root;
  uint8_t *next;  // Zeroed pages for further tables: [next, end).
  uint8_t *end;
} so_page_tables;

// so_page_tables_init takes `pages`, page-aligned and zeroed; the first becomes the root. `count` >= 1.
void so_page_tables_init(so_page_tables *t, void *pages, size_t count);

// so_page_tables_map maps whole pages in tables that no processor uses yet; what was mapped there before
// is replaced. LIMIT: out of pages for tables, or past SO_PAGE_ADDRESS_END; part of it may be mapped then.
SO_MUST_USE so_status so_page_tables_map(so_page_tables *t, uint64_t base, uint64_t len,
                                         so_page_kind kind);

typedef struct so_page_change {
  uint64_t *entry;  // NULL: nothing needs to be done.
  uint64_t value;
} so_page_change;

// so_page_tables_split prepares that `address` gets a page of its own: `*out` is the change of one live
// entry, from a block to a table that maps the same. It must be made by break-before-make (D8.16.1), and
// nothing in that block may be touched meanwhile. False: not mapped, or no page for a table.
bool so_page_tables_split(so_page_tables *t, uint64_t address, so_page_change *out);

// so_page_tables_leaf returns the level 3 entry of `address`, or NULL when it has none.
uint64_t *so_page_tables_leaf(const so_page_tables *t, uint64_t address);

bool so_page_tables_is_mapped(const so_page_tables *t, uint64_t address);

// so_page_descriptor is the level 3 entry that maps `page`.
uint64_t so_page_descriptor(uint64_t page, so_page_kind kind);

// so_page_tables_need bounds how many tables it takes to map a range, every page of it alone, beside the
// root: no guard page within it can fail then.
size_t so_page_tables_need(uint64_t base, uint64_t len);

#ifdef __cplusplus
}
#endif
#endif  // SO_ARM_PAGE_TABLES_PAGE_TABLES_H_
