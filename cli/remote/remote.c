#include "cli/remote/remote.h"

#include <stdio.h>
#include <string.h>

#include "apps/lib/tls_stream/tls_stream.h"
#include "base/fmt.h"
#include "cli/remote/credentials.h"

#define ARENA_LEN_MAX ((size_t)256 << 20)
#define ANSWER_LEN_MAX ((size_t)64 << 20)
#define CONNECT_NS (20 * SO_NS_PER_S)

// --- opening --------------------------------------------------------------------------------

static bool copy_text(so_bytes text, char *out, size_t cap) {
  if (text.len >= cap) {
    return false;
  }
  if (text.len != 0) {  // An empty view may have no address.
    memcpy(out, text.ptr, text.len);
  }
  out[text.len] = '\0';
  return true;
}

static int parse_url(cli_remote *r, const char *url) {
  so_url u;
  if (!so_ok(so_url_parse(so_str(url), &u)) || !u.is_https) {
    return cli_fail(CLI_USAGE, "%s is not a URL such as https://HOST:PORT/REPOSITORY", url);
  }
  so_bytes path = u.path;
  while (path.len != 0 && path.ptr[0] == '/') {
    path = so_bytes_from(path, 1);
  }
  while (path.len != 0 && path.ptr[path.len - 1] == '/') {
    path.len--;
  }
  if (so_bytes_has_prefix(path, so_str("v1/repos/"))) {
    path = so_bytes_from(path, 9);
  }
  if (so_bytes_find(path, '/') != path.len || !copy_text(path, r->repo, sizeof r->repo) ||
      !copy_text(u.host, r->host, sizeof r->host) ||
      !copy_text(u.authority, r->authority, sizeof r->authority)) {
    return cli_fail(CLI_USAGE, "%s: after the port comes the name of a repository", url);
  }
  r->port = u.port;
  snprintf(r->origin, sizeof r->origin, "https://%s", r->authority);
  return CLI_DONE;
}

int cli_remote_open(cli *c, const char *url, cli_remote *out) {
  const cli_remote empty = {.c = c};
  *out = empty;
  so_arena_init(&out->arena, c->heap, ARENA_LEN_MAX);
  const int code = parse_url(out, url);
  return code == CLI_DONE ? cli_credentials_load(out) : code;
}

static void disconnect(cli_remote *r) {
  if (r->http != NULL) {
    so_http_client_close(r->http);
    r->http = NULL;
  }
}

void cli_remote_close(cli_remote *r) {
  disconnect(r);
  so_arena_release(&r->arena);
}

int cli_remote_remember(cli_remote *r) { return cli_credentials_save(r); }

// --- connecting -----------------------------------------------------------------------------

static int connect_tcp(cli_remote *r, so_stream *out) {
  const so_net *net = &r->c->world->net;
  const uint64_t deadline = so_clock_now(&r->c->world->clock) + CONNECT_NS;
  so_endpoint at;
  so_status status = net->resolve(net->ctx, so_str(r->host), deadline, &at);
  if (!so_ok(status)) {
    return cli_fail(CLI_NETWORK, "there is no host called %s", r->host);
  }
  at.port = r->port;
  status = net->connect(net->ctx, &at, deadline, out);
  return so_ok(status) ? CLI_DONE
                       : cli_fail(CLI_NETWORK, "cannot reach %s: is its server running?", r->origin);
}

static int connect_tls(cli_remote *r) {
  so_stream tcp, tls;
  so_tls_failure why = {.text = ""};
  int code = connect_tcp(r, &tcp);
  if (code != CLI_DONE) {
    return code;
  }
  so_tls_client_options options = {.host = so_str(r->host),
                                   .anchors = r->anchors,
                                   .anchor_count = r->anchor_count,
                                   .pin = r->has_pin ? r->pin : NULL,
                                   .alpn_count = 1};
  options.alpn[0] = so_str("http/1.1");
  const uint64_t deadline = so_clock_now(&r->c->world->clock) + CONNECT_NS;
  so_status status = so_tls_stream_client(r->c->world, &options, tcp, deadline, &tls, &why);
  if (!so_ok(status)) {
    return why.peer_refused
               ? cli_fail(CLI_NETWORK,
                          "%s cannot prove who it is: %s; give its certificate with --cacert FILE",
                          r->origin, why.text)
               : cli_fail(CLI_NETWORK, "TLS with %s failed: %s", r->origin, why.text);
  }
  status = so_http_client_open(r->c->world, tls, so_str(r->authority), &r->http);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "connection");
}

