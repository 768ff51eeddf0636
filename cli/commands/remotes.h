#ifndef SO_CLI_COMMANDS_REMOTES_H_
#define SO_CLI_COMMANDS_REMOTES_H_

// The remotes of a working copy, and what fetch, pull, push and clone share.

#include "cli/commands/shared.h"
#include "cli/remote/remote.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLI_REMOTE_DEFAULT "origin"

// cli_remotes_url finds the URL of a remote.
int cli_remotes_url(cli_workcopy *w, const char *name, char out[CLI_URL_LEN_MAX]);

// cli_remotes_set adds or (url NULL) removes one.
int cli_remotes_set(cli_workcopy *w, const char *name, const char *url);

// cli_with_remote opens the working copy and its remote `name`, runs `work` with both, and closes them.
int cli_with_remote(cli *c, const char *name,
                    int (*work)(void *ctx, cli_workcopy *w, cli_remote *r), void *ctx);

// Refs as the server has them.
typedef struct cli_server_ref {
  so_bytes name;
  so_oid target;
  bool known;  // The object is in the local store.
} cli_server_ref;

typedef struct cli_server_refs {
  cli_server_ref *items;  // In the remote's arena.
  size_t count;
} cli_server_refs;

// cli_server_refs_read asks for all of them.
int cli_server_refs_read(cli_workcopy *w, cli_remote *r, cli_server_refs *out);

// cli_fetch_from brings everything that the remote's refs reach, and notes where they are under
// refs/remotes/NAME/. New tags become tags here.
int cli_fetch_from(cli_workcopy *w, cli_remote *r, const char *name);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_COMMANDS_REMOTES_H_
