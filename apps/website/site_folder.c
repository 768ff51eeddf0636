#include "apps/website/site.h"

#include "base/mem.h"

typedef struct folder_site {
  const so_world *world;
  so_folder folder;
} folder_site;

static so_status folder_open(void *ctx, so_bytes path, so_site_info *info, void **out_file) {
  folder_site *const f = ctx;
  so_folder_info have;
  SO_TRY(f->folder.ops->open(f->folder.ctx, path, &have, out_file));
  *info = (so_site_info){.is_directory = have.is_directory, .size = have.size};
  memcpy(info->version, have.version, sizeof info->version);
  return so_done();
}

static so_status folder_read(void *ctx, void *file, uint64_t offset, uint8_t *buf, size_t cap,
                             size_t *out_len) {
  folder_site *const f = ctx;
  return f->folder.ops->read(f->folder.ctx, file, offset, buf, cap, out_len);
}

static void folder_close_file(void *ctx, void *file) {
  folder_site *const f = ctx;
  f->folder.ops->close_file(f->folder.ctx, file);
}

static void folder_close(void *ctx) {
  folder_site *const f = ctx;
  f->folder.ops->close(f->folder.ctx);
  so_heap_free(f->world->heap, f, sizeof *f);
}

so_status so_site_open_folder(const so_world *world, so_bytes name, so_site *out) {
  static const so_site_ops ops = {folder_open, folder_read, folder_close_file, folder_close};
  if (world->open_folder == NULL) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  folder_site *const f = so_heap_alloc_array(world->heap, 1, sizeof *f);
  if (f == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  f->world = world;
  const so_status status = world->open_folder(world->ctx, name, &f->folder);
  if (!so_ok(status)) {
    so_heap_free(world->heap, f, sizeof *f);
    return status;
  }
  *out = (so_site){&ops, f};
  return so_done();
}
