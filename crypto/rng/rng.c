#include "crypto/rng/rng.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/chacha20/block.h"
#include "crypto/ct/ct.h"

#define BLOCK_LEN 64u

void so_rng_init(so_rng *rng, const uint8_t seed[SO_RNG_SEED_LEN]) {
  memset(rng, 0, sizeof *rng);
  memcpy(rng->key, seed, SO_RNG_SEED_LEN);
}

// Every key makes exactly one batch, so the nonce never changes.
static void refill(so_rng *rng) {
  uint8_t batch[SO_RNG_BATCH_LEN];
  for (uint32_t i = 0; i < SO_RNG_BATCH_LEN / BLOCK_LEN; i++) {
    so_chacha20_small_block(rng->key, i, batch + BLOCK_LEN * i);
  }
  memcpy(rng->key, batch, SO_RNG_SEED_LEN);
  memcpy(rng->ready, batch + SO_RNG_SEED_LEN, sizeof rng->ready);
  rng->ready_len = sizeof rng->ready;
  so_wipe(batch, sizeof batch);
}

void so_rng_fill(so_rng *rng, uint8_t *out, size_t len) {
  while (len != 0) {
    if (rng->ready_len == 0) {
      refill(rng);
    }
    const size_t n = len < rng->ready_len ? len : rng->ready_len;
    uint8_t *const next = rng->ready + (sizeof rng->ready - rng->ready_len);
    memcpy(out, next, n);
    so_wipe(next, n);
    rng->ready_len -= n;
    out += n;
    len -= n;
  }
}

void so_rng_reseed(so_rng *rng, const uint8_t more[SO_RNG_SEED_LEN]) {
  // The next key is the first half of a block under the old key xored with `more`: whoever lacks
  // either of the two does not know it, nor, afterwards, what went in.
  for (size_t i = 0; i < SO_RNG_SEED_LEN; i++) {
    rng->key[i] ^= more[i];
  }
  refill(rng);
  so_wipe(rng->ready, sizeof rng->ready);
  rng->ready_len = 0;
}

uint64_t so_rng_u64(so_rng *rng) {
  uint64_t v;
  so_rng_fill(rng, (uint8_t *)&v, sizeof v);
  return v;
}

uint64_t so_rng_below(so_rng *rng, uint64_t bound) {
  SO_ASSERT(bound != 0);
  // Draws as many bits as bound - 1 has until they are below the bound: under two draws on average.
  const uint64_t highest = bound - 1;
  const uint64_t mask = highest == 0 ? 0 : UINT64_MAX >> __builtin_clzll(highest);
  uint64_t v;
  do {
    v = so_rng_u64(rng) & mask;
  } while (v >= bound);
  return v;
}

void so_rng_wipe(so_rng *rng) { so_wipe(rng, sizeof *rng); }
