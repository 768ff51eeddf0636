// RDSEED where there is one, else RDRAND. AMD64 manual volume 3: both may fail for a while, which the carry
// flag says; Intel's guide asks for ten tries.

#include "base/mem.h"
#include "kernel/x86/internal.h"

#define TRIES 10
#define SEED_TRIES 100

static bool rdseed(uint64_t *out) {
  bool ok;
  __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
  return ok;
}
static bool rdrand(uint64_t *out) {
  bool ok;
  __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
  return ok;
}

static bool try_times(bool (*draw)(uint64_t *out), unsigned tries, uint64_t *out) {
  for (unsigned i = 0; i < tries; i++) {
    if (draw(out)) {
      return true;
    }
    __asm__ volatile("pause");
  }
  return false;
}

bool so_machine_random(uint8_t *out, size_t len) {
  const bool has_rdrand = (x86_cpuid(1, 0).c >> 30 & 1) != 0;
  const bool has_rdseed = x86_cpuid(0, 0).a >= 7 && (x86_cpuid(7, 0).b >> 18 & 1) != 0;
  uint64_t before = 0;
  while (len != 0) {
    uint64_t v;
    if (!(has_rdseed && try_times(rdseed, SEED_TRIES, &v)) &&
        !(has_rdrand && try_times(rdrand, TRIES, &v))) {
      return false;
    }
    // Some processors have answered all ones, always, and said that it went well.
    if (v == before || v == UINT64_MAX || v == 0) {
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

// PVH has no place for one.
size_t so_machine_seed(uint8_t *out, size_t cap) {
  (void)out, (void)cap;
  return 0;
}
