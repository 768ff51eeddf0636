#include "crypto/endian/endian.h"
#include "crypto/gcm/clmul.h"

#if defined(__x86_64__)

#define TARGET __attribute__((target("pclmul,aes,ssse3,sse4.1")))

// H * x in the reversed form: one bit up, and what falls out comes back as the polynomial.
TARGET static __m128i times_x(const uint8_t h[16]) {
  const uint64_t high = so_load_be64(h), low = so_load_be64(h + 8);
  const uint64_t out = 0 - (high >> 63);
  const uint64_t new_high = (high << 1 | low >> 63) ^ (out & 0xc200000000000000);
  const uint64_t new_low = low << 1 ^ (out & 1);
  return _mm_set_epi64x((long long)new_high, (long long)new_low);
}

TARGET void so_ghash_clmul_init(so_gcm *gcm, const uint8_t h[16]) {
  const __m128i h1 = times_x(h);
  __m128i power = h1;
  for (unsigned i = SO_GCM_POWERS; i-- > 0;) {
    so_store128(gcm->powers[i], power);
    so_clmul_sum sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    so_clmul_add(&sum, power, h1);
    power = so_clmul_reduce(&sum);
  }
}

TARGET void so_ghash_clmul_blocks(const so_gcm *gcm, so_ghash *hash, const uint8_t *in,
                                  size_t count) {
  __m128i y = so_reverse_bytes(so_load128(hash->y));
  while (count != 0) {
    const size_t n = count < SO_GCM_POWERS ? count : SO_GCM_POWERS;
    const uint8_t *powers = gcm->powers[SO_GCM_POWERS - n];
    so_clmul_sum sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    for (size_t i = 0; i < n; i++) {
      const __m128i block = so_reverse_bytes(so_load128(in + 16 * i));
      so_clmul_add(&sum, i == 0 ? _mm_xor_si128(block, y) : block, so_load128(powers + 16 * i));
    }
    y = so_clmul_reduce(&sum);
    in += 16 * n;
    count -= n;
  }
  so_store128(hash->y, so_reverse_bytes(y));
}

#endif
