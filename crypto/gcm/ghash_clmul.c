#include "crypto/endian/endian.h"
#include "crypto/gcm/clmul.h"

#if SO_GCM_HW

// H * x in the reversed form: one bit up, and what falls out comes back as the polynomial.
SO_V128_TARGET static so_v128 times_x(const uint8_t h[16]) {
  const uint64_t high = so_load_be64(h), low = so_load_be64(h + 8);
  const uint64_t out = 0 - (high >> 63);
  const uint64_t new_high = (high << 1 | low >> 63) ^ (out & 0xc200000000000000);
  const uint64_t new_low = low << 1 ^ (out & 1);
  return so_v128_of(new_low, new_high);
}

SO_V128_TARGET void so_ghash_clmul_init(so_gcm *gcm, const uint8_t h[16]) {
  const so_v128 h1 = times_x(h);
  so_v128 power = h1;
  for (unsigned i = SO_GCM_POWERS; i-- > 0;) {
    so_store128(gcm->powers[i], power);
    so_clmul_sum sum = so_clmul_zero();
    so_clmul_add(&sum, power, h1);
    power = so_clmul_reduce(&sum);
  }
}

SO_V128_TARGET void so_ghash_clmul_blocks(const so_gcm *gcm, so_ghash *hash, const uint8_t *in,
                                          size_t count) {
  so_v128 y = so_reverse_bytes(so_load128(hash->y));
  while (count != 0) {
    const size_t n = count < SO_GCM_POWERS ? count : SO_GCM_POWERS;
    const uint8_t *powers = gcm->powers[SO_GCM_POWERS - n];
    so_clmul_sum sum = so_clmul_zero();
    for (size_t i = 0; i < n; i++) {
      const so_v128 block = so_reverse_bytes(so_load128(in + 16 * i));
      so_clmul_add(&sum, i == 0 ? so_xor128(block, y) : block, so_load128(powers + 16 * i));
    }
    y = so_clmul_reduce(&sum);
    in += 16 * n;
    count -= n;
  }
  so_store128(hash->y, so_reverse_bytes(y));
}

#endif
