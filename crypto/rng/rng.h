#ifndef SO_CRYPTO_RNG_RNG_H_
#define SO_CRYPTO_RNG_RNG_H_

// A random generator with fast key erasure over ChaCha20.
//
// One key makes one batch of keystream: its first 32 bytes replace the key, the rest is handed
// out and erased as it is. So whoever copies the state learns nothing about bytes given out
// before. Deterministic: the same seed and the same calls give the same bytes, which is how tests
// and the simulator use it; in programs the seed comes from the entropy port.
// A copy of the state yields the same future bytes: never copy one that serves for secrets.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_RNG_SEED_LEN 32
#define SO_RNG_BATCH_LEN 512

typedef struct so_rng {
  uint8_t key[SO_RNG_SEED_LEN];
  uint8_t ready[SO_RNG_BATCH_LEN - SO_RNG_SEED_LEN];
  size_t ready_len;  // The last ready_len bytes of `ready` were not handed out.
} so_rng;

// so_rng_init starts from a seed; the caller wipes its copy of it.
void so_rng_init(so_rng *rng, const uint8_t seed[SO_RNG_SEED_LEN]);

// so_rng_fill writes `len` random bytes. It cannot fail.
void so_rng_fill(so_rng *rng, uint8_t *out, size_t len);

// so_rng_reseed mixes in `more`: the result is unpredictable when either the state before or
// `more` was. Bytes waiting from before are dropped.
void so_rng_reseed(so_rng *rng, const uint8_t more[SO_RNG_SEED_LEN]);

// so_rng_u64 returns 64 random bits.
uint64_t so_rng_u64(so_rng *rng);

// so_rng_below returns a uniform number less than `bound`; a bound of 0 is an assert.
uint64_t so_rng_below(so_rng *rng, uint64_t bound);

void so_rng_wipe(so_rng *rng);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_RNG_RNG_H_
