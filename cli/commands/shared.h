#ifndef SO_CLI_COMMANDS_SHARED_H_
#define SO_CLI_COMMANDS_SHARED_H_

// What several commands do the same way.

#include "cli/workcopy/changes.h"
#include "cli/workcopy/workcopy.h"
#include "store/history/history.h"
#include "store/repo/repo.h"

#ifdef __cplusplus
extern "C" {
#endif

// cli_resolve_commit finds the commit that `expression` means; "HEAD" is that of the working copy.
int cli_resolve_commit(cli_workcopy *w, const char *expression, so_oid *out);

// cli_commit_root reads the map of a commit.
int cli_commit_root(cli_workcopy *w, const so_oid *commit, so_oid *out_root);

// cli_print_commit prints a commit as `log` does, or as JSON.
int cli_print_commit(cli_workcopy *w, const so_oid *oid);
int cli_print_commit_line(cli_workcopy *w, const so_oid *oid);
int cli_json_commit(cli_workcopy *w, so_json_writer *json, const so_oid *oid);

// cli_parent_root reads the map of a commit's first parent; none when it has no parent.
int cli_parent_root(cli_workcopy *w, const so_oid *commit, so_oid *out_root);

// cli_change_word is "added", "removed" or "modified".
const char *cli_change_word(bool has_old, bool has_new);

// cli_make_commit makes a commit of `root` on the present branch, with the heads as parents, moves the
// branch, and flushes. `*out` is the commit.
int cli_make_commit(cli_workcopy *w, const so_oid *root, so_bytes message, const char *why,
                    so_oid *out);

// cli_apply_changes edits the map at `root` by what was found in the files.
int cli_apply_changes(cli_workcopy *w, const so_oid *root, const cli_changes *changes,
                      so_oid *out_root);

// cli_merge_commit merges `other` (called `label`) into the present branch: fast-forward, a merge
// commit, or conflicts left in the files with a note of the merge. Prints what it did.
int cli_merge_commit(cli_workcopy *w, const so_oid *other, const char *label, bool ff_only,
                     const char *message);

// cli_conflicts lists what still has conflict markers or waits for a decision, in the file CONFLICTS of
// `.storectl`, one path a line. cli_conflicts_write replaces the list; `unsettled` holds those that are
// not settled yet: the file still has markers.
typedef struct cli_conflicts {
  so_arena arena;
  so_bytes *paths;
  size_t count;
} cli_conflicts;
int cli_conflicts_read(cli_workcopy *w, cli_conflicts *out);
int cli_conflicts_write(cli_workcopy *w, const so_bytes *paths, size_t count);
bool cli_conflict_settled(cli_workcopy *w, so_bytes path);
void cli_conflicts_release(cli_conflicts *conflicts);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_COMMANDS_SHARED_H_
