#include "crypto/hkdf/hkdf.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/hmac/hmac.h"

#define EXPAND_BLOCKS_MAX 255  // The block counter is one byte.

void so_hkdf_extract(so_hash_alg alg, const so_cpu *cpu, so_bytes salt, so_bytes ikm,
                     uint8_t *out) {
  // HMAC pads a short key with zeros, so an empty salt is the same as hash-length zeros.
  so_hmac_once(alg, cpu, salt, ikm, out);
}

so_status so_hkdf_expand(so_hash_alg alg, const so_cpu *cpu, so_bytes prk, so_bytes info,
                         uint8_t *out, size_t out_len) {
  const size_t hash_len = so_hash_len(alg);
  if (out_len > EXPAND_BLOCKS_MAX * hash_len) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_hmac keyed, ctx;
  so_hmac_init(&keyed, alg, cpu, prk);
  // RFC 5869 2.3: T(i) = HMAC(PRK, T(i - 1) | info | i), T(0) is empty.
  uint8_t block[SO_HASH_LEN_MAX];
  size_t block_len = 0;
  uint8_t counter = 0;
  for (size_t off = 0; off < out_len;) {
    counter++;
    ctx = keyed;
    so_hmac_update(&ctx, so_bytes_of(block, block_len));
    so_hmac_update(&ctx, info);
    so_hmac_update(&ctx, so_bytes_of(&counter, 1));
    so_hmac_final(&ctx, block);
    block_len = hash_len;
    const size_t n = out_len - off < hash_len ? out_len - off : hash_len;
    memcpy(out + off, block, n);
    off += n;
  }
  so_wipe(block, sizeof block);
  so_wipe(&keyed, sizeof keyed);
  return so_done();
}
