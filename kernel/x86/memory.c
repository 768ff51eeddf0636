// Page tables: all memory once, virtual address = physical address, and no page both writable and
// executable.
//
// The low 4 GiB are mapped whole, in pages of 2 MiB, because devices, ACPI tables and the pages that Xen
// shares lie between RAM; above, only RAM is. The blocks of 2 MiB that hold page 0 and the image are split
// into pages of 4 KiB, others when so_machine_guard asks. Tables for that are put aside at the start, one for
// each block of RAM, so that a guard cannot fail later: one page in 512.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/x86/internal.h"

#define PRESENT UINT64_C(0x001)
#define WRITABLE UINT64_C(0x002)
#define UNCACHED UINT64_C(0x018)  // PCD and PWT.
#define LARGE UINT64_C(0x080)
#define NO_EXECUTE (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0x000ffffffffff000)
#define DATA (PRESENT | WRITABLE | NO_EXECUTE)

#define ENTRIES 512u
#define BLOCK (UINT64_C(2) << 20)
#define GIB (UINT64_C(1) << 30)
#define LOW (4 * GIB)

typedef uint64_t x86_table[ENTRIES];

// Used from entry.S, before anything else is.
x86_table x86_pml4 __attribute__((aligned(4096)));
x86_table x86_pdpt __attribute__((aligned(4096)));
x86_table x86_pd[4] __attribute__((aligned(4096)));
x86_stacks x86_all_stacks __attribute__((aligned(4096)));

static uint8_t *tables_next;
static uint8_t *tables_end;

// --- tables -----------------------------------------------------------------------------------

static uint64_t *new_table(void) {
  if (tables_next == tables_end) {
    return NULL;
  }
  uint64_t *const t = (uint64_t *)tables_next;
  tables_next += SO_PAGE_LEN;
  memset(t, 0, SO_PAGE_LEN);
  return t;
}

static uint64_t *table_of(uint64_t entry) { return (uint64_t *)(uintptr_t)(entry & ADDRESS); }

// The entry of the block of 2 MiB around `at`, or NULL where nothing is mapped.
static uint64_t *block_entry(uint64_t at) {
  if (at >= ENTRIES * GIB) {
    return NULL;
  }
  const uint64_t gib = x86_pdpt[at / GIB];
  return (gib & PRESENT) == 0 ? NULL : &table_of(gib)[at % GIB / BLOCK];
}

static bool split(uint64_t *entry) {
  if ((*entry & LARGE) == 0) {
    return true;
  }
  uint64_t *const t = new_table();
  if (t == NULL) {
    return false;
  }
  const uint64_t flags = *entry & ~(ADDRESS | LARGE);
  const uint64_t base = *entry & ADDRESS;
  for (size_t i = 0; i < ENTRIES; i++) {
    t[i] = (base + i * SO_PAGE_LEN) | flags;
  }
  *entry = (uint64_t)(uintptr_t)t | PRESENT | WRITABLE;
  return true;
}

static bool set_page(uint64_t at, uint64_t flags) {
  uint64_t *const block = block_entry(at);
  if (block == NULL || !split(block)) {
    return false;
  }
  table_of(*block)[at % BLOCK / SO_PAGE_LEN] = flags == 0 ? 0 : at | flags;
  return true;
}

// --- the start --------------------------------------------------------------------------------

static uint64_t page_flags(uint64_t at) {
  const uint64_t text = (uintptr_t)x86_image_start;
  const uint64_t rodata = (uintptr_t)x86_text_end;
  const uint64_t data = (uintptr_t)x86_rodata_end;
  return at < text ? DATA : at < rodata ? PRESENT : at < data ? PRESENT | NO_EXECUTE : DATA;
}

// Blocks that are split already are those of page 0 and the image.
static void map_low(uint64_t ram_end, bool devices_uncached) {
  for (uint64_t at = 0; at < LOW; at += BLOCK) {
    uint64_t *const entry = &x86_pd[at / GIB][at % GIB / BLOCK];
    const bool device = devices_uncached && at >= ram_end;
    if ((*entry & LARGE) != 0) {
      *entry = at | DATA | LARGE | (device ? UNCACHED : 0);
    }
  }
}

