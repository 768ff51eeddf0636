#include <stdio.h>
#include <string.h>

#include "cli/core/cli.h"

static const cli_option *find(const cli_option *options, size_t count, const char *arg,
                              size_t name_len) {
  for (size_t i = 0; i < count; i++) {
    const cli_option *o = &options[i];
    const bool is_long = strlen(o->name) == name_len && strncmp(o->name, arg, name_len) == 0;
    const bool is_short = o->letter != 0 && name_len == 2 && arg[0] == '-' && arg[1] == o->letter;
    if (is_long || is_short) {
      return o;
    }
  }
  return NULL;
}

// take_option handles the option at argv[*at]: "--name value", "--name=value", "-m value", "--flag".
static int take_option(cli *c, const cli_option *options, size_t count, int *at) {
  const char *arg = c->argv[*at];
  const char *equals = strncmp(arg, "--", 2) == 0 ? strchr(arg, '=') : NULL;
  const size_t name_len = equals == NULL ? strlen(arg) : (size_t)(equals - arg);
  const cli_option *o = find(options, count, arg, name_len);
  if (o == NULL) {
    return cli_fail(CLI_USAGE, "there is no option %s here; see `storectl help`", arg);
  }
  if (o->flag != NULL) {
    if (equals != NULL) {
      return cli_fail(CLI_USAGE, "%s takes no value", o->name);
    }
    *o->flag = true;
    return CLI_DONE;
  }
  if (equals != NULL) {
    *o->value = equals + 1;
    return CLI_DONE;
  }
  if (*at + 1 >= c->argc) {
    return cli_fail(CLI_USAGE, "%s wants a value", o->name);
  }
  *o->value = c->argv[++*at];
  return CLI_DONE;
}

int cli_options(cli *c, const cli_option *own, size_t own_count) {
  enum { MAX = 32 };
  cli_option options[MAX] = {
      {"--json", 0, NULL, &c->json},
      {"--quiet", 'q', NULL, &c->quiet},
      {"--cacert", 0, &c->cacert, NULL},
      {"--token-file", 0, &c->token_file, NULL},
      {"--fingerprint", 0, &c->fingerprint, NULL},
  };
  size_t count = 5;
  for (size_t i = 0; i < own_count && count < MAX; i++) {
    options[count++] = own[i];
  }
  int kept = 0;
  bool ended = false;
  for (int i = 0; i < c->argc; i++) {
    const char *arg = c->argv[i];
    if (ended || arg[0] != '-' || arg[1] == '\0') {
      c->argv[kept++] = c->argv[i];
    } else if (strcmp(arg, "--") == 0) {
      ended = true;
    } else {
      const int code = take_option(c, options, count, &i);
      if (code != CLI_DONE) {
        return code;
      }
    }
  }
  c->argc = kept;
  c->progress = c->progress && !c->quiet && !c->json;
  return CLI_DONE;
}

int cli_want(const cli *c, int least, int most, const char *usage) {
  if (c->argc >= least && c->argc <= most) {
    return CLI_DONE;
  }
  return cli_fail(CLI_USAGE, "usage: storectl %s", usage);
}
