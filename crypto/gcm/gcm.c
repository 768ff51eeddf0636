#include "crypto/gcm/gcm.h"

#include "base/assert.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/gcm/internal.h"

#define TEXT_LEN_MAX (((uint64_t)1 << 36) - 32)
#define AAD_LEN_MAX (((uint64_t)1 << 61) - 1)

static so_gcm_kind best_kind(const so_cpu *cpu) {
#if SO_GCM_HW
  if (cpu->aes && cpu->pclmul) {
    return cpu->vaes && cpu->vpclmul && cpu->avx2 ? SO_GCM_V256 : SO_GCM_V128;
  }
#else
  (void)cpu;
#endif
  return SO_GCM_PORTABLE;
}

void so_gcm_init(so_gcm *gcm, const so_cpu *cpu, const uint8_t *key, size_t key_len) {
  uint8_t h[16] = {0};
  memset(gcm, 0, sizeof *gcm);
  so_aes_init(&gcm->aes, cpu, key, key_len);
  gcm->kind = best_kind(cpu);
  so_aes_encrypt(&gcm->aes, h, h);
#if SO_GCM_HW
  if (gcm->kind != SO_GCM_PORTABLE) {
    so_ghash_clmul_init(gcm, h);
    so_wipe(h, sizeof h);
    return;
  }
#endif
  so_ghash_portable_init(gcm, h);
  so_wipe(h, sizeof h);
}

static void hash_blocks(const so_gcm *gcm, so_ghash *hash, const uint8_t *in, size_t count) {
#if SO_GCM_HW
  if (gcm->kind != SO_GCM_PORTABLE) {
    so_ghash_clmul_blocks(gcm, hash, in, count);
    return;
  }
#endif
  so_ghash_portable_blocks(gcm, hash, in, count);
}

// Absorbs bytes and the zeros up to the next whole block.
static void hash_padded(const so_gcm *gcm, so_ghash *hash, const uint8_t *in, size_t len) {
  const size_t rest = len % 16;
  hash_blocks(gcm, hash, in, len / 16);
  if (rest != 0) {
    uint8_t last[16] = {0};
    memcpy(last, in + (len - rest), rest);
    hash_blocks(gcm, hash, last, 1);
  }
}

// SP 800-38D 7.1: J0 is the nonce and a counter of 1, text starts at 2.
static void start(const so_gcm *gcm, const uint8_t *nonce, so_bytes aad, size_t len,
                  uint8_t counter[16], so_ghash *hash) {
  SO_ASSERT((uint64_t)len <= TEXT_LEN_MAX && (uint64_t)aad.len <= AAD_LEN_MAX);
  memcpy(counter, nonce, SO_GCM_NONCE_LEN);
  so_store_be32(counter + 12, 2);
  memset(hash, 0, sizeof *hash);
  hash_padded(gcm, hash, aad.ptr, aad.len);
}

static void finish(const so_gcm *gcm, const uint8_t *nonce, size_t aad_len, size_t len,
                   so_ghash *hash, uint8_t tag[SO_GCM_TAG_LEN]) {
  uint8_t lengths[16], first[16];
  so_store_be64(lengths, (uint64_t)aad_len << 3);
  so_store_be64(lengths + 8, (uint64_t)len << 3);
  hash_blocks(gcm, hash, lengths, 1);
  memcpy(first, nonce, SO_GCM_NONCE_LEN);
  so_store_be32(first + 12, 1);
  so_aes_encrypt(&gcm->aes, first, first);
  for (size_t i = 0; i < SO_GCM_TAG_LEN; i++) {
    tag[i] = hash->y[i] ^ first[i];
  }
  so_wipe(first, sizeof first);
  so_wipe(hash, sizeof *hash);
}

// The part that the one-pass code of this processor takes; 0 when there is none.
static size_t seal_fast(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash, uint8_t *inout,
                        size_t len) {
#if defined(__x86_64__)
  if (gcm->kind == SO_GCM_V256) {
    return so_gcm_v256_seal(gcm, counter, hash, inout, len);
  }
#endif
#if SO_GCM_HW
  if (gcm->kind == SO_GCM_V128) {
    return so_gcm_v128_seal(gcm, counter, hash, inout, len);
  }
#endif
  (void)gcm, (void)counter, (void)hash, (void)inout, (void)len;
  return 0;
}

static size_t open_fast(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash, uint8_t *inout,
                        size_t len) {
#if defined(__x86_64__)
  if (gcm->kind == SO_GCM_V256) {
    return so_gcm_v256_open(gcm, counter, hash, inout, len);
  }
#endif
#if SO_GCM_HW
  if (gcm->kind == SO_GCM_V128) {
    return so_gcm_v128_open(gcm, counter, hash, inout, len);
  }
#endif
  (void)gcm, (void)counter, (void)hash, (void)inout, (void)len;
  return 0;
}

void so_gcm_seal(const so_gcm *gcm, const uint8_t nonce[SO_GCM_NONCE_LEN], so_bytes aad,
                 uint8_t *inout, size_t len, uint8_t tag[SO_GCM_TAG_LEN]) {
  uint8_t counter[16];
  so_ghash hash;
  start(gcm, nonce, aad, len, counter, &hash);
  const size_t done = seal_fast(gcm, counter, &hash, inout, len);
  if (done < len) {
    so_aes_ctr32(&gcm->aes, counter, inout + done, len - done);
    hash_padded(gcm, &hash, inout + done, len - done);
  }
  finish(gcm, nonce, aad.len, len, &hash, tag);
}

so_status so_gcm_open(const so_gcm *gcm, const uint8_t nonce[SO_GCM_NONCE_LEN], so_bytes aad,
                      uint8_t *inout, size_t len, const uint8_t tag[SO_GCM_TAG_LEN]) {
  uint8_t counter[16], want[SO_GCM_TAG_LEN];
  so_ghash hash;
  start(gcm, nonce, aad, len, counter, &hash);
  const size_t done = open_fast(gcm, counter, &hash, inout, len);
  if (done < len) {
    hash_padded(gcm, &hash, inout + done, len - done);
    so_aes_ctr32(&gcm->aes, counter, inout + done, len - done);
  }
  finish(gcm, nonce, aad.len, len, &hash, want);
  const bool right = so_ct_equal(want, tag, sizeof want);
  so_wipe(want, sizeof want);
  if (!right) {
    so_wipe(inout, len);
    return so_status_make(SO_DENIED, 0);
  }
  return so_done();
}

void so_gcm_wipe(so_gcm *gcm) { so_wipe(gcm, sizeof *gcm); }
