#include "base/assert.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/sha2/internal.h"
#include "crypto/sha2/sha2.h"

// More would overflow the count of bits that the padding holds.
#define TOTAL_LEN_MAX (((uint64_t)1 << 61) - 1)

static void blocks(so_sha512 *ctx, const uint8_t *in, size_t count) {
#if defined(__aarch64__)
  if (ctx->use_sha) {
    so_sha512_blocks_hw(ctx->state, in, count);
    return;
  }
#endif
#if defined(__x86_64__)
  if (ctx->use_bmi2) {
    so_sha512_blocks_bmi2(ctx->state, in, count);
    return;
  }
#endif
  so_sha512_blocks_portable(ctx->state, in, count);
}

static void init(so_sha512 *ctx, const so_cpu *cpu, const uint64_t start[8]) {
  memset(ctx, 0, sizeof *ctx);
  memcpy(ctx->state, start, sizeof ctx->state);
  ctx->use_sha = cpu->sha512;
  ctx->use_bmi2 = cpu->bmi2;
}

void so_sha512_init(so_sha512 *ctx, const so_cpu *cpu) {
  // FIPS 180-4 5.3.5.
  static const uint64_t start[8] = {
      0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
      0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
  };
  init(ctx, cpu, start);
}

void so_sha384_init(so_sha512 *ctx, const so_cpu *cpu) {
  // FIPS 180-4 5.3.4.
  static const uint64_t start[8] = {
      0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
      0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
  };
  init(ctx, cpu, start);
}

void so_sha512_update(so_sha512 *ctx, so_bytes data) {
  const size_t waiting = (size_t)(ctx->total_len % SO_SHA512_BLOCK_LEN);
  SO_ASSERT(data.len <= TOTAL_LEN_MAX - ctx->total_len);
  ctx->total_len += data.len;
  if (waiting != 0) {
    const size_t room = SO_SHA512_BLOCK_LEN - waiting;
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
  const size_t whole = data.len / SO_SHA512_BLOCK_LEN;
  const size_t rest = data.len % SO_SHA512_BLOCK_LEN;
  if (whole != 0) {
    blocks(ctx, data.ptr, whole);
  }
  if (rest != 0) {
    memcpy(ctx->block, data.ptr + (data.len - rest), rest);
  }
}

// Pads and hashes the last blocks; the state is then the result.
static void finish(so_sha512 *ctx) {
  // FIPS 180-4 5.1.2: a one bit, zeros, the length in bits in the last 16 bytes, of which
  // the limit leaves the first 8 zero.
  const size_t length_off = SO_SHA512_BLOCK_LEN - 16;
  size_t n = (size_t)(ctx->total_len % SO_SHA512_BLOCK_LEN);
  ctx->block[n++] = 0x80;
  if (n > length_off) {
    memset(ctx->block + n, 0, SO_SHA512_BLOCK_LEN - n);
    blocks(ctx, ctx->block, 1);
    n = 0;
  }
  memset(ctx->block + n, 0, length_off - n);
  so_store_be64(ctx->block + length_off, 0);
  so_store_be64(ctx->block + length_off + 8, ctx->total_len << 3);
  blocks(ctx, ctx->block, 1);
}

static void store(so_sha512 *ctx, uint8_t *out, size_t words) {
  for (size_t i = 0; i < words; i++) {
    so_store_be64(out + 8 * i, ctx->state[i]);
  }
  so_wipe(ctx, sizeof *ctx);
}

void so_sha512_final(so_sha512 *ctx, uint8_t out[SO_SHA512_LEN]) {
  finish(ctx);
  store(ctx, out, SO_SHA512_LEN / 8);
}

void so_sha384_final(so_sha512 *ctx, uint8_t out[SO_SHA384_LEN]) {
  finish(ctx);
  store(ctx, out, SO_SHA384_LEN / 8);
}
