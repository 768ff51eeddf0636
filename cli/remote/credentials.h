#ifndef SO_CLI_REMOTE_CREDENTIALS_H_
#define SO_CLI_REMOTE_CREDENTIALS_H_

#include "cli/remote/remote.h"

// cli_credentials_load fills token, anchors and pin of `r` from the options and from what `login`
// remembered.
int cli_credentials_load(cli_remote *r);

// cli_credentials_save remembers them for r->origin.
int cli_credentials_save(cli_remote *r);

#endif  // SO_CLI_REMOTE_CREDENTIALS_H_
