#ifndef SO_KERNEL_PORTS_BLOCK_H_
#define SO_KERNEL_PORTS_BLOCK_H_

// A block device: a file, a raw disk, a Xen virtual disk, or a fake that loses power.
//
// What callers may rely on:
//   - `offset` and `len` must be multiples of `unit_len`, within `capacity`; otherwise LIMIT.
//   - All or nothing as a result: OK means all bytes; anything else means any part of a write may
//     have happened, each aligned unit of `unit_len` bytes old or new.
//   - A write is durable when a flush that began after the write had returned returns OK. Until then
//     writes may reach the medium in any order, or not at all.
//   - After a failed flush nothing written since the last good one may be believed durable, and no
//     later flush makes it so: the device then fails every write and flush (IO).
//   - Bytes never written read as zeros.
//   - The calling fiber may be suspended in every call; others run meanwhile.
// Errors: IO (the device failed), LIMIT (out of range, or the medium is full).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_block_ops {
  so_status (*read)(void *ctx, uint64_t offset, uint8_t *out, size_t len);
  so_status (*write)(void *ctx, uint64_t offset, so_bytes bytes);
  so_status (*flush)(void *ctx);
  void (*close)(void *ctx);
} so_block_ops;

typedef struct so_block {
  const so_block_ops *ops;
  void *ctx;
  uint64_t capacity;  // Bytes; a file grows up to it as it is written.
  uint32_t unit_len;  // 512 or 4096: alignment, and what is never torn.
  bool read_only;
} so_block;

SO_MUST_USE static inline so_status so_block_read(const so_block *b, uint64_t offset, uint8_t *out,
                                                  size_t len) {
  return b->ops->read(b->ctx, offset, out, len);
}
SO_MUST_USE static inline so_status so_block_write(const so_block *b, uint64_t offset,
                                                   so_bytes bytes) {
  return b->ops->write(b->ctx, offset, bytes);
}
SO_MUST_USE static inline so_status so_block_flush(const so_block *b) {
  return b->ops->flush(b->ctx);
}
static inline void so_block_close(const so_block *b) { b->ops->close(b->ctx); }

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_BLOCK_H_
