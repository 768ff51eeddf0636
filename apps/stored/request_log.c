#include "apps/stored/request_log.h"

#include "apps/lib/access_log/access_log.h"

void so_request_log(const so_call *c, so_status status, uint64_t took_ns) {
  so_access_log(c->server->world, c->exchange, status, took_ns, so_call_who(c));
}
