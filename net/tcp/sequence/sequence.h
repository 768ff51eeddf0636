#ifndef SO_NET_TCP_SEQUENCE_SEQUENCE_H_
#define SO_NET_TCP_SEQUENCE_SEQUENCE_H_

// Sequence numbers of TCP: 32 bits that wrap (RFC 9293 3.4). `a` is before `b` when the way from
// `a` up to `b` is shorter than 2^31.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A range of bytes [start, end) of the sequence space. Empty: start == end.
typedef struct so_seq_range {
  uint32_t start;
  uint32_t end;
} so_seq_range;

static inline bool so_seq_lt(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }
static inline bool so_seq_le(uint32_t a, uint32_t b) { return (int32_t)(a - b) <= 0; }
static inline bool so_seq_gt(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }
static inline bool so_seq_ge(uint32_t a, uint32_t b) { return (int32_t)(a - b) >= 0; }
static inline uint32_t so_seq_min(uint32_t a, uint32_t b) { return so_seq_lt(a, b) ? a : b; }
static inline uint32_t so_seq_max(uint32_t a, uint32_t b) { return so_seq_lt(a, b) ? b : a; }

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_SEQUENCE_SEQUENCE_H_
