// Tokens of a server, for its administrators.

#include <stdio.h>
#include <string.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/remote/remote.h"

static void print_token(const so_json *token) {
  so_bytes id = {NULL, 0}, name = {NULL, 0};
  (void)so_json_string(so_json_member(token, "id"), &id);
  (void)so_json_string(so_json_member(token, "name"), &name);
  cli_printf("%.*s %.*s:", SO_FMT(id), SO_FMT(name));
  const so_json *grants = so_json_member(token, "grants");
  for (const so_json *g = grants == NULL ? NULL : grants->first; g != NULL; g = g->next) {
    so_bytes repo = {NULL, 0}, access = {NULL, 0};
    (void)so_json_string(so_json_member(g, "repository"), &repo);
    (void)so_json_string(so_json_member(g, "access"), &access);
    cli_printf(" %.*s=%.*s", SO_FMT(repo), SO_FMT(access));
  }
  cli_printf("\n");
}

static int list_tokens(cli_remote *r) {
  const so_json *answer;
  const int code = cli_remote_call(r, "GET", "/v1/tokens?limit=1000", so_bytes_of(NULL, 0), &answer);
  if (code != CLI_DONE) {
    return code;
  }
  const so_json *tokens = so_json_member(answer, "tokens");
  if (r->c->json) {
    cli_json j;
    cli_json_begin(r->c, &j);
    so_json_put_value(&j.w, tokens);
    cli_json_end(&j);
    return CLI_DONE;
  }
  for (const so_json *t = tokens == NULL ? NULL : tokens->first; t != NULL; t = t->next) {
    print_token(t);
  }
  return CLI_DONE;
}

static int create_token(cli_remote *r, const char *name, const char *repo, const char *access) {
  const so_json *answer;
  so_buf body;
  so_bytes secret;
  so_buf_init(&body, r->c->heap, 4096);
  so_json_writer w = so_json_writer_of(&body);
  so_json_object(&w);
  cli_json_text(&w, "name", name);
  so_json_name(&w, "grants");
  so_json_array(&w);
  so_json_object(&w);
  cli_json_text(&w, "repository", repo);
  cli_json_text(&w, "access", access);
  so_json_object_end(&w);
  so_json_array_end(&w);
  so_json_object_end(&w);
  const int code = cli_remote_call(r, "POST", "/v1/tokens", so_buf_bytes(&body), &answer);
  so_buf_release(&body);
  if (code == CLI_DONE && so_json_string(so_json_member(answer, "token"), &secret)) {
    cli_printf("%.*s\n", SO_FMT(secret));
    cli_note(r->c, "This is the only time that it is shown; keep it in a file of mode 600.");
  }
  return code;
}

static int revoke_token(cli_remote *r, const char *id) {
  char path[128];
  const so_json *answer;
  snprintf(path, sizeof path, "/v1/tokens/%.40s", id);
  return cli_remote_call(r, "DELETE", path, so_bytes_of(NULL, 0), &answer);
}

int cli_token(cli *c) {
  static const char usage[] = "token list URL | token create URL --name TEXT [--repo NAME] [--access "
                              "read|write|admin] | token revoke URL ID";
  const char *name = "token", *repo = "*", *access = "read";
  const cli_option options[] = {{"--name", 0, &name, NULL},
                                {"--repo", 0, &repo, NULL},
                                {"--access", 0, &access, NULL}};
  int code = cli_options(c, options, 3);
  if (code == CLI_DONE) {
    code = cli_want(c, 2, 3, usage);
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_remote r;
  code = cli_remote_open(c, c->argv[1], &r);
  if (code == CLI_DONE && strcmp(c->argv[0], "list") == 0) {
    code = list_tokens(&r);
  } else if (code == CLI_DONE && strcmp(c->argv[0], "create") == 0) {
    code = create_token(&r, name, repo, access);
  } else if (code == CLI_DONE && strcmp(c->argv[0], "revoke") == 0 && c->argc == 3) {
    code = revoke_token(&r, c->argv[2]);
  } else if (code == CLI_DONE) {
    code = cli_fail(CLI_USAGE, "usage: storectl %s", usage);
  }
  cli_remote_close(&r);
  return code;
}
