#include "crypto/endian/endian.h"
#include "crypto/gcm/clmul.h"

// AES-CTR and GHASH in one pass, 16 blocks at a time in 256-bit vectors of two blocks.

#if defined(__x86_64__)

#define TARGET __attribute__((target("vaes,vpclmulqdq,avx2,pclmul,aes")))
#define INLINE \
  __attribute__((always_inline, target("vaes,vpclmulqdq,avx2,pclmul,aes"))) static inline
#define LANES 8  // Vectors in flight: a round takes 4 cycles and 2 can start in each.
#define BATCH_LEN ((size_t)32 * LANES)

// What runs from batch to batch: the numbers of the next two counter blocks with their bytes
// reversed, and the hash so far, reversed, in the low half of `y`.
typedef struct pass {
  __m256i counter, y;
} pass;

typedef struct wide_sum {
  __m256i low, middle, high;
} wide_sum;

INLINE __m256i load256(const uint8_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
INLINE void store256(uint8_t *p, __m256i v) { _mm256_storeu_si256((__m256i *)(void *)p, v); }

INLINE __m256i reverse256(__m256i v) {
  return _mm256_shuffle_epi8(v, _mm256_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f,
                                                  0x0001020304050607, 0x08090a0b0c0d0e0f));
}

INLINE __m256i round_key(const so_gcm *gcm, unsigned r) {
  return _mm256_broadcastsi128_si256(so_load128(gcm->aes.round_keys + 16 * r));
}

// Adds blocks 2 * k and 2 * k + 1 of a batch to the sum, the hash so far to the first.
INLINE void hash_pair(const so_gcm *gcm, wide_sum *sum, __m256i y, const uint8_t *in, unsigned k) {
  const __m256i power = load256(gcm->powers[2 * k]);
  __m256i x = reverse256(load256(in + 32 * k));
  x = k == 0 ? _mm256_xor_si256(x, y) : x;
  const __m256i low = _mm256_clmulepi64_epi128(x, power, 0x00);
  const __m256i high = _mm256_clmulepi64_epi128(x, power, 0x11);
  const __m256i middle = _mm256_xor_si256(_mm256_clmulepi64_epi128(x, power, 0x01),
                                          _mm256_clmulepi64_epi128(x, power, 0x10));
  sum->low = k == 0 ? low : _mm256_xor_si256(sum->low, low);
  sum->high = k == 0 ? high : _mm256_xor_si256(sum->high, high);
  sum->middle = k == 0 ? middle : _mm256_xor_si256(sum->middle, middle);
}

INLINE __m128i add_halves(__m256i v) {
  return _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

INLINE __m256i reduce(const wide_sum *wide) {
  const so_clmul_sum sum = {add_halves(wide->low), add_halves(wide->middle),
                            add_halves(wide->high)};
  return _mm256_zextsi128_si256(so_clmul_reduce(&sum));
}

INLINE void first_states(const so_gcm *gcm, pass *p, __m256i v[LANES]) {
  const __m256i key0 = round_key(gcm, 0);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const __m256i step = _mm256_set_epi32(0, 0, 0, (int)(2 * k), 0, 0, 0, (int)(2 * k));
    v[k] = _mm256_xor_si256(reverse256(_mm256_add_epi32(p->counter, step)), key0);
  }
  p->counter = _mm256_add_epi32(p->counter,
                                _mm256_set_epi32(0, 0, 0, 2 * LANES, 0, 0, 0, 2 * LANES));
}

INLINE void one_round(__m256i v[LANES], __m256i key) {
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    v[k] = _mm256_aesenc_epi128(v[k], key);
  }
}

// Applies the cipher to one batch in place; hashes the batch at `hashed` between the rounds unless
// that is NULL.
INLINE void batch(const so_gcm *gcm, pass *p, const uint8_t *hashed, uint8_t *inout) {
  __m256i v[LANES];
  wide_sum sum;
  first_states(gcm, p, v);
#pragma clang loop unroll(full)
  for (unsigned r = 1; r < 10; r++) {
    one_round(v, round_key(gcm, r));
    if (hashed != NULL && r <= LANES) {
      hash_pair(gcm, &sum, p->y, hashed, r - 1);
    }
  }
  for (unsigned r = 10; r < gcm->aes.rounds; r++) {
    one_round(v, round_key(gcm, r));
  }
  if (hashed != NULL) {
    p->y = reduce(&sum);
  }
  const __m256i last = round_key(gcm, gcm->aes.rounds);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const __m256i stream = _mm256_aesenclast_epi128(v[k], last);
    store256(inout + 32 * k, _mm256_xor_si256(stream, load256(inout + 32 * k)));
  }
}

INLINE pass begin(const uint8_t counter[16], const so_ghash *hash) {
  const __m256i both = _mm256_broadcastsi128_si256(so_reverse_bytes(so_load128(counter)));
  const pass p = {
      _mm256_add_epi32(both, _mm256_set_epi32(0, 0, 0, 1, 0, 0, 0, 0)),
      _mm256_zextsi128_si256(so_reverse_bytes(so_load128(hash->y))),
  };
  return p;
}

INLINE void end(const pass *p, uint8_t counter[16], so_ghash *hash) {
  so_store128(counter, so_reverse_bytes(_mm256_castsi256_si128(p->counter)));
  so_store128(hash->y, so_reverse_bytes(_mm256_castsi256_si128(p->y)));
}

TARGET size_t so_gcm_v256_seal(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash,
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
  wide_sum sum;
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    hash_pair(gcm, &sum, p.y, inout + whole - BATCH_LEN, k);
  }
  p.y = reduce(&sum);
  end(&p, counter, hash);
  return whole;
}

TARGET size_t so_gcm_v256_open(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash,
                               uint8_t *inout, size_t len) {
  const size_t whole = len - len % BATCH_LEN;
  if (whole == 0) {
    return 0;
  }
  pass p = begin(counter, hash);
  for (size_t off = 0; off < whole; off += BATCH_LEN) {
    batch(gcm, &p, inout + off, inout + off);
  }
  end(&p, counter, hash);
  return whole;
}

#endif
