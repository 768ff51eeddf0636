// Memory made of the input: nothing outside of it may be read, and free memory must be RAM that is not taken.
#include <stdlib.h>

#include "kernel/x86/pvh/pvh.h"
#include "tests/support/support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_bytes memory = so_bytes_of(data, len);
  const so_pvh_view view = {
      [](void *ctx, uint64_t address, size_t n) -> const uint8_t * {
        const so_bytes *const m = static_cast<const so_bytes *>(ctx);
        return address <= m->len && n <= m->len - address ? m->ptr + address : nullptr;
      },
      &memory};
  so_pvh_info info;
  if (!so_ok(so_pvh_parse(&view, 0, &info))) return 0;
  so_pvh_range out[8];
  const size_t count =
      so_pvh_free(info.ram, info.ram_count, info.tables, info.table_count, UINT64_C(1) << 39, out, 8);
  uint64_t last = 0;
  for (size_t i = 0; i < count; i++) {
    if (out[i].base < last || out[i].base == 0 || out[i].len == 0 || out[i].base % 4096 != 0 ||
        out[i].len % 4096 != 0 || out[i].base + out[i].len > UINT64_C(1) << 39) {
      abort();
    }
    last = out[i].base + out[i].len;
  }
  return 0;
}
