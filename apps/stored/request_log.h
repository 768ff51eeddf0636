#ifndef SO_APPS_STORED_REQUEST_LOG_H_
#define SO_APPS_STORED_REQUEST_LOG_H_

#include "apps/stored/call.h"

// so_request_log writes one line on the console: time, method, path, status, bytes in and out,
// duration, who. Control characters of the path are escaped; tokens are never written.
void so_request_log(const so_call *c, so_status status, uint64_t took_ns);

#endif  // SO_APPS_STORED_REQUEST_LOG_H_
