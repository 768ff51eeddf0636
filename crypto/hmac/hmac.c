#include "crypto/hmac/hmac.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"

// Starts one of the two hashes with the key, padded to a block and xored with `pad`.
static void start(so_hash *hash, so_hash_alg alg, const so_cpu *cpu, const uint8_t *key_block,
                  uint8_t pad) {
  uint8_t block[SO_HASH_BLOCK_LEN_MAX];
  const size_t block_len = so_hash_block_len(alg);
  for (size_t i = 0; i < block_len; i++) {
    block[i] = key_block[i] ^ pad;
  }
  so_hash_init(hash, alg, cpu);
  so_hash_update(hash, so_bytes_of(block, block_len));
  so_wipe(block, sizeof block);
}

void so_hmac_init(so_hmac *ctx, so_hash_alg alg, const so_cpu *cpu, so_bytes key) {
  uint8_t key_block[SO_HASH_BLOCK_LEN_MAX] = {0};
  if (key.len > so_hash_block_len(alg)) {
    so_hash_once(alg, cpu, key, key_block);
  } else if (key.len != 0) {
    memcpy(key_block, key.ptr, key.len);
  }
  start(&ctx->inner, alg, cpu, key_block, 0x36);
  start(&ctx->outer, alg, cpu, key_block, 0x5c);
  so_wipe(key_block, sizeof key_block);
}

void so_hmac_update(so_hmac *ctx, so_bytes data) { so_hash_update(&ctx->inner, data); }

void so_hmac_final(so_hmac *ctx, uint8_t *out) {
  uint8_t digest[SO_HASH_LEN_MAX];
  const size_t len = so_hash_len(ctx->inner.alg);
  so_hash_final(&ctx->inner, digest);
  so_hash_update(&ctx->outer, so_bytes_of(digest, len));
  so_hash_final(&ctx->outer, out);
  so_wipe(digest, sizeof digest);
}

void so_hmac_once(so_hash_alg alg, const so_cpu *cpu, so_bytes key, so_bytes data, uint8_t *out) {
  so_hmac ctx;
  so_hmac_init(&ctx, alg, cpu, key);
  so_hmac_update(&ctx, data);
  so_hmac_final(&ctx, out);
}
