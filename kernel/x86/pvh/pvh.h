#ifndef SO_KERNEL_X86_PVH_PVH_H_
#define SO_KERNEL_X86_PVH_PVH_H_

// What a PVH loader hands over: `struct hvm_start_info` of xen/arch-x86/hvm/start_info.h, versions 0 and 1.
// Little-endian, all addresses physical:
//
//    0 magic 0x336ec578      4 version            8 flags          12 module count
//   16 module list (8)      24 command line (8)  32 RSDP (8)
//   40 memory map (8)       48 entry count       52 reserved       (version 1)
//   module (32): address (8), length (8), command line (8), reserved (8)
//   map entry (24): address (8), length (8), type, reserved; type 1 is RAM
//
// Nothing is read but through the caller's so_pvh_view, so that every byte is one that exists; what the
// loader says is not believed beyond that.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PVH_RANGES_MAX 32
#define SO_PVH_MODULES_MAX 4
#define SO_PVH_COMMAND_LINE_MAX 4096
#define SO_PVH_PAGE_LEN 4096u

typedef struct so_pvh_range {
  uint64_t base;
  uint64_t len;
} so_pvh_range;

typedef struct so_pvh_info {
  so_bytes command_line;  // Views memory. Without a terminator; cut at the limit.
  so_pvh_range modules[SO_PVH_MODULES_MAX];
  size_t module_count;
  so_pvh_range ram[SO_PVH_RANGES_MAX];  // As the map has it: not sorted, not whole pages.
  size_t ram_count;
  uint64_t rsdp;  // 0: none.
  // What the loader's own tables occupy: start info, map, command line, list of modules.
  so_pvh_range tables[4];
  size_t table_count;
} so_pvh_info;

// A view of physical memory: `len` bytes at `address`, or NULL when they are not all there.
typedef struct so_pvh_view {
  const uint8_t *(*at)(void *ctx, uint64_t address, size_t len);
  void *ctx;
} so_pvh_view;

// so_pvh_parse reads the start info at `address`. MALFORMED: no magic, or something points to nowhere. NOT_FOUND:
// no memory map (version 0): there is no way to know the memory. LIMIT: too many modules. RAM beyond
// SO_PVH_RANGES_MAX ranges is left alone.
SO_MUST_USE so_status so_pvh_parse(const so_pvh_view *view, uint64_t address, so_pvh_info *out);

// so_pvh_free computes what of `ram` lies in none of `taken`, in whole pages, ascending, below `end`, and never
// page 0. Returns how many ranges are in `out`; smaller ones are left out when there are more than `cap`.
size_t so_pvh_free(const so_pvh_range *ram, size_t ram_count, const so_pvh_range *taken,
                   size_t taken_count, uint64_t end, so_pvh_range *out, size_t cap);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_X86_PVH_PVH_H_
