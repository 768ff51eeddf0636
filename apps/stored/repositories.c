#include "apps/stored/handlers.h"
#include "apps/stored/json_out.h"
#include "apps/stored/shared.h"

// --- list -----------------------------------------------------------------------------------

typedef struct listing {
  so_call *call;
  so_json_writer *w;
  size_t limit;
  size_t count;
  bool more;
  so_bytes last;
} listing;

static bool may_read(const so_call *c, so_bytes name) {
  return c->server->public_read || (c->has_token && so_token_may(&c->token, name, SO_RIGHT_READ));
}

static so_status list_one(void *ctx, const so_repo *repo) {
  listing *l = ctx;
  if (!may_read(l->call, so_repo_name(repo))) {
    return so_done();
  }
  if (l->count == l->limit) {
    l->more = true;
    return so_status_make(SO_AGAIN, 0);  // Ends the walk.
  }
  l->count++;
  so_out_repo(l->w, repo);
  return so_arena_copy(&l->call->arena, so_repo_name(repo), &l->last);
}

so_status so_handle_repos_list(so_call *c) {
  so_status sent;
  so_bytes after = {NULL, 0};
  listing l = {.call = c};
  if (!so_shared_page(c, &l.limit, &sent)) {
    return sent;
  }
  (void)so_call_query(c, "after", &after);
  so_json_writer w = so_call_json_begin(c);
  l.w = &w;
  so_json_object(&w);
  so_json_name(&w, "repositories");
  so_json_array(&w);
  const so_status status = so_repo_list(&c->server->repos, after, SIZE_MAX, list_one, &l);
  if (!so_ok(status) && !l.more) {
    return so_call_reply_status(c, status, "repositories");
  }
  so_json_array_end(&w);
  if (l.more) {
    so_json_member_string(&w, "next", l.last);
  }
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

// --- one ------------------------------------------------------------------------------------

static so_status reply_repo(so_call *c, uint16_t http_status, const so_repo *repo) {
  so_json_writer w = so_call_json_begin(c);
  so_out_repo(&w, repo);
  return so_call_reply_json(c, http_status, NULL);
}

so_status so_handle_repo_get(so_call *c) { return reply_repo(c, 200, &c->repo); }

static so_status reply_exists(so_call *c, const so_repo *repo) {
  so_bytes condition;
  if (so_call_header(c, "if-none-match", &condition)) {
    return so_call_reply_problem(c, 412, "precondition_failed", "the repository is there already");
  }
  return reply_repo(c, 200, repo);
}

so_status so_handle_repo_put(so_call *c) {
  const so_json *body;
  so_status sent;
  const so_bytes name = so_call_param(c, "repo");
  so_bytes branch = so_str(SO_DEFAULT_BRANCH);
  if (!so_ok(so_repo_name_check(name))) {
    return so_call_reply_problem(c, 400, "bad_name",
                                 "a repository's name is 1 to 100 of A-Z a-z 0-9 . _ -, and begins "
                                 "with a letter or digit");
  }
  if (!so_call_read_json(c, &body, &sent)) {
    return sent;
  }
  const so_json *wanted = so_json_member(body, "default_branch");
  if (wanted != NULL && !so_json_string(wanted, &branch)) {
    return so_call_reply_problem(c, 400, "bad_request", "default_branch is a string");
  }
  so_repo repo;
  so_status status = so_repo_open(&c->server->repos, name, &repo);
  if (so_ok(status)) {
    return reply_exists(c, &repo);
  }
  uint8_t salt[SO_SALT_LEN];
  so_entropy_fill(&c->server->world->entropy, salt, sizeof salt);
  status = so_repo_create(&c->server->repos, name, salt, branch, so_server_now_ms(c->server),
                          &repo);
  if (so_is(status, SO_CONFLICT) && so_ok(so_repo_open(&c->server->repos, name, &repo))) {
    return reply_exists(c, &repo);
  }
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 400, "bad_name", "default_branch is not a name for a branch");
  }
  if (so_ok(status)) {
    status = so_server_make_durable(c->server);
  }
  return so_ok(status) ? reply_repo(c, 201, &repo) : so_call_reply_status(c, status, "repository");
}

so_status so_handle_repo_delete(so_call *c) {
  so_status status = so_repo_delete(&c->server->repos, so_repo_name(&c->repo));
  bool more = so_ok(status);
  while (so_ok(status) && more) {
    status = so_repos_sweep(&c->server->repos, 1000, &more);
  }
  if (so_ok(status)) {
    status = so_server_make_durable(c->server);
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "repository");
  }
  return reply_repo(c, 200, &c->repo);
}
