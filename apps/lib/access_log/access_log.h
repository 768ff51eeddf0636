#ifndef SO_APPS_LIB_ACCESS_LOG_ACCESS_LOG_H_
#define SO_APPS_LIB_ACCESS_LOG_ACCESS_LOG_H_

#include "apps/lib/http_server/http_server.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_access_log writes one line on the console: time, method, path, status, bytes in and out,
// duration, and `who` when it is not empty. Whatever is not printable is escaped, so that a request
// cannot forge a line. A query is not written: it may hold secrets.
void so_access_log(const so_world *world, const so_http_exchange *x, so_status status,
                   uint64_t took_ns, so_bytes who);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_ACCESS_LOG_ACCESS_LOG_H_
