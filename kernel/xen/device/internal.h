#ifndef SO_KERNEL_XEN_DEVICE_INTERNAL_H_
#define SO_KERNEL_XEN_DEVICE_INTERNAL_H_

#include "kernel/xen/device/device.h"

#define SO_DEVICE_RETRY_NS (SO_NS_PER_S / 2)

// keys.c

// so_device_join writes "a/b" with its NUL. False: too long.
bool so_device_join(char *out, size_t cap, const char *a, const char *b);

// so_device_read_key reads `folder`/`key` into d->value.
so_status so_device_read_key(so_device *d, const char *folder, const char *key);

// For so_xen_keys and so_xen_writer; `ctx` is the device. What is written is collected in d->keys.
bool so_device_read_back(void *ctx, const char *key, so_bytes *out);
bool so_device_read_front(void *ctx, const char *key, so_bytes *out);
void so_device_collect(void *ctx, const char *key, const char *value);

// so_device_write_keys writes d->keys, and the state after publish with it. For so_store_transact.
so_status so_device_write_keys(void *ctx, so_store *store, so_store_tx tx);
so_status so_device_write_state(so_device *d, so_store_tx tx, so_device_back state);

// so_device_look finds the back end and reads its state, and whether it is to stay.
so_device_back so_device_look(so_device *d);

#endif  // SO_KERNEL_XEN_DEVICE_INTERNAL_H_