int cli_remote_lost(const cli_remote *r, so_status status) {
  return cli_fail(CLI_NETWORK, "the connection to %s broke (%s); run the command again, what has "
                               "arrived is kept",
                  r->origin, so_code_name((so_code)status.code));
}

// --- requests -------------------------------------------------------------------------------

int cli_remote_send(cli_remote *r, const char *method, const char *path, const char *type,
                    bool has_length, uint64_t length) {
  char target[CLI_URL_LEN_MAX], bearer[512];
  so_http_field fields[3];
  size_t count = 0;
  if (r->http != NULL && !so_http_client_reusable(r->http)) {
    disconnect(r);
  }
  const int code = r->http == NULL ? connect_tls(r) : CLI_DONE;
  if (code != CLI_DONE) {
    return code;
  }
  if (strncmp(path, "/v1", 3) == 0) {
    snprintf(target, sizeof target, "%s", path);
  } else {
    snprintf(target, sizeof target, "/v1/repos/%s%s", r->repo, path);
  }
  fields[count++] = (so_http_field){so_str("User-Agent"), so_str("storectl/" CLI_VERSION)};
  if (r->token.len != 0) {
    snprintf(bearer, sizeof bearer, "Bearer %.*s", SO_FMT(r->token));
    fields[count++] = (so_http_field){so_str("Authorization"), so_str(bearer)};
  }
  if (type != NULL) {
    fields[count++] = (so_http_field){so_str("Content-Type"), so_str(type)};
  }
  const so_status status = so_http_client_send(r->http, so_str(method), so_str(target), fields,
                                               count, has_length, length);
  return so_ok(status) ? CLI_DONE : cli_remote_lost(r, status);
}

int cli_remote_json(cli_remote *r, const so_json **out) {
  so_buf body;
  so_bytes text = {NULL, 0};
  so_buf_init(&body, r->c->heap, ANSWER_LEN_MAX);
  so_status status = so_http_client_read_all(r->http, &body);
  if (so_ok(status)) {
    status = so_arena_copy(&r->arena, so_buf_bytes(&body), &text);
  }
  so_buf_release(&body);
  if (so_ok(status)) {
    status = so_json_parse(text, &r->arena, out, NULL);
    if (!so_ok(status)) {
      return cli_fail(CLI_NETWORK, "%s did not answer as a store does; is the URL right?",
                      r->origin);
    }
  }
  return so_ok(status) ? CLI_DONE : cli_remote_lost(r, status);
}

// What to do about a refusal, for those that a newcomer meets first.
static const char *advice(uint16_t status, so_bytes code) {
  return status == 401 ? " (`storectl login URL --token-file FILE` remembers one)"
         : so_bytes_equal(code, so_str("no_such_repository"))
             ? " (`storectl init URL` makes an empty one)"
             : "";
}

static int explain(cli_remote *r, uint16_t status) {
  const so_json *problem = NULL;
  so_bytes detail = so_str("no reason given"), code = so_str("");
  const int read = cli_remote_json(r, &problem);
  if (read != CLI_DONE) {
    return read;
  }
  (void)so_json_string(so_json_member(problem, "detail"), &detail);
  (void)so_json_string(so_json_member(problem, "code"), &code);
  return cli_fail(CLI_REFUSED, "%s refused (%u %.*s): %.*s%s", r->origin, status, SO_FMT(code),
                  SO_FMT(detail), advice(status, code));
}

int cli_remote_answer(cli_remote *r, bool conflict_ok, uint16_t *out_status) {
  const so_status status = so_http_client_receive(r->http, out_status);
  if (!so_ok(status)) {
    return cli_remote_lost(r, status);
  }
  const bool good = *out_status >= 200 && *out_status < 300;
  const bool conflict = *out_status == 409 || *out_status == 412;
  return good || (conflict && conflict_ok) ? CLI_DONE : explain(r, *out_status);
}

int cli_remote_call(cli_remote *r, const char *method, const char *path, so_bytes body,
                    const so_json **out) {
  uint16_t status;
  int code = cli_remote_send(r, method, path, body.len == 0 ? NULL : "application/json", true,
                             body.len);
  if (code == CLI_DONE && body.len != 0) {
    const so_status written = so_http_client_write(r->http, body);
    (void)written.code;  // If it broke, the answer says why.
  }
  if (code == CLI_DONE) {
    code = cli_remote_answer(r, false, &status);
  }
  return code == CLI_DONE ? cli_remote_json(r, out) : code;
}
