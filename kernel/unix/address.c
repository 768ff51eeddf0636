// Addresses of the ports as the host's, and back.

#include <string.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

socklen_t unix_address_of(const so_endpoint *e, unix_address *out) {
  memset(out, 0, sizeof *out);
  if (e->family == 4) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(e->port);
    memcpy(&out->v4.sin_addr, e->address, 4);
    return sizeof out->v4;
  }
  SO_ASSERT(e->family == 6);
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons(e->port);
  memcpy(&out->v6.sin6_addr, e->address, 16);
  return sizeof out->v6;
}

so_endpoint unix_endpoint_of(const unix_address *a) {
  so_endpoint e = {0};
  if (a->any.sa_family == AF_INET) {
    e.family = 4;
    e.port = ntohs(a->v4.sin_port);
    memcpy(e.address, &a->v4.sin_addr, 4);
  } else {
    e.family = 6;
    e.port = ntohs(a->v6.sin6_port);
    memcpy(e.address, &a->v6.sin6_addr, 16);
  }
  return e;
}
