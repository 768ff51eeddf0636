#include "crypto/endian/endian.h"
#include "crypto/gcm/clmul.h"

// AES-CTR and GHASH in one pass, 8 blocks at a time, with 128-bit instructions. The products of
// the hash are issued between the AES rounds, which keep the same units busy only half the time.

#if SO_GCM_HW

#define INLINE SO_V128_INLINE
#define LANES 8
#define BATCH_LEN ((size_t)16 * LANES)

// What runs from batch to batch: the counter with its bytes reversed, and the hash likewise.
typedef struct pass {
  so_v128 counter, y;
} pass;

INLINE so_v128 round_key(const so_gcm *gcm, unsigned r) {
  return so_load128(gcm->aes.round_keys + 16 * r);
}

// Adds block `k` of a batch to the sum, the hash so far to the first.
INLINE void hash_block(const so_gcm *gcm, so_clmul_sum *sum, so_v128 y, const uint8_t *in,
                       unsigned k) {
  so_v128 x = so_reverse_bytes(so_load128(in + 16 * k));
  x = k == 0 ? so_xor128(x, y) : x;
  so_clmul_add(sum, x, so_load128(gcm->powers[SO_GCM_POWERS - LANES + k]));
}

INLINE void one_round(const so_gcm *gcm, so_v128 v[LANES], unsigned r) {
  const so_v128 before = round_key(gcm, r - 1), after = round_key(gcm, r);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    v[k] = so_aes_round(v[k], before, after);
  }
}

// Applies the cipher to one batch in place; hashes the batch at `hashed` between the rounds unless
// that is NULL.
INLINE void batch(const so_gcm *gcm, pass *p, const uint8_t *hashed, uint8_t *inout) {
  so_v128 v[LANES];
  so_clmul_sum sum = so_clmul_zero();
  const so_v128 key0 = round_key(gcm, 0);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const so_v128 number = so_add32(p->counter, so_v128_of(k, 0));
    v[k] = so_aes_begin(so_reverse_bytes(number), key0);
  }
  p->counter = so_add32(p->counter, so_v128_of(LANES, 0));
#pragma clang loop unroll(full)
  for (unsigned r = 1; r < 10; r++) {
    one_round(gcm, v, r);
    if (hashed != NULL && r <= LANES) {
      hash_block(gcm, &sum, p->y, hashed, r - 1);
    }
  }
  for (unsigned r = 10; r < gcm->aes.rounds; r++) {
    one_round(gcm, v, r);
  }
  if (hashed != NULL) {
    p->y = so_clmul_reduce(&sum);
  }
  const so_v128 before = round_key(gcm, gcm->aes.rounds - 1u);
  const so_v128 last = round_key(gcm, gcm->aes.rounds);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const so_v128 stream = so_aes_last(v[k], before, last);
    so_store128(inout + 16 * k, so_xor128(stream, so_load128(inout + 16 * k)));
  }
}

INLINE pass begin(const uint8_t counter[16], const so_ghash *hash) {
  const pass p = {so_reverse_bytes(so_load128(counter)), so_reverse_bytes(so_load128(hash->y))};
  return p;
}

INLINE void end(const pass *p, uint8_t counter[16], so_ghash *hash) {
  so_store128(counter, so_reverse_bytes(p->counter));
  so_store128(hash->y, so_reverse_bytes(p->y));
}

SO_V128_TARGET size_t so_gcm_v128_seal(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash,
                                uint8_t *inout, size_t len) {
  const size_t whole = len - len % BATCH_LEN;
  if (whole == 0) {
    return 0;
  }
  pass p = begin(counter, hash);
  // The hash is one batch behind, for it needs the ciphertext.
  batch(gcm, &p, NULL, inout);
  for (size_t off = BATCH_LEN; off < whole; off += BATCH_LEN) {
    batch(gcm, &p, inout + off - BATCH_LEN, inout + off);
  }
  end(&p, counter, hash);
  so_ghash_clmul_blocks(gcm, hash, inout + whole - BATCH_LEN, LANES);
  return whole;
}

SO_V128_TARGET size_t so_gcm_v128_open(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash,
                                uint8_t *inout, size_t len) {
  const size_t whole = len - len % BATCH_LEN;
  pass p = begin(counter, hash);
  for (size_t off = 0; off < whole; off += BATCH_LEN) {
    batch(gcm, &p, inout + off, inout + off);
  }
  end(&p, counter, hash);
  return whole;
}

#endif
