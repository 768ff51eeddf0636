// The name server that reads files only.

#include "apps/nameserver/nameserver.h"

int so_main(const so_world *world, int argc, const char *const *argv) {
  return so_nameserver_main(world, argc, argv, NULL);
}
