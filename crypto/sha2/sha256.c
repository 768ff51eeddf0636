#include "base/assert.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/sha2/internal.h"
#include "crypto/sha2/sha2.h"

// More would overflow the count of bits that the padding holds.
#define TOTAL_LEN_MAX (((uint64_t)1 << 61) - 1)

static void blocks(so_sha256 *ctx, const uint8_t *in, size_t count) {
#if SO_SHA256_HW
  if (ctx->use_sha) {
    so_sha256_blocks_hw(ctx->state, in, count);
    return;
  }
#endif
#if defined(__x86_64__)
  if (ctx->use_bmi2) {
    so_sha256_blocks_bmi2(ctx->state, in, count);
    return;
  }
#endif
  so_sha256_blocks_portable(ctx->state, in, count);
}

void so_sha256_init(so_sha256 *ctx, const so_cpu *cpu) {
  // FIPS 180-4 5.3.3.
  static const uint32_t start[8] = {
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  };
  memset(ctx, 0, sizeof *ctx);
  memcpy(ctx->state, start, sizeof start);
  ctx->use_sha = cpu->sha;
  ctx->use_bmi2 = cpu->bmi2;
}

void so_sha256_update(so_sha256 *ctx, so_bytes data) {
  const size_t waiting = (size_t)(ctx->total_len % SO_SHA256_BLOCK_LEN);
  SO_ASSERT(data.len <= TOTAL_LEN_MAX - ctx->total_len);
  ctx->total_len += data.len;
  if (waiting != 0) {
    const size_t room = SO_SHA256_BLOCK_LEN - waiting;
    const size_t n = data.len < room ? data.len : room;
    if (n != 0) {
      memcpy(ctx->block + waiting, data.ptr, n);
    }
    if (n < room) {
      return;
    }
    blocks(ctx, ctx->block, 1);
    data = so_bytes_of(data.ptr + n, data.len - n);
  }
  const size_t whole = data.len / SO_SHA256_BLOCK_LEN;
  const size_t rest = data.len % SO_SHA256_BLOCK_LEN;
  if (whole != 0) {
    blocks(ctx, data.ptr, whole);
  }
  if (rest != 0) {
    memcpy(ctx->block, data.ptr + (data.len - rest), rest);
  }
}

void so_sha256_final(so_sha256 *ctx, uint8_t out[SO_SHA256_LEN]) {
  // FIPS 180-4 5.1.1: a one bit, zeros, the length in bits in the last 8 bytes.
  const size_t length_off = SO_SHA256_BLOCK_LEN - 8;
  size_t n = (size_t)(ctx->total_len % SO_SHA256_BLOCK_LEN);
  ctx->block[n++] = 0x80;
  if (n > length_off) {
    memset(ctx->block + n, 0, SO_SHA256_BLOCK_LEN - n);
    blocks(ctx, ctx->block, 1);
    n = 0;
  }
  memset(ctx->block + n, 0, length_off - n);
  so_store_be64(ctx->block + length_off, ctx->total_len << 3);
  blocks(ctx, ctx->block, 1);
  for (size_t i = 0; i < 8; i++) {
    so_store_be32(out + 4 * i, ctx->state[i]);
  }
  so_wipe(ctx, sizeof *ctx);
}
