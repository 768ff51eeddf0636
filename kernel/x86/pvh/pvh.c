#include "kernel/x86/pvh/pvh.h"

#include "base/mem.h"

#define MAGIC 0x336ec578u
#define START_LEN_0 40u
#define START_LEN_1 56u
#define MODULE_LEN 32u
#define ENTRY_LEN 24u
#define ENTRIES_MAX 128u
#define TYPE_RAM 1u

static so_status bad(void) { return so_status_make(SO_MALFORMED, 0); }

static uint32_t u32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

static const uint8_t *table(const so_pvh_view *view, uint64_t at, size_t len, so_pvh_info *out) {
  const uint8_t *const p = view->at(view->ctx, at, len);
  if (p != NULL && len != 0) {
    out->tables[out->table_count++] = (so_pvh_range){at, len};
  }
  return p;
}

static so_status command_line(const so_pvh_view *view, uint64_t at, so_pvh_info *out) {
  size_t len = 0;
  const uint8_t *p = NULL;
  while (at != 0 && len < SO_PVH_COMMAND_LINE_MAX) {
    p = view->at(view->ctx, at, len + 1);
    if (p == NULL) {
      return bad();
    }
    if (p[len] == 0) {
      break;
    }
    len++;
  }
  if (len != 0) {
    out->command_line = so_bytes_of(table(view, at, len, out), len);
  }
  return so_done();
}

static so_status modules(const so_pvh_view *view, uint64_t at, uint32_t count, so_pvh_info *out) {
  if (count > SO_PVH_MODULES_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  const uint8_t *const list = table(view, at, count * MODULE_LEN, out);
  if (count != 0 && list == NULL) {
    return bad();
  }
  for (uint32_t i = 0; i < count; i++) {
    const so_pvh_range m = {u64(list + i * MODULE_LEN), u64(list + i * MODULE_LEN + 8)};
    if (m.base > UINT64_MAX - m.len) {
      return bad();
    }
    out->modules[out->module_count++] = m;
  }
  return so_done();
}

static so_status memory_map(const so_pvh_view *view, uint64_t at, uint32_t count,
                            so_pvh_info *out) {
  if (at == 0 || count == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  count = count < ENTRIES_MAX ? count : ENTRIES_MAX;
  const uint8_t *const map = table(view, at, count * ENTRY_LEN, out);
  if (map == NULL) {
    return bad();
  }
  for (uint32_t i = 0; i < count && out->ram_count < SO_PVH_RANGES_MAX; i++) {
    const uint8_t *const e = map + i * ENTRY_LEN;
    const so_pvh_range r = {u64(e), u64(e + 8)};
    if (u32(e + 16) == TYPE_RAM && r.len != 0 && r.base <= UINT64_MAX - r.len) {
      out->ram[out->ram_count++] = r;
    }
  }
  return so_done();
}

so_status so_pvh_parse(const so_pvh_view *view, uint64_t address, so_pvh_info *out) {
  memset(out, 0, sizeof *out);
  const uint8_t *start = view->at(view->ctx, address, START_LEN_0);
  if (start == NULL || u32(start) != MAGIC) {
    return bad();
  }
  if (u32(start + 4) == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  start = table(view, address, START_LEN_1, out);
  if (start == NULL) {
    return bad();
  }
  out->rsdp = u64(start + 32);
  SO_TRY(command_line(view, u64(start + 24), out));
  SO_TRY(modules(view, u64(start + 16), u32(start + 12), out));
  return memory_map(view, u64(start + 40), u32(start + 48), out);
}

// --- free memory ------------------------------------------------------------------------------

static uint64_t page_up(uint64_t at) {
  const uint64_t off = at % SO_PVH_PAGE_LEN;
  return off == 0 ? at : at > UINT64_MAX - SO_PVH_PAGE_LEN ? UINT64_MAX - UINT64_MAX % SO_PVH_PAGE_LEN
                                                           : at - off + SO_PVH_PAGE_LEN;
}

// Puts a range into `out` by its base; when there is no room the smallest of all falls out.
static size_t keep(so_pvh_range r, so_pvh_range *out, size_t count, size_t cap) {
  if (count == cap) {
    size_t smallest = 0;
    for (size_t i = 1; i < count; i++) {
      smallest = out[i].len < out[smallest].len ? i : smallest;
    }
    if (cap == 0 || out[smallest].len >= r.len) {
      return count;
    }
    memmove(&out[smallest], &out[smallest + 1], (count - smallest - 1) * sizeof *out);
    count--;
  }
  size_t at = count;
  for (; at > 0 && out[at - 1].base > r.base; at--) {
    out[at] = out[at - 1];
  }
  out[at] = r;
  return count + 1;
}

// The lowest thing in [at, end) that is taken, widened to whole pages; false: nothing is.
static bool next_taken(const so_pvh_range *taken, size_t count, uint64_t at, uint64_t end,
                       so_pvh_range *out) {
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    if (taken[i].len == 0 || taken[i].base > UINT64_MAX - taken[i].len) {
      continue;
    }
    const uint64_t from = taken[i].base - taken[i].base % SO_PVH_PAGE_LEN;
    const uint64_t to = page_up(taken[i].base + taken[i].len);
    if (to > at && from < end && (!found || from < out->base)) {
      *out = (so_pvh_range){from, to - from};
      found = true;
    }
  }
  return found;
}

size_t so_pvh_free(const so_pvh_range *ram, size_t ram_count, const so_pvh_range *taken,
                   size_t taken_count, uint64_t end, so_pvh_range *out, size_t cap) {
  size_t count = 0;
  end -= end % SO_PVH_PAGE_LEN;
  for (size_t i = 0; i < ram_count; i++) {
    if (ram[i].base > UINT64_MAX - ram[i].len) {
      continue;
    }
    uint64_t at = page_up(ram[i].base);
    uint64_t to = ram[i].base + ram[i].len;
    to -= to % SO_PVH_PAGE_LEN;
    at = at == 0 ? SO_PVH_PAGE_LEN : at;
    to = to < end ? to : end;
    while (at < to) {
      // What the map names twice counts once.
      so_pvh_range hole = {to, 0};
      so_pvh_range again;
      (void)next_taken(taken, taken_count, at, to, &hole);
      if (next_taken(ram, i, at, to, &again) && again.base < hole.base) {
        hole = again;
      }
      if (hole.base > at) {
        count = keep((so_pvh_range){at, hole.base - at}, out, count, cap);
      }
      at = hole.len != 0 ? hole.base + hole.len : to;
    }
  }
  return count;
}
