#include "crypto/endian/endian.h"
#include "crypto/gcm/clmul.h"

// AES-CTR and GHASH in one pass, 8 blocks at a time, with 128-bit instructions. The products of
// the hash are issued between the AES rounds, which keep the same units busy only half the time.

#if defined(__x86_64__)

#define TARGET __attribute__((target("pclmul,aes,ssse3,sse4.1")))
#define INLINE __attribute__((always_inline, target("pclmul,aes,ssse3,sse4.1"))) static inline
#define LANES 8
#define BATCH_LEN ((size_t)16 * LANES)

// What runs from batch to batch: the counter with its bytes reversed, and the hash likewise.
typedef struct pass {
  __m128i counter, y;
} pass;

INLINE __m128i round_key(const so_gcm *gcm, unsigned r) {
  return so_load128(gcm->aes.round_keys + 16 * r);
}

// Adds block `k` of a batch to the sum, the hash so far to the first.
INLINE void hash_block(const so_gcm *gcm, so_clmul_sum *sum, __m128i y, const uint8_t *in,
                       unsigned k) {
  __m128i x = so_reverse_bytes(so_load128(in + 16 * k));
  x = k == 0 ? _mm_xor_si128(x, y) : x;
  so_clmul_add(sum, x, so_load128(gcm->powers[SO_GCM_POWERS - LANES + k]));
}

// Applies the cipher to one batch in place; hashes the batch at `hashed` between the rounds unless
// that is NULL.
INLINE void batch(const so_gcm *gcm, pass *p, const uint8_t *hashed, uint8_t *inout) {
  __m128i v[LANES];
  so_clmul_sum sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
  const __m128i key0 = round_key(gcm, 0);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const __m128i number = _mm_add_epi32(p->counter, _mm_set_epi32(0, 0, 0, (int)k));
    v[k] = _mm_xor_si128(so_reverse_bytes(number), key0);
  }
  p->counter = _mm_add_epi32(p->counter, _mm_set_epi32(0, 0, 0, LANES));
#pragma clang loop unroll(full)
  for (unsigned r = 1; r < 10; r++) {
    const __m128i key = round_key(gcm, r);
#pragma clang loop unroll(full)
    for (unsigned k = 0; k < LANES; k++) {
      v[k] = _mm_aesenc_si128(v[k], key);
    }
    if (hashed != NULL && r <= LANES) {
      hash_block(gcm, &sum, p->y, hashed, r - 1);
    }
  }
  for (unsigned r = 10; r < gcm->aes.rounds; r++) {
    const __m128i key = round_key(gcm, r);
#pragma clang loop unroll(full)
    for (unsigned k = 0; k < LANES; k++) {
      v[k] = _mm_aesenc_si128(v[k], key);
    }
  }
  if (hashed != NULL) {
    p->y = so_clmul_reduce(&sum);
  }
  const __m128i last = round_key(gcm, gcm->aes.rounds);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const __m128i stream = _mm_aesenclast_si128(v[k], last);
    so_store128(inout + 16 * k, _mm_xor_si128(stream, so_load128(inout + 16 * k)));
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

TARGET size_t so_gcm_aesni_seal(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash,
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

TARGET size_t so_gcm_aesni_open(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash,
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
