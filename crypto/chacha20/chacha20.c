#include "crypto/chacha20/chacha20.h"

#include "base/assert.h"
#include "crypto/chacha20/internal.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"

#define BATCH_LEN (4 * SO_CHACHA20_BLOCK_LEN)
#define WIDE_LEN (8 * SO_CHACHA20_BLOCK_LEN)
#define WIDEST_LEN (16 * SO_CHACHA20_BLOCK_LEN)

// RFC 8439 2.3: constants, key, counter, nonce.
static void set_state(uint32_t state[16], const so_chacha20 *ctx, const uint8_t *nonce,
                      uint32_t counter) {
  static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  memcpy(state, constants, sizeof constants);
  memcpy(state + 4, ctx->key, sizeof ctx->key);
  state[12] = counter;
  for (unsigned i = 0; i < 3; i++) {
    state[13 + i] = so_load_le32(nonce + 4 * i);
  }
}

void so_chacha20_init(so_chacha20 *ctx, const so_cpu *cpu, const uint8_t key[SO_CHACHA20_KEY_LEN]) {
  for (unsigned i = 0; i < 8; i++) {
    ctx->key[i] = so_load_le32(key + 4 * i);
  }
  ctx->use_avx2 = cpu->avx2;
  ctx->use_avx512 = cpu->avx512;
}

static void xor_batch(const so_chacha20 *ctx, const uint32_t state[16], uint8_t *inout) {
#if defined(__x86_64__)
  if (ctx->use_avx512) {
    so_chacha20_xor4_avx512(state, inout);
    return;
  }
#else
  (void)ctx;
#endif
  so_chacha20_xor4(state, inout);
}

// Xors fewer bytes than a batch, by way of a whole one.
static void xor_tail(const so_chacha20 *ctx, const uint32_t state[16], uint8_t *inout,
                     size_t len) {
  uint8_t batch[BATCH_LEN] = {0};
  memcpy(batch, inout, len);
  xor_batch(ctx, state, batch);
  memcpy(inout, batch, len);
  so_wipe(batch, sizeof batch);
}

void so_chacha20_xor(const so_chacha20 *ctx, const uint8_t nonce[SO_CHACHA20_NONCE_LEN],
                     uint32_t counter, uint8_t *inout, size_t len) {
  uint32_t state[16];
  const uint64_t blocks_left = ((uint64_t)1 << 32) - counter;
  SO_ASSERT((uint64_t)len <= blocks_left * SO_CHACHA20_BLOCK_LEN);
  set_state(state, ctx, nonce, counter);
#if defined(__x86_64__)
  while (ctx->use_avx512 && len >= WIDEST_LEN) {
    so_chacha20_xor16_avx512(state, inout);
    state[12] += 16;
    inout += WIDEST_LEN;
    len -= WIDEST_LEN;
  }
  while (ctx->use_avx2 && len >= WIDE_LEN) {
    so_chacha20_xor8_avx2(state, inout);
    state[12] += 8;
    inout += WIDE_LEN;
    len -= WIDE_LEN;
  }
#endif
  while (len >= BATCH_LEN) {
    xor_batch(ctx, state, inout);
    state[12] += 4;
    inout += BATCH_LEN;
    len -= BATCH_LEN;
  }
  if (len != 0) {
    xor_tail(ctx, state, inout, len);
  }
  so_wipe(state, sizeof state);
}

void so_chacha20_block(const so_chacha20 *ctx, const uint8_t nonce[SO_CHACHA20_NONCE_LEN],
                       uint32_t counter, uint8_t out[SO_CHACHA20_BLOCK_LEN]) {
  memset(out, 0, SO_CHACHA20_BLOCK_LEN);
  so_chacha20_xor(ctx, nonce, counter, out, SO_CHACHA20_BLOCK_LEN);
}
