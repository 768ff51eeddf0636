// RNDR, where the processor has it (FEAT_RNG).

#include "arm/machine/internal.h"
#include "base/mem.h"

#define TRIES 100u

bool so_machine_random(uint8_t *out, size_t len) {
  if (!so_cpu_has_random()) {
    return false;
  }
  uint64_t before = 0;
  while (len != 0) {
    uint64_t v = 0;
    bool ok = false;
    for (unsigned i = 0; i < TRIES && !ok; i++) {
      ok = so_cpu_random(&v);
    }
    if (!ok || v == 0 || v == before) {
      return false;
    }
    before = v;
    const size_t n = len < sizeof v ? len : sizeof v;
    memcpy(out, &v, n);
    out += n;
    len -= n;
  }
  return true;
}
