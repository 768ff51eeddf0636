#include "crypto/blake2b/blake2b.h"

#include "base/assert.h"

// The reference code fails only on lengths that are wrong in the call, and ours are constants.

void so_blake2b_init(so_blake2b *ctx) {
  const int failed = blake2b_init(&ctx->state, SO_BLAKE2B_256_LEN);
  SO_ASSERT(failed == 0);
}

void so_blake2b_update(so_blake2b *ctx, so_bytes data) {
  if (data.len == 0) {
    return;
  }
  const int failed = blake2b_update(&ctx->state, data.ptr, data.len);
  SO_ASSERT(failed == 0);
}

void so_blake2b_final(so_blake2b *ctx, uint8_t out[SO_BLAKE2B_256_LEN]) {
  const int failed = blake2b_final(&ctx->state, out, SO_BLAKE2B_256_LEN);
  SO_ASSERT(failed == 0);
}

void so_blake2b_256(const so_bytes *parts, size_t count, uint8_t out[SO_BLAKE2B_256_LEN]) {
  so_blake2b ctx;
  so_blake2b_init(&ctx);
  for (size_t i = 0; i < count; i++) {
    so_blake2b_update(&ctx, parts[i]);
  }
  so_blake2b_final(&ctx, out);
}
