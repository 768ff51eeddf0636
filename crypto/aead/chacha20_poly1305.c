#include "crypto/aead/internal.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/poly1305/poly1305.h"

// Text is encrypted and authenticated a chunk at a time, so that the second pass finds it in the
// first-level cache. A multiple of the widest ChaCha20 batch.
#define CHUNK_LEN 8192

// A batch of keystream costs the same however little of it is used, so the one that holds the
// one-time key serves for the beginning of the text as well.
#define STREAM_LEN (4 * SO_CHACHA20_BLOCK_LEN)
#define FIRST_LEN (STREAM_LEN - SO_CHACHA20_BLOCK_LEN)

typedef struct message {
  const so_chacha20 *key;
  const uint8_t *nonce;
  so_poly1305 mac;
  uint8_t stream[STREAM_LEN];  // Keystream blocks 0 to 3.
} message;

// RFC 8439 2.6: the one-time key is the first half of keystream block 0; text starts at block 1.
static void start(message *m, const so_chacha20 *key, const uint8_t *nonce, so_bytes aad) {
  so_cpu cpu = so_cpu_portable();
  cpu.avx2 = key->use_avx2;
  m->key = key;
  m->nonce = nonce;
  memset(m->stream, 0, sizeof m->stream);
  so_chacha20_xor(key, nonce, 0, m->stream, sizeof m->stream);
  so_poly1305_init(&m->mac, &cpu, m->stream);
  so_poly1305_update(&m->mac, aad);
  so_poly1305_pad(&m->mac);
}

static void finish(message *m, size_t aad_len, size_t len, uint8_t *tag) {
  uint8_t lengths[16];
  so_store_le64(lengths, aad_len);
  so_store_le64(lengths + 8, len);
  so_poly1305_pad(&m->mac);
  so_poly1305_update(&m->mac, so_bytes_of(lengths, sizeof lengths));
  so_poly1305_final(&m->mac, tag);
  so_wipe(m, sizeof *m);
}

// The length of the piece at `off`: the one that `stream` covers, then chunks.
static size_t piece_len(size_t off, size_t len) {
  const size_t most = off == 0 ? FIRST_LEN : CHUNK_LEN;
  return len - off < most ? len - off : most;
}

static void apply(const message *m, uint8_t *text, size_t off, size_t n) {
  if (off != 0) {
    const uint32_t counter = (uint32_t)(1 + off / SO_CHACHA20_BLOCK_LEN);
    so_chacha20_xor(m->key, m->nonce, counter, text + off, n);
    return;
  }
  const uint8_t *stream = m->stream + SO_CHACHA20_BLOCK_LEN;
  for (size_t i = 0; i < n; i++) {
    text[i] ^= stream[i];
  }
}

void so_chacha20_poly1305_seal(const so_chacha20 *key, const uint8_t nonce[SO_AEAD_NONCE_LEN],
                               so_bytes aad, uint8_t *inout, size_t len,
                               uint8_t tag[SO_AEAD_TAG_LEN]) {
  message m;
  start(&m, key, nonce, aad);
  for (size_t off = 0, n; off < len; off += n) {
    n = piece_len(off, len);
    apply(&m, inout, off, n);
    so_poly1305_update(&m.mac, so_bytes_of(inout + off, n));
  }
  finish(&m, aad.len, len, tag);
}

so_status so_chacha20_poly1305_open(const so_chacha20 *key, const uint8_t nonce[SO_AEAD_NONCE_LEN],
                                    so_bytes aad, uint8_t *inout, size_t len,
                                    const uint8_t tag[SO_AEAD_TAG_LEN]) {
  message m;
  uint8_t want[SO_AEAD_TAG_LEN];
  start(&m, key, nonce, aad);
  for (size_t off = 0, n; off < len; off += n) {
    n = piece_len(off, len);
    so_poly1305_update(&m.mac, so_bytes_of(inout + off, n));
    apply(&m, inout, off, n);
  }
  finish(&m, aad.len, len, want);
  const bool right = so_ct_equal(want, tag, sizeof want);
  so_wipe(want, sizeof want);
  if (!right) {
    so_wipe(inout, len);
    return so_status_make(SO_DENIED, 0);
  }
  return so_done();
}
