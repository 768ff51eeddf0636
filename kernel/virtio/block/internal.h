#ifndef SO_KERNEL_VIRTIO_BLOCK_INTERNAL_H_
#define SO_KERNEL_VIRTIO_BLOCK_INTERNAL_H_

#include "kernel/virtio/block/block.h"

#define SECTOR_LEN 512u

// --- request.c: between calls and the queue -----------------------------------------------------

// so_virtio_block_issue puts out as many requests as there is room for.
void so_virtio_block_issue(so_virtio_block *b);

// so_virtio_block_take_answers ends what was answered; true if anything was.
bool so_virtio_block_take_answers(so_virtio_block *b);

// so_virtio_block_break ends the use of the device, and all calls.
void so_virtio_block_break(so_virtio_block *b, const char *why);

// --- call.c: the port ---------------------------------------------------------------------------

so_status so_virtio_block_read(void *ctx, uint64_t offset, uint8_t *out, size_t len);
so_status so_virtio_block_write(void *ctx, uint64_t offset, so_bytes bytes);
so_status so_virtio_block_flush(void *ctx);

#endif  // SO_KERNEL_VIRTIO_BLOCK_INTERNAL_H_
