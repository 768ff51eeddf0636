#ifndef SO_KERNEL_XEN_CONTROL_CONTROL_H_
#define SO_KERNEL_XEN_CONTROL_CONTROL_H_

// What the host asks of a whole domain through `control/shutdown` (docs/misc/xenstore-paths of
// Xen): `xl shutdown`, `xl reboot`, `xl save`. A request is acknowledged by writing an empty value,
// in a transaction with the read, so that none is taken twice or lost.

#include <stdbool.h>

#include "base/heap.h"
#include "kernel/ports/fiber.h"
#include "kernel/xen/store/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_control_request {
  SO_CONTROL_NONE = 0,
  SO_CONTROL_POWEROFF,
  SO_CONTROL_HALT,
  SO_CONTROL_REBOOT,
  SO_CONTROL_SUSPEND,
  SO_CONTROL_CRASH,
  SO_CONTROL_UNKNOWN,
} so_control_request;

typedef struct so_control_ops {
  // Called from the fiber of so_control_run, after the request was acknowledged.
  void (*asked)(void *ctx, so_control_request request);
  void *ctx;
} so_control_ops;

// Fields are for the module only.
typedef struct so_control {
  so_sched *sched;
  so_store *store;
  so_clock clock;
  so_control_ops ops;
  so_store_watch watch;
  so_event event;
  so_control_request request;  // Being taken.
  uint64_t requests;
  uint64_t unknown;
} so_control;

// so_control_parse reads the value of the key.
so_control_request so_control_parse(so_bytes text);

void so_control_init(so_control *c, so_sched *sched, so_clock clock, so_store *store,
                     const so_control_ops *ops);

// so_control_run says what is understood (`control/feature-*`), then takes requests until the
// scheduler stops. A fiber of its own runs it; `control` is an so_control.
void so_control_run(void *control);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_CONTROL_CONTROL_H_
