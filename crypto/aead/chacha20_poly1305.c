#include "crypto/aead/internal.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/poly1305/poly1305.h"

// Text is encrypted and authenticated a chunk at a time, so that the second pass finds it in the
// first-level cache. A multiple of the widest ChaCha20 batch.
#define CHUNK_LEN 8192

// RFC 8439 2.6: the one-time key is the first half of keystream block 0; text starts at block 1.
static void start_mac(so_poly1305 *mac, const so_chacha20 *key, const uint8_t *nonce,
                      so_bytes aad) {
  uint8_t block[SO_CHACHA20_BLOCK_LEN];
  so_chacha20_block(key, nonce, 0, block);
  so_cpu cpu = so_cpu_portable();
  cpu.avx2 = key->use_avx2;
  so_poly1305_init(mac, &cpu, block);
  so_wipe(block, sizeof block);
  so_poly1305_update(mac, aad);
  so_poly1305_pad(mac);
}

static void finish_mac(so_poly1305 *mac, size_t aad_len, size_t len, uint8_t *tag) {
  uint8_t lengths[16];
  so_store_le64(lengths, aad_len);
  so_store_le64(lengths + 8, len);
  so_poly1305_pad(mac);
  so_poly1305_update(mac, so_bytes_of(lengths, sizeof lengths));
  so_poly1305_final(mac, tag);
}

static uint32_t counter_at(size_t off) { return (uint32_t)(1 + off / SO_CHACHA20_BLOCK_LEN); }

void so_chacha20_poly1305_seal(const so_chacha20 *key, const uint8_t nonce[SO_AEAD_NONCE_LEN],
                               so_bytes aad, uint8_t *inout, size_t len,
                               uint8_t tag[SO_AEAD_TAG_LEN]) {
  so_poly1305 mac;
  start_mac(&mac, key, nonce, aad);
  for (size_t off = 0; off < len; off += CHUNK_LEN) {
    const size_t n = len - off < CHUNK_LEN ? len - off : CHUNK_LEN;
    so_chacha20_xor(key, nonce, counter_at(off), inout + off, n);
    so_poly1305_update(&mac, so_bytes_of(inout + off, n));
  }
  finish_mac(&mac, aad.len, len, tag);
}

so_status so_chacha20_poly1305_open(const so_chacha20 *key, const uint8_t nonce[SO_AEAD_NONCE_LEN],
                                    so_bytes aad, uint8_t *inout, size_t len,
                                    const uint8_t tag[SO_AEAD_TAG_LEN]) {
  so_poly1305 mac;
  uint8_t want[SO_AEAD_TAG_LEN];
  start_mac(&mac, key, nonce, aad);
  for (size_t off = 0; off < len; off += CHUNK_LEN) {
    const size_t n = len - off < CHUNK_LEN ? len - off : CHUNK_LEN;
    so_poly1305_update(&mac, so_bytes_of(inout + off, n));
    so_chacha20_xor(key, nonce, counter_at(off), inout + off, n);
  }
  finish_mac(&mac, aad.len, len, want);
  const bool right = so_ct_equal(want, tag, sizeof want);
  so_wipe(want, sizeof want);
  if (!right) {
    so_wipe(inout, len);
    return so_status_make(SO_DENIED, 0);
  }
  return so_done();
}
