#include "apps/stored/routes.h"

#include "apps/stored/call.h"
#include "apps/stored/handlers.h"
#include "apps/stored/request_log.h"

// What a caller needs. `any`: a valid token, whatever it grants.
typedef enum access { ACCESS_NONE, ACCESS_ANY, ACCESS_READ, ACCESS_WRITE, ACCESS_ADMIN } access;

// What a route does. Routes with {repo} open it before the handler runs, unless they make it.
typedef struct action {
  access access;
  bool opens_repo;
  so_status (*handle)(so_call *c);
} action;

#define REPO "/v1/repos/{repo}"

// Every call of docs/rest.md: name, method, pattern, who may, whether {repo} is opened, handler.
#define EACH_ROUTE(X) \
  X(HEALTH, "GET", "/healthz", NONE, false, so_handle_health)                                      \
  X(METRICS, "GET", "/metrics", ADMIN, false, so_handle_metrics)                                   \
  X(OPENAPI, "GET", "/v1/openapi.json", NONE, false, so_handle_openapi)                            \
  X(REPOS_LIST, "GET", "/v1/repos", ANY, false, so_handle_repos_list)                              \
  X(REPO_GET, "GET", REPO, READ, true, so_handle_repo_get)                                         \
  X(REPO_PUT, "PUT", REPO, ADMIN, false, so_handle_repo_put)                                       \
  X(REPO_DELETE, "DELETE", REPO, ADMIN, true, so_handle_repo_delete)                               \
  X(REFS_LIST, "GET", REPO "/refs", READ, true, so_handle_refs_list)                               \
  X(REFS_POST, "POST", REPO "/refs", WRITE, true, so_handle_refs_post)                             \
  X(HEAD_GET, "GET", REPO "/refs/heads/{branch...}", READ, true, so_handle_ref_get)                \
  X(HEAD_PUT, "PUT", REPO "/refs/heads/{branch...}", WRITE, true, so_handle_ref_put)               \
  X(HEAD_DELETE, "DELETE", REPO "/refs/heads/{branch...}", WRITE, true, so_handle_ref_delete)      \
  X(TAG_GET, "GET", REPO "/refs/tags/{tag...}", READ, true, so_handle_ref_get)                     \
  X(TAG_PUT, "PUT", REPO "/refs/tags/{tag...}", WRITE, true, so_handle_ref_put)                    \
  X(TAG_DELETE, "DELETE", REPO "/refs/tags/{tag...}", WRITE, true, so_handle_ref_delete)           \
  X(REFLOG, "GET", REPO "/reflog", READ, true, so_handle_reflog)                                   \
  X(VALUE_GET, "GET", REPO "/tree/{ref}/{path...}", READ, true, so_handle_value_get)               \
  X(VALUE_PUT, "PUT", REPO "/tree/{ref}/{path...}", WRITE, true, so_handle_value_put)              \
  X(VALUE_DELETE, "DELETE", REPO "/tree/{ref}/{path...}", WRITE, true, so_handle_value_delete)     \
  X(LIST, "GET", REPO "/list/{ref}", READ, true, so_handle_list)                                   \
  X(COMMITS_POST, "POST", REPO "/commits", WRITE, true, so_handle_commits_post)                    \
  X(COMMIT_GET, "GET", REPO "/commits/{ref}", READ, true, so_handle_commit_get)                    \
  X(LOG, "GET", REPO "/log/{ref}", READ, true, so_handle_log)                                      \
  X(DIFF, "GET", REPO "/diff/{from}/{to}", READ, true, so_handle_diff)                             \
  X(MERGE, "POST", REPO "/merge", WRITE, true, so_handle_merge)                                    \
  X(FETCH, "POST", REPO "/fetch", READ, true, so_handle_fetch)                                     \
  X(PUSH, "POST", REPO "/push", WRITE, true, so_handle_push)                                       \
  X(TOKENS_LIST, "GET", "/v1/tokens", ADMIN, false, so_handle_tokens_list)                         \
  X(TOKENS_POST, "POST", "/v1/tokens", ADMIN, false, so_handle_tokens_post)                        \
  X(TOKEN_DELETE, "DELETE", "/v1/tokens/{id}", ADMIN, false, so_handle_token_delete)

