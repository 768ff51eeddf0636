// In place of site_store.c, for programs that serve folders only and hold no store.

#include "apps/website/site.h"

so_status so_site_open_store(const so_world *world, so_bytes name, so_bytes repo, so_bytes ref,
                             so_site *out) {
  (void)world;
  (void)name;
  (void)repo;
  (void)ref;
  (void)out;
  return so_status_make(SO_UNSUPPORTED, 0);
}