static void map_image(void) {
  const uint64_t end = ((uintptr_t)x86_image_end + BLOCK - 1) / BLOCK * BLOCK;
  bool ok = true;
  for (uint64_t at = SO_PAGE_LEN; at < end; at += SO_PAGE_LEN) {
    ok = set_page(at, page_flags(at)) && ok;
  }
  ok = set_page(0, 0) && ok;
  ok = set_page((uintptr_t)x86_all_stacks.guard0, 0) && ok;
  ok = set_page((uintptr_t)x86_all_stacks.guard1, 0) && ok;
  ok = set_page((uintptr_t)x86_all_stacks.guard2, 0) && ok;
  SO_ASSERT(ok);
}

static void map_high(const so_machine_range *r) {
  const uint64_t end = r->base + r->len;
  for (uint64_t at = r->base - r->base % BLOCK; at < end; at += BLOCK) {
    if (at < LOW) {
      continue;
    }
    if ((x86_pdpt[at / GIB] & PRESENT) == 0) {
      uint64_t *const pd = new_table();
      SO_ASSERT(pd != NULL);
      x86_pdpt[at / GIB] = (uint64_t)(uintptr_t)pd | PRESENT | WRITABLE;
    }
    *block_entry(at) = at | DATA | LARGE;
  }
}

// Tables for every block of 2 MiB that has RAM, for every GiB above 4, and for the image.
static uint64_t tables_needed(const so_machine_boot *boot) {
  uint64_t count = 2 + ((uintptr_t)x86_image_end - (uintptr_t)x86_image_start) / BLOCK;
  for (size_t i = 0; i < boot->ram_count; i++) {
    const so_machine_range *const r = &boot->ram[i];
    count += r->len / BLOCK + 2;
    count += r->base + r->len > LOW ? r->len / GIB + 2 : 0;
  }
  return count;
}

static void take_tables(so_machine_boot *boot) {
  const uint64_t len = tables_needed(boot) * SO_PAGE_LEN;
  for (size_t i = boot->ram_count; i-- > 0;) {
    so_machine_range *const r = &boot->ram[i];
    if (r->len > 2 * len && r->base + r->len <= LOW) {
      r->len -= len;
      tables_next = (uint8_t *)(uintptr_t)(r->base + r->len);
      tables_end = tables_next + len;
      return;
    }
  }
  so_machine_panic("there is not enough memory below 4 GiB for page tables");
}

static uint64_t low_ram_end(const so_machine_boot *boot) {
  uint64_t end = 0;
  for (size_t i = 0; i < boot->ram_count; i++) {
    const uint64_t e = boot->ram[i].base + boot->ram[i].len;
    end = e <= LOW && e > end ? e : end;
  }
  return end;
}

void x86_memory_init(so_machine_boot *boot, bool devices_uncached) {
  const uint64_t ram_end = low_ram_end(boot);
  take_tables(boot);
  x86_wrmsr(X86_MSR_EFER, x86_rdmsr(X86_MSR_EFER) | X86_EFER_NXE);
  map_image();
  map_low(ram_end, devices_uncached);
  for (size_t i = 0; i < boot->ram_count; i++) {
    map_high(&boot->ram[i]);
  }
  x86_write_cr3(x86_read_cr3());
  x86_write_cr0(x86_read_cr0() | X86_CR0_WP);
}

// --- later ------------------------------------------------------------------------------------

bool so_machine_guard(void *page) {
  const uintptr_t at = (uintptr_t)page;
  SO_ASSERT(at % SO_PAGE_LEN == 0);
  if (!set_page(at, 0)) {
    return false;
  }
  x86_invlpg(at);
  return true;
}

void so_machine_unguard(void *page) {
  SO_ASSERT(set_page((uintptr_t)page, DATA));
  x86_invlpg((uintptr_t)page);
}

bool x86_is_mapped(uintptr_t at) {
  const uint64_t *const block = block_entry(at);
  if (block == NULL || (*block & PRESENT) == 0) {
    return false;
  }
  return (*block & LARGE) != 0 || (table_of(*block)[at % BLOCK / SO_PAGE_LEN] & PRESENT) != 0;
}
