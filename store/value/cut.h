#ifndef SO_STORE_VALUE_CUT_H_
#define SO_STORE_VALUE_CUT_H_

// Inside of the value module: where a value is cut into chunks.
//
// A chunk ends after the first byte, not before its SO_CHUNK_LEN_MIN-th, at which the rolling hash
// of the last 64 bytes is below a threshold: 2^46 up to SO_CHUNK_LEN_AVERAGE bytes, 2^50 from there
// on, so that lengths gather around the average. At SO_CHUNK_LEN_MAX it ends anyway. The hash is
// Gear (h = 2h + table[byte], modulo 2^64): each byte has left it after 64 more. The threshold
// looks at the high bits, which all 64 bytes reach. The table comes from the salt, so that lengths
// do not tell which known file this is, and nobody can make bytes that all cut badly.

#include "store/value/value.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_CUT_WINDOW 64u
#define SO_CUT_THRESHOLD_SHORT ((uint64_t)1 << 46)
#define SO_CUT_THRESHOLD_LONG ((uint64_t)1 << 50)

typedef struct so_cutter {
  uint64_t table[256];
  uint64_t hash;
  size_t len;  // Of the chunk so far.
} so_cutter;

// so_cutter_init derives the table.
void so_cutter_init(so_cutter *c, const uint8_t salt[SO_SALT_LEN]);

// so_cutter_feed takes bytes up to the end of the chunk or of `bytes`, returns how many, and says
// whether the chunk ends there; then the next one begins.
size_t so_cutter_feed(so_cutter *c, so_bytes bytes, bool *out_is_end);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_VALUE_CUT_H_
