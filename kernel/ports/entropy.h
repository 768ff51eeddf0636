#ifndef SO_KERNEL_PORTS_ENTROPY_H_
#define SO_KERNEL_PORTS_ENTROPY_H_

// Unpredictable bytes, fit for keys. A platform that cannot give them does not start.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_entropy {
  void (*fill)(void *ctx, uint8_t *out, size_t len);  // Always fills all of it.
  void *ctx;
} so_entropy;

static inline void so_entropy_fill(const so_entropy *e, uint8_t *out, size_t len) {
  e->fill(e->ctx, out, len);
}

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_ENTROPY_H_
