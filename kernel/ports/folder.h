#ifndef SO_KERNEL_PORTS_FOLDER_H_
#define SO_KERNEL_PORTS_FOLDER_H_

// A folder of files to read: on Unix a directory. Targets that have none leave it out of their
// world.
//
// Paths are segments between slashes, without one at either end; the empty path is the folder
// itself. A segment that is empty, "." or ".." is MALFORMED. Symbolic links are not followed
// (DENIED), so that nothing outside of the folder can be named. Only regular files and directories
// exist; the rest is NOT_FOUND.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_folder_info {
  bool is_directory;
  uint64_t size;
  // Of the content: two files, or one file at two times, with the same version hold the same bytes,
  // as far as the platform can tell without reading them.
  uint64_t version[4];
} so_folder_info;

typedef struct so_folder_ops {
  // Opens a file for reading. A directory gives its `info` alone, with `*out_file` NULL.
  so_status (*open)(void *ctx, so_bytes path, so_folder_info *info, void **out_file);
  // Reads up to `cap` bytes at `offset`; `*out_len` 0 at the end. May block for the device.
  so_status (*read)(void *ctx, void *file, uint64_t offset, uint8_t *buf, size_t cap,
                    size_t *out_len);
  void (*close_file)(void *ctx, void *file);
  void (*close)(void *ctx);
} so_folder_ops;

typedef struct so_folder {
  const so_folder_ops *ops;
  void *ctx;
} so_folder;

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_FOLDER_H_
