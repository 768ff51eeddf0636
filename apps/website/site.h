#ifndef SO_APPS_WEBSITE_SITE_H_
#define SO_APPS_WEBSITE_SITE_H_

// Where a site's files come from: a folder, or a branch of a store. Paths are segments between
// slashes, as in kernel/ports/folder.h; the caller has checked them.

#include "kernel/ports/world.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SITE_TAG_LEN 16

typedef struct so_site_info {
  bool is_directory;
  bool has_tag;  // The source knows a hash of the content without reading it.
  uint8_t tag[SO_SITE_TAG_LEN];
  uint64_t size;
  uint64_t version[4];  // The same: the same content.
} so_site_info;

typedef struct so_site_ops {
  // A directory gives its info alone. NOT_FOUND, DENIED, IO.
  so_status (*open)(void *ctx, so_bytes path, so_site_info *info, void **out_file);
  so_status (*read)(void *ctx, void *file, uint64_t offset, uint8_t *buf, size_t cap,
                    size_t *out_len);
  void (*close_file)(void *ctx, void *file);
  void (*close)(void *ctx);
} so_site_ops;

typedef struct so_site {
  const so_site_ops *ops;
  void *ctx;
} so_site;

// so_site_open_folder serves the folder `name` of the world.
SO_MUST_USE so_status so_site_open_folder(const so_world *world, so_bytes name, so_site *out);

// so_site_open_store serves branch or tag `ref` of repository `repo` in the database `name`, always
// as it is now. UNSUPPORTED: this program was linked without a store (no_store.c).
SO_MUST_USE so_status so_site_open_store(const so_world *world, so_bytes name, so_bytes repo,
                                         so_bytes ref, so_site *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_SITE_H_
