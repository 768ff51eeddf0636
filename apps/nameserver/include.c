// $INCLUDE: files beside the zone's, held in memory while the zone is loaded.

#include "apps/nameserver/nameserver.h"
#include "base/mem.h"

void so_ns_includes_init(so_ns_includes *inc, const so_world *world, so_bytes zone_file,
                         so_ns_include_read *read, void *ctx) {
  memset(inc, 0, sizeof *inc);
  inc->world = world;
  inc->zone_file = zone_file;
  inc->read = read;
  inc->ctx = ctx;
}

void so_ns_includes_release(so_ns_includes *inc) {
  for (size_t i = 0; i < inc->count; i++) {
    so_buf_release(&inc->texts[i]);
  }
  inc->count = 0;
}

static so_bytes folder_of(so_bytes file) {
  size_t len = file.len;
  while (len != 0 && file.ptr[len - 1] != '/') {
    len--;
  }
  return so_bytes_first(file, len);
}

// has_dots: a segment of the path is "..".
static bool has_dots(so_bytes path) {
  while (path.len != 0) {
    const size_t n = so_bytes_find(path, '/');
    if (so_bytes_equal(so_bytes_first(path, n), so_str(".."))) {
      return true;
    }
    path = so_bytes_from(path, n < path.len ? n + 1 : n);
  }
  return false;
}

so_status so_ns_include(void *ctx, so_bytes file, so_bytes *out_text) {
  so_ns_includes *const inc = ctx;
  so_buf path;
  if (file.len == 0 || file.ptr[0] == '/' || has_dots(file)) {
    return so_status_make(SO_DENIED, 0);
  }
  if (inc->count == SO_NS_INCLUDES_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_buf *const text = &inc->texts[inc->count++];
  so_buf_init(text, inc->world->heap, SO_NS_ZONE_MEMORY_MAX);
  so_buf_init(&path, inc->world->heap, SO_NS_PATH_LEN_MAX);
  so_buf_append(&path, folder_of(inc->zone_file));
  so_buf_append(&path, file);
  so_status s = path.failed ? so_status_make(SO_LIMIT, 0)
                            : inc->read(inc->ctx, so_buf_bytes(&path), text);
  so_buf_release(&path);
  *out_text = so_buf_bytes(text);
  return s;
}
