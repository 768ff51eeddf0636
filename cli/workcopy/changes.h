#ifndef SO_CLI_WORKCOPY_CHANGES_H_
#define SO_CLI_WORKCOPY_CHANGES_H_

// What differs between a map (usually HEAD's) and the files.

#include "cli/workcopy/workcopy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cli_change {
  so_bytes path;
  bool has_old;  // In the map.
  bool has_new;  // A file.
  so_entry old_entry;
  so_entry new_entry;  // When `has_new`.
} cli_change;

typedef struct cli_changes {
  so_arena arena;
  cli_change *items;  // By path.
  size_t count;
  size_t cap;
} cli_changes;

typedef enum cli_changes_mode {
  CLI_CHANGES_LOOK,   // Values are hashed, not stored: new entries cannot be read back.
  CLI_CHANGES_STORE,  // Values are put into the store.
} cli_changes_mode;

// cli_changes_find compares the files with the map at `root`, only at or below `paths` (relative; none
// means all). It also brings the index up to date. Returns an exit code; cli_changes_release always
// goes with it.
int cli_changes_find(cli_workcopy *w, const so_oid *root, const char *const *paths,
                     size_t path_count, cli_changes_mode mode, cli_changes *out);
void cli_changes_release(cli_changes *changes);

// cli_entry_read makes the entry of one file. Its views go into `arena`.
SO_MUST_USE so_status cli_entry_read(cli_workcopy *w, cli_changes_mode mode, const char *path,
                                     const struct stat *s, so_arena *arena, so_entry *out);

// cli_ignored: does `.storeignore` name this path, which the map does not have?
typedef struct cli_ignore {
  so_buf text;
} cli_ignore;
void cli_ignore_load(cli_ignore *ignore, const cli_workcopy *w);
bool cli_ignore_matches(const cli_ignore *ignore, so_bytes path, bool is_dir);
void cli_ignore_release(cli_ignore *ignore);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_WORKCOPY_CHANGES_H_
