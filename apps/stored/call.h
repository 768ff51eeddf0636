#ifndef SO_APPS_STORED_CALL_H_
#define SO_APPS_STORED_CALL_H_

// One request being answered: what a handler sees. A handler reads the call, answers exactly once
// with one of the so_call_reply functions, and returns the status of having done so; a status that
// is not OK means that the connection is no longer fit for use.
//
// Everything that lives as long as the call goes into `arena`.

#include "apps/lib/http_server/http_server.h"
#include "apps/stored/server.h"
#include "base/json.h"
#include "http/router/router.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_CALL_JSON_LEN_MAX (8u << 20)
#define SO_CALL_ARENA_LEN_MAX (64u << 20)
#define SO_CALL_PAGE_DEFAULT 100
#define SO_CALL_PAGE_MAX 1000

typedef struct so_call {
  so_server *server;
  so_http_exchange *exchange;  // The request and where the answer goes.
  so_route_match match;
  so_arena arena;
  bool has_token;
  so_token token;
  so_repo repo;      // Opened before the handler runs, for calls below a repository.
  so_buf json;       // The answer's body while it is built.
} so_call;

// so_call_begin and so_call_end set up and release what a call owns. The parameters of `match` have
// been checked with so_call_check_encoding.
void so_call_begin(so_call *c, so_server *server, so_http_exchange *exchange);
void so_call_end(so_call *c);

// so_call_check_encoding decodes the path parameters in place and checks the query. MALFORMED.
SO_MUST_USE so_status so_call_check_encoding(so_call *c);

// --- the request ----------------------------------------------------------------------------

// so_call_param returns the decoded path parameter, empty when the route has none of that name.
// Badly encoded ones are answered before the handler runs.
so_bytes so_call_param(const so_call *c, const char *name);

// so_call_query finds a decoded query parameter; false when it is absent. Badly encoded parameters
// are answered before the handler runs.
bool so_call_query(const so_call *c, const char *name, so_bytes *out);

// so_call_header finds a field of the request; false when it is absent.
bool so_call_header(const so_call *c, const char *name, so_bytes *out);

// so_call_read_json reads and parses the body. Empty bodies give NULL. On failure it has answered
// (400, 413, 415) and returns false; `*out_sent` is then the handler's result.
bool so_call_read_json(so_call *c, const so_json **out, so_status *out_sent);

// so_call_who is the name of the token, for ref logs and default authors.
so_bytes so_call_who(const so_call *c);

// --- answers --------------------------------------------------------------------------------

// so_call_json_begin starts a JSON body in `c->json`; the writer points there.
so_json_writer so_call_json_begin(so_call *c);

// so_call_reply_json sends the body begun before. `etag` (NULL: none) becomes the ETag.
SO_MUST_USE so_status so_call_reply_json(so_call *c, uint16_t http_status, const so_oid *etag);

// so_call_reply_problem sends a problem document: `code` from docs/rest.md, and one sentence that
// says what to do.
SO_MUST_USE so_status so_call_reply_problem(so_call *c, uint16_t http_status, const char *code,
                                            const char *detail);

// so_call_problem_begin and so_call_problem_end do the same with members of the handler's between.
so_json_writer so_call_problem_begin(so_call *c, uint16_t http_status, const char *code,
                                     const char *detail);
SO_MUST_USE so_status so_call_problem_end(so_call *c, uint16_t http_status, so_json_writer *w);

// so_call_problem_end_with also sends a field.
SO_MUST_USE so_status so_call_problem_end_with(so_call *c, uint16_t http_status,
                                               so_json_writer *w, const so_http_field *field);

// so_call_reply_status answers for a status of the store that no special answer fits: NOT_FOUND
// 404, CORRUPT 500 damaged_data, LIMIT 507, ... `what` names the thing that was asked for.
SO_MUST_USE so_status so_call_reply_status(so_call *c, so_status status, const char *what);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_CALL_H_
