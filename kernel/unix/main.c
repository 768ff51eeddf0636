// The entry of a Unix process: a world, and so_main in it.

#include "kernel/unix/unix.h"

typedef struct arguments {
  int argc;
  const char *const *argv;
} arguments;

static int run(const so_world *world, void *arg) {
  const arguments *const a = arg;
  return so_main(world, a->argc, a->argv);
}

int main(int argc, char **argv) {
  arguments a = {argc, (const char *const *)argv};
  return so_unix_run(NULL, run, &a);
}
