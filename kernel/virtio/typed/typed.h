#ifndef SO_KERNEL_VIRTIO_TYPED_TYPED_H_
#define SO_KERNEL_VIRTIO_TYPED_TYPED_H_

// What is typed on a serial console: kept for whoever reads it, and looked at for a wish to end. A machine
// without a power button is asked to end by Ctrl-C, or by a line that says `stop` or `reboot`.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/machine/machine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TYPED_KEPT 256u
#define SO_TYPED_LINE_MAX 16u

// Zero-initialised is ready for use.
typedef struct so_typed {
  uint8_t kept[SO_TYPED_KEPT];  // The oldest first, from `first`. More than fit push the oldest out.
  size_t first;
  size_t count;
  uint8_t line[SO_TYPED_LINE_MAX];
  size_t line_len;  // More than SO_TYPED_LINE_MAX: too long to mean anything.
  bool asked;
  so_end how;
} so_typed;

// so_typed_put takes one byte; true if it made `asked` true or changed `how`.
bool so_typed_put(so_typed *t, uint8_t byte);

// so_typed_take gives kept bytes, at most `cap`.
size_t so_typed_take(so_typed *t, uint8_t *out, size_t cap);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_VIRTIO_TYPED_TYPED_H_
