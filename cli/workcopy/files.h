#ifndef SO_CLI_WORKCOPY_FILES_H_
#define SO_CLI_WORKCOPY_FILES_H_

// Files of the host, with the care that a working copy needs: nothing is written through a symbolic
// link that somebody put in a directory's place, nothing is left half-written.

#include <sys/stat.h>

#include "base/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

// cli_file_read appends a whole file to `out`. NOT_FOUND, DENIED, IO, LIMIT.
SO_MUST_USE so_status cli_file_read(const char *path, so_buf *out);

// cli_file_replace writes a file of `.storectl` anew: temporary, then renamed over it.
SO_MUST_USE so_status cli_file_replace(const char *path, so_bytes content);

// cli_dir_open opens the directory that holds `path` (relative to root_fd), following no symbolic
// link on the way; with `make`, directories that are not there are made. Returns a descriptor, or -1
// with errno: ENOTDIR or ELOOP when something that is no directory is in the way. `*out_name` is
// the last segment, in `path`.
int cli_dir_open(int root_fd, const char *path, bool make, const char **out_name);

// cli_dir_prune removes the directories above `path` that are empty, up to the root.
void cli_dir_prune(int root_fd, const char *path);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_WORKCOPY_FILES_H_
