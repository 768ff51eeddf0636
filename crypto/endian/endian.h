#ifndef SO_CRYPTO_ENDIAN_ENDIAN_H_
#define SO_CRYPTO_ENDIAN_ENDIAN_H_

// Words from bytes and back, at any alignment, for the inner loops of ciphers and hashes. The
// length is the caller's business here: outside bytes go through base/reader.h.

#include <stdint.h>

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "every supported target is little-endian"
#endif

static inline uint32_t so_load_le32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint64_t so_load_le64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint32_t so_load_be32(const uint8_t *p) { return __builtin_bswap32(so_load_le32(p)); }
static inline uint64_t so_load_be64(const uint8_t *p) { return __builtin_bswap64(so_load_le64(p)); }

static inline void so_store_le32(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof v); }
static inline void so_store_le64(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof v); }
static inline void so_store_be32(uint8_t *p, uint32_t v) { so_store_le32(p, __builtin_bswap32(v)); }
static inline void so_store_be64(uint8_t *p, uint64_t v) { so_store_le64(p, __builtin_bswap64(v)); }

// Rotations; `n` is from 1 to the width less 1.
static inline uint32_t so_rotl32(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }
static inline uint32_t so_rotr32(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }
static inline uint64_t so_rotl64(uint64_t v, unsigned n) { return v << n | v >> (64 - n); }
static inline uint64_t so_rotr64(uint64_t v, unsigned n) { return v >> n | v << (64 - n); }

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_ENDIAN_ENDIAN_H_
