// RNDR, where the processor has it (FEAT_RNG), and rng-seed, where the loader gives it (Devicetree Specification
// 0.4, 3.6). What was given is erased from the tree, so that nothing reads it later.

#include "arm/machine/internal.h"
#include "base/mem.h"

#define TRIES 100u
#define SEED_MAX 64u  // What is more is erased all the same.

static uint8_t seed[SEED_MAX];
static size_t seed_len;

void arm_seed_take(so_bytes in_tree) {
  if (in_tree.len == 0) {
    return;
  }
  seed_len = in_tree.len < SEED_MAX ? in_tree.len : SEED_MAX;
  memcpy(seed, in_tree.ptr, seed_len);
  memset((void *)(uintptr_t)in_tree.ptr, 0, in_tree.len);
}

size_t so_machine_seed(uint8_t *out, size_t cap) {
  const size_t n = seed_len < cap ? seed_len : cap;
  memcpy(out, seed, n);
  memset(seed, 0, sizeof seed);
  seed_len = 0;
  return n;
}

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
