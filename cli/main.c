// storectl: finds the command and runs it in a world of this host.

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/commands.h"
#include "cli/core/cli.h"
#include "kernel/unix/unix.h"

#define STACK_LEN ((size_t)4 << 20)

typedef struct invocation {
  int argc;
  char **argv;
} invocation;

static int run_command(cli *c, const char *name) {
  size_t count;
  const cli_command *commands = cli_command_table(&count);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      const int code = commands[i].run(c);
      return fflush(stdout) == 0 ? code
                                 : cli_fail(CLI_REFUSED, "cannot write the answer: is the disk full?");
    }
  }
  return cli_fail(CLI_USAGE, "there is no command '%s'; see `storectl help`", name);
}

static int run(const so_world *world, void *arg) {
  const invocation *i = arg;
  cli c = {.world = world,
           .heap = world->heap,
           .argc = i->argc - 2,
           .argv = i->argv + 2,
           .progress = isatty(STDERR_FILENO) == 1};
  if (i->argc < 2 || strcmp(i->argv[1], "--help") == 0 || strcmp(i->argv[1], "-h") == 0) {
    c.argc = 0;
    cli_help(&c);
    return i->argc < 2 ? CLI_USAGE : CLI_DONE;
  }
  if (strcmp(i->argv[1], "--version") == 0) {
    return cli_version(&c);
  }
  if (c.argc > 0 && (strcmp(c.argv[0], "--help") == 0 || strcmp(c.argv[0], "-h") == 0)) {
    c.argc = 1;
    c.argv[0] = i->argv[1];
    return cli_help(&c);
  }
  return run_command(&c, i->argv[1]);
}

int main(int argc, char **argv) {
  const so_unix_config config = {.fiber_max = 8, .stack_len = STACK_LEN, .keep_signals = true};
  invocation i = {argc, argv};
  return so_unix_run(&config, run, &i);
}
