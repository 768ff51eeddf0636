#ifndef SO_CLI_WORKCOPY_CHECKOUT_H_
#define SO_CLI_WORKCOPY_CHECKOUT_H_

// Bringing the files from one map to another.

#include "cli/workcopy/workcopy.h"

#ifdef __cplusplus
extern "C" {
#endif

// cli_checkout changes the files that differ between the maps `from` and `to`. First it looks: a file
// that would be overwritten or removed must be as in `from` (or already as in `to`), and nothing that
// the map does not know may stand in the way; otherwise it lists them, changes nothing and returns
// CLI_REFUSED. With `force` it does not ask. Stopped in the middle, the same call again finishes it.
int cli_checkout(cli_workcopy *w, const so_oid *from, const so_oid *to, bool force);

// cli_checkout_file writes one file with these bytes, mode and type, atomically.
SO_MUST_USE so_status cli_checkout_file(cli_workcopy *w, so_bytes path, const so_entry *entry);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_WORKCOPY_CHECKOUT_H_
