#include "crypto/poly1305/poly1305.h"

#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/poly1305/internal.h"

void so_poly1305_init(so_poly1305 *ctx, const so_cpu *cpu,
                      const uint8_t key[SO_POLY1305_KEY_LEN]) {
  memset(ctx, 0, sizeof *ctx);
  ctx->use_avx2 = cpu->avx2;
  // RFC 8439 2.5: the clamp.
  so_poly1305_set_r(ctx, so_load_le64(key) & 0x0ffffffc0fffffff,
                    so_load_le64(key + 8) & 0x0ffffffc0ffffffc);
  for (unsigned i = 0; i < 4; i++) {
    ctx->pad[i] = so_load_le32(key + 16 + 4 * i);
  }
}

// Absorbs blocks of the message, as many as possible in vectors.
static void whole_blocks(so_poly1305 *ctx, const uint8_t *in, size_t count) {
  size_t done = 0;
#if SO_POLY1305_VECTORS
  if (ctx->use_avx2 && count >= SO_POLY1305_AVX2_MIN) {
    done = count - count % 4;
    so_poly1305_blocks_avx2(ctx, in, done);
  }
#endif
  if (done < count) {
    so_poly1305_blocks(ctx, in + SO_POLY1305_BLOCK_LEN * done, count - done, 1);
  }
}

void so_poly1305_update(so_poly1305 *ctx, so_bytes data) {
  if (ctx->block_len != 0) {
    const size_t room = SO_POLY1305_BLOCK_LEN - ctx->block_len;
    const size_t n = data.len < room ? data.len : room;
    if (n != 0) {
      memcpy(ctx->block + ctx->block_len, data.ptr, n);
      ctx->block_len += n;
    }
    if (ctx->block_len < SO_POLY1305_BLOCK_LEN) {
      return;
    }
    so_poly1305_blocks(ctx, ctx->block, 1, 1);
    ctx->block_len = 0;
    data = so_bytes_of(data.ptr + n, data.len - n);
  }
  const size_t rest = data.len % SO_POLY1305_BLOCK_LEN;
  whole_blocks(ctx, data.ptr, data.len / SO_POLY1305_BLOCK_LEN);
  if (rest != 0) {
    memcpy(ctx->block, data.ptr + (data.len - rest), rest);
    ctx->block_len = rest;
  }
}

void so_poly1305_pad(so_poly1305 *ctx) {
  if (ctx->block_len != 0) {
    memset(ctx->block + ctx->block_len, 0, SO_POLY1305_BLOCK_LEN - ctx->block_len);
    so_poly1305_blocks(ctx, ctx->block, 1, 1);
    ctx->block_len = 0;
  }
}

void so_poly1305_final(so_poly1305 *ctx, uint8_t tag[SO_POLY1305_TAG_LEN]) {
  if (ctx->block_len != 0) {
    ctx->block[ctx->block_len++] = 1;
    memset(ctx->block + ctx->block_len, 0, SO_POLY1305_BLOCK_LEN - ctx->block_len);
    so_poly1305_blocks(ctx, ctx->block, 1, 0);
  }
  uint32_t words[4];
  so_poly1305_reduced(ctx, words);
  uint64_t sum = 0;
  for (unsigned i = 0; i < 4; i++) {
    sum = (sum >> 32) + words[i] + ctx->pad[i];
    so_store_le32(tag + 4 * i, (uint32_t)sum);
  }
  so_wipe(words, sizeof words);
  so_wipe(ctx, sizeof *ctx);
}
