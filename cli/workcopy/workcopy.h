#ifndef SO_CLI_WORKCOPY_WORKCOPY_H_
#define SO_CLI_WORKCOPY_WORKCOPY_H_

// A working copy: plain files, and beside them `.storectl/`, which holds
//
//   store    the database: the same format as the server's, with one repository in it
//   HEAD     "branch NAME" or "commit HASH"
//   config   JSON: {"remotes": {"origin": {"url": "https://..."}}}
//   index    what the files looked like when they were last seen (index.h); a cache
//   MERGE    "HASH LABEL" while a merge waits for its commit
//
// The store is locked while a command runs: two commands in one working copy do not mix.
//
// Functions that can fail print why and return an exit code (cli_exit); CLI_DONE is success.

#include <sys/stat.h>

#include "cli/core/cli.h"
#include "cli/workcopy/index.h"
#include "store/disk/db.h"
#include "store/repo/repo.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLI_DIR ".storectl"
#define CLI_REPO "local"
#define CLI_PATH_LEN 4352  // A working copy's root and a name below it.

typedef struct cli_workcopy {
  cli *c;
  char root[CLI_PATH_LEN];  // Absolute, without a slash at the end.
  int root_fd;
  so_block device;
  so_db *db;
  so_repos repos;
  so_repo repo;
  so_tree tree;
  bool has_index;
  cli_index index;

  bool detached;  // HEAD is a commit, not a branch.
  char branch[SO_REF_NAME_LEN_MAX + 1];  // Short name.
  bool has_head;  // There is a commit.
  so_oid head;
  so_oid head_root;  // Its map; none when empty.

  bool merging;
  so_oid merge_head;
  char merge_label[SO_REF_NAME_LEN_MAX + 1];
} cli_workcopy;

// cli_workcopy_create makes `.storectl` in the existing, empty-of-it directory `dir`. `salt` NULL
// draws one.
int cli_workcopy_create(cli *c, const char *dir, const uint8_t *salt, const char *branch);

// cli_workcopy_open finds the working copy that holds the current directory (or `dir`, when not NULL)
// and opens it. cli_workcopy_close always goes with it.
int cli_workcopy_open(cli *c, const char *dir, cli_workcopy *w);
void cli_workcopy_close(cli_workcopy *w);

// cli_workcopy_flush makes everything durable. Call it before saying that something is done.
int cli_workcopy_flush(cli_workcopy *w);

// cli_workcopy_file writes the path of a file in `.storectl` into `out`.
void cli_workcopy_file(const cli_workcopy *w, const char *name, char out[CLI_PATH_LEN]);

// cli_workcopy_refresh reads HEAD's commit again after refs changed.
int cli_workcopy_refresh(cli_workcopy *w);

// cli_workcopy_set_branch and _set_detached write HEAD.
int cli_workcopy_set_branch(cli_workcopy *w, const char *branch);
int cli_workcopy_set_detached(cli_workcopy *w, const so_oid *commit);

// cli_workcopy_set_merge notes a merge that waits for its commit; NULL ends it.
int cli_workcopy_set_merge(cli_workcopy *w, const so_oid *commit, const char *label);

// cli_workcopy_move moves the branch of HEAD from where it was to `commit`, in the ref log under
// `why`, and HEAD's fields with it.
int cli_workcopy_move(cli_workcopy *w, const so_oid *commit, const char *why);

// cli_workcopy_relative turns a path that the user gave (relative to the current directory) into one of
// the map. Refuses what lies outside. An empty result is the root.
int cli_workcopy_relative(const cli_workcopy *w, const char *given, char out[CLI_PATH_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_WORKCOPY_WORKCOPY_H_
