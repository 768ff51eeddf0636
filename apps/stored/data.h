#ifndef SO_APPS_STORED_DATA_H_
#define SO_APPS_STORED_DATA_H_

// Opening the database at the start: formatting a new one, saying clearly why one cannot be used.

#include "apps/stored/options.h"
#include "apps/stored/server.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_data_open opens the database on `device`; with --init an empty device is formatted first. On
// failure `error` says why, for people. CORRUPT: it is damaged.
SO_MUST_USE so_status so_data_open(const so_world *world, const so_options *options,
                                   const so_block *device, so_db **out, so_buf *error);

// so_data_first_token makes an administrator's token, and writes it beside the data, when --init
// was given and there is no token yet.
SO_MUST_USE so_status so_data_first_token(so_server *s, const so_options *options);

// so_data_write_beside writes a sidecar called like the data with `suffix`.
SO_MUST_USE so_status so_data_write_beside(const so_world *world, so_bytes data,
                                           const char *suffix, so_bytes bytes);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_DATA_H_
