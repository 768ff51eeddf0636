#ifndef SO_HTTP_ROUTER_ROUTER_H_
#define SO_HTTP_ROUTER_ROUTER_H_

// Which route a request takes: a constant table of methods and patterns.
//
// A pattern is a path of literal segments, parameters "{name}" (one segment, not empty), and perhaps
// a last "{name...}" (the rest, at least one character). Literal segments are compared as sent: a
// client that encodes what needs no encoding gets 404. The first route of the table that fits wins.
// HEAD takes the route of GET unless there is one of its own.
//
//   static const so_route routes[] = {
//       {"GET", "/v1/repos/{repo}", ROUTE_REPO},
//       {"GET", "/v1/repos/{repo}/tree/{ref}/{path...}", ROUTE_READ},
//   };

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ROUTE_PARAMS_MAX 8

typedef struct so_route {
  const char *method;
  const char *pattern;
  int id;
} so_route;

typedef struct so_route_param {
  so_bytes name;   // Borrows the pattern.
  so_bytes value;  // Borrows the path; not decoded (so_url_decode, SO_URL_SEGMENT).
} so_route_param;

typedef struct so_route_match {
  int id;
  const so_route *route;
  size_t param_count;
  so_route_param params[SO_ROUTE_PARAMS_MAX];
} so_route_match;

// so_route_find matches a path, not decoded. NOT_FOUND (404): no pattern fits. UNSUPPORTED (405):
// one does, but not with this method; so_route_allow then writes the Allow field.
SO_MUST_USE so_status so_route_find(const so_route *routes, size_t count, so_bytes method,
                                    so_bytes path, so_route_match *out);

// so_route_allow writes the methods that `path` takes, such as "GET, HEAD, PUT".
void so_route_allow(const so_route *routes, size_t count, so_bytes path, so_writer *w);

// so_route_get returns the value of a parameter, not decoded; empty when there is none.
so_bytes so_route_get(const so_route_match *match, const char *name);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_ROUTER_ROUTER_H_
