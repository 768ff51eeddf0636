#include "crypto/hash/hash.h"

#include "base/assert.h"

size_t so_hash_len(so_hash_alg alg) {
  switch (alg) {
    case SO_SHA256:
      return SO_SHA256_LEN;
    case SO_SHA384:
      return SO_SHA384_LEN;
    case SO_SHA512:
      return SO_SHA512_LEN;
  }
  SO_ASSERT(false);
  return 0;
}

size_t so_hash_block_len(so_hash_alg alg) {
  return alg == SO_SHA256 ? SO_SHA256_BLOCK_LEN : SO_SHA512_BLOCK_LEN;
}

void so_hash_init(so_hash *ctx, so_hash_alg alg, const so_cpu *cpu) {
  ctx->alg = alg;
  switch (alg) {
    case SO_SHA256:
      so_sha256_init(&ctx->u.sha256, cpu);
      return;
    case SO_SHA384:
      so_sha384_init(&ctx->u.sha512, cpu);
      return;
    case SO_SHA512:
      so_sha512_init(&ctx->u.sha512, cpu);
      return;
  }
  SO_ASSERT(false);
}

void so_hash_update(so_hash *ctx, so_bytes data) {
  if (ctx->alg == SO_SHA256) {
    so_sha256_update(&ctx->u.sha256, data);
  } else {
    so_sha512_update(&ctx->u.sha512, data);
  }
}

void so_hash_final(so_hash *ctx, uint8_t *out) {
  switch (ctx->alg) {
    case SO_SHA256:
      so_sha256_final(&ctx->u.sha256, out);
      return;
    case SO_SHA384:
      so_sha384_final(&ctx->u.sha512, out);
      return;
    case SO_SHA512:
      so_sha512_final(&ctx->u.sha512, out);
      return;
  }
  SO_ASSERT(false);
}

void so_hash_once(so_hash_alg alg, const so_cpu *cpu, so_bytes data, uint8_t *out) {
  so_hash ctx;
  so_hash_init(&ctx, alg, cpu);
  so_hash_update(&ctx, data);
  so_hash_final(&ctx, out);
}
