#ifndef SO_CLI_COMMANDS_COMMANDS_H_
#define SO_CLI_COMMANDS_COMMANDS_H_

// The commands of storectl: one function each, and the table that the program and its help read.

#include "cli/core/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cli_command {
  const char *name;
  const char *usage;    // After "storectl ".
  const char *summary;  // One line.
  const char *text;     // The rest of its help; may be empty.
  int (*run)(cli *c);   // Gets the arguments after the name; returns an exit code.
} cli_command;

const cli_command *cli_command_table(size_t *out_count);

int cli_cat(cli *c);
int cli_branch(cli *c);
int cli_clone(cli *c);
int cli_commit(cli *c);
int cli_deploy(cli *c);
int cli_diff(cli *c);
int cli_export_git(cli *c);
int cli_fetch(cli *c);
int cli_fsck(cli *c);
int cli_get(cli *c);
int cli_help(cli *c);
int cli_import_git(cli *c);
int cli_init(cli *c);
int cli_log(cli *c);
int cli_login(cli *c);
int cli_ls(cli *c);
int cli_merge(cli *c);
int cli_pull(cli *c);
int cli_push(cli *c);
int cli_put(cli *c);
int cli_remote_command(cli *c);
int cli_resolve(cli *c);
int cli_rm(cli *c);
int cli_show(cli *c);
int cli_status(cli *c);
int cli_switch(cli *c);
int cli_tag(cli *c);
int cli_token(cli *c);
int cli_version(cli *c);

// cli_init_remote makes an empty repository on a server: `init` with a URL.
int cli_init_remote(cli *c, const char *url);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_COMMANDS_COMMANDS_H_
