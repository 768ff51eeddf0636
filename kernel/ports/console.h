#ifndef SO_KERNEL_PORTS_CONSOLE_H_
#define SO_KERNEL_PORTS_CONSOLE_H_

// Where a program says what it does. Text, best effort: a write never fails and may block briefly.

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_console {
  void (*write)(void *ctx, so_bytes text);
  void *ctx;
} so_console;

static inline void so_console_write(const so_console *c, so_bytes text) {
  c->write(c->ctx, text);
}

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_CONSOLE_H_