#define ROUTE_ID(name, method, pattern, access, opens, handler) ROUTE_##name,
#define ROUTE_ROW(name, method, pattern, access, opens, handler) {method, pattern, ROUTE_##name},
#define ACTION_ROW(name, method, pattern, access, opens, handler) \
  [ROUTE_##name] = {ACCESS_##access, opens, handler},

enum { EACH_ROUTE(ROUTE_ID) ROUTE_COUNT };

static const so_route routes[] = {EACH_ROUTE(ROUTE_ROW)};
static const action actions[] = {EACH_ROUTE(ACTION_ROW)};

const so_route *so_routes_table(size_t *out_count) {
  *out_count = ROUTE_COUNT;
  return routes;
}

// --- who may --------------------------------------------------------------------------------

// identify reads the token. False: it has answered.
static bool identify(so_call *c, so_status *out_sent) {
  so_bytes value;
  const so_bytes scheme = so_str("bearer ");
  if (!so_call_header(c, "authorization", &value)) {
    return true;
  }
  so_status status = so_status_make(SO_DENIED, 0);
  if (so_bytes_equal_nocase(so_bytes_first(value, scheme.len), scheme)) {
    status = so_token_verify(&c->server->repos, so_bytes_from(value, scheme.len),
                             so_server_now_ms(c->server), &c->arena, &c->token);
  }
  c->has_token = so_ok(status);
  if (c->has_token) {
    return true;
  }
  *out_sent = so_is(status, SO_DENIED)
                  ? so_call_reply_problem(c, 401, "unauthenticated",
                                          "this token is not valid, or no longer; ask an "
                                          "administrator for another one")
                  : so_call_reply_status(c, status, "token");
  return false;
}

static so_right right_of(access needed) {
  return needed == ACCESS_READ ? SO_RIGHT_READ
         : needed == ACCESS_WRITE ? SO_RIGHT_WRITE
                                  : SO_RIGHT_ADMIN;
}

static bool may(const so_call *c, access needed, so_bytes repo) {
  if (needed == ACCESS_NONE) {
    return true;
  }
  if (c->server->public_read && (needed == ACCESS_READ || needed == ACCESS_ANY)) {
    return true;
  }
  return c->has_token && (needed == ACCESS_ANY || so_token_may(&c->token, repo, right_of(needed)));
}

// authorise answers 401, 403 or 404 and returns false, or lets the call go on. Whoever may not read
// a repository does not learn whether it is there.
static bool authorise(so_call *c, access needed, so_status *out_sent) {
  const so_bytes repo = so_call_param(c, "repo");
  if (may(c, needed, repo)) {
    return true;
  }
  if (!c->has_token) {
    *out_sent = so_call_reply_problem(c, 401, "unauthenticated",
                                      "send Authorization: Bearer TOKEN");
  } else if (repo.len != 0 && !may(c, ACCESS_READ, repo)) {
    *out_sent = so_call_reply_problem(c, 404, "no_such_repository",
                                      "there is no such repository, or the token may not read it");
  } else {
    *out_sent = so_call_reply_problem(c, 403, "forbidden",
                                      "the token's grants do not reach; an administrator can make "
                                      "one that does");
  }
  return false;
}

static bool open_repo(so_call *c, so_status *out_sent) {
  const so_status status =
      so_repo_open(&c->server->repos, so_call_param(c, "repo"), &c->repo);
  if (so_ok(status)) {
    return true;
  }
  *out_sent = so_is(status, SO_NOT_FOUND) || so_is(status, SO_MALFORMED)
                  ? so_call_reply_problem(c, 404, "no_such_repository",
                                          "there is no such repository, or the token may not read "
                                          "it")
                  : so_call_reply_status(c, status, "repository");
  return false;
}

// --- dispatch -------------------------------------------------------------------------------

static so_status reply_no_route(so_call *c, so_status found) {
  if (!so_is(found, SO_UNSUPPORTED)) {
    return so_call_reply_problem(c, 404, "not_found",
                                 "there is nothing at this URL; GET /v1/openapi.json lists what "
                                 "there is");
  }
  uint8_t methods[64];
  so_writer w = so_writer_of(methods, sizeof methods);
  so_route_allow(routes, ROUTE_COUNT, so_http_path(c->exchange), &w);
  so_json_writer json = so_call_problem_begin(c, 405, "method_not_allowed",
                                              "this URL does not take this method");
  so_json_member_string(&json, "allow", so_writer_bytes(&w));
  const so_http_field allow = {so_str("Allow"), so_writer_bytes(&w)};
  return so_call_problem_end_with(c, 405, &json, &allow);
}

static so_status dispatch(so_call *c) {
  so_status sent;
  const so_status found = so_route_find(routes, ROUTE_COUNT, so_http_method(c->exchange),
                                        so_http_path(c->exchange), &c->match);
  if (!so_ok(found)) {
    return reply_no_route(c, found);
  }
  if (!so_ok(so_call_check_encoding(c))) {
    return so_call_reply_problem(c, 400, "bad_request",
                                 "the URL is not properly percent-encoded, or holds a NUL");
  }
  const action *a = &actions[c->match.id];
  if (!identify(c, &sent) || !authorise(c, a->access, &sent) ||
      (a->opens_repo && !open_repo(c, &sent))) {
    return sent;
  }
  return a->handle(c);
}

static void count(so_server *s, const so_http_exchange *x) {
  const unsigned class = so_http_replied_status(x) / 100;
  if (class < sizeof s->stats.responses / sizeof *s->stats.responses) {
    s->stats.responses[class]++;
  }
  s->stats.bytes_in += so_http_bytes_in(x);
  s->stats.bytes_out += so_http_bytes_out(x);
}

so_status so_routes_handle(void *ctx, so_http_exchange *x) {
  so_routes_context *routes_context = ctx;
  so_server *s = routes_context->server;
  so_call *c = so_heap_alloc_array(s->world->heap, 1, sizeof *c);
  if (c == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  const uint64_t begun_ns = so_clock_now(&s->world->clock);
  s->stats.requests++;
  so_call_begin(c, s, x);
  const so_status status = dispatch(c);
  count(s, x);
  if (!routes_context->quiet) {
    so_request_log(c, status, so_clock_now(&s->world->clock) - begun_ns);
  }
  so_call_end(c);
  so_heap_free(s->world->heap, c, sizeof *c);
  return status;
}

static const char *refusal_code(uint16_t status) {
  switch (status) {
    case 411:
      return "length_required";
    case 413:
      return "too_large";
    case 431:
      return "head_too_large";
    default:
      return "bad_request";
  }
}

so_status so_routes_refuse(void *ctx, so_http_exchange *x, uint16_t http_status, const char *why) {
  so_server *s = ((so_routes_context *)ctx)->server;
  so_call *c = so_heap_alloc_array(s->world->heap, 1, sizeof *c);
  if (c == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  s->stats.requests++;
  so_call_begin(c, s, x);
  const so_status status = so_call_reply_problem(c, http_status, refusal_code(http_status), why);
  count(s, x);
  so_call_end(c);
  so_heap_free(s->world->heap, c, sizeof *c);
  return status;
}
