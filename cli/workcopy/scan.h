#ifndef SO_CLI_WORKCOPY_SCAN_H_
#define SO_CLI_WORKCOPY_SCAN_H_

// Walking the files of a working copy in the order of the map: by path, bytes compared.

#include <sys/stat.h>

#include "base/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cli_scan cli_scan;

// Shall the scan go into this directory, or give this file? `path` is relative to the root.
typedef struct cli_scan_filter {
  bool (*skip)(void *ctx, so_bytes path, bool is_dir);
  void *ctx;
} cli_scan_filter;

typedef struct cli_scan_file {
  so_bytes path;  // Lives until the next call.
  struct stat stat;
} cli_scan_file;

// cli_scan_open starts a walk below `root_fd`, which it borrows. Directories called `.storectl` are
// passed over. LIMIT, IO.
SO_MUST_USE so_status cli_scan_open(int root_fd, const cli_scan_filter *filter, cli_scan **out);

// cli_scan_next gives the next file or symbolic link; other kinds (sockets, devices) are counted in
// cli_scan_others and passed over. NOT_FOUND at the end. DENIED, IO: `*path` of cli_scan_where.
SO_MUST_USE so_status cli_scan_next(cli_scan *s, cli_scan_file *out);

// cli_scan_where is the path that the last failure was about; cli_scan_others counts what cannot be
// kept, and `*out_example` names one.
const char *cli_scan_where(const cli_scan *s);
size_t cli_scan_others(const cli_scan *s, const char **out_example);
void cli_scan_close(cli_scan *s);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_WORKCOPY_SCAN_H_
