#ifndef SO_CLI_REMOTE_REMOTE_H_
#define SO_CLI_REMOTE_REMOTE_H_

// Talking to a server: where credentials come from, one HTTPS connection that is kept open, JSON
// requests, and the errors of the server as people should read them.
//
// Credentials of a server (its origin, such as https://127.0.0.1:8443) are what the options
// --cacert, --token-file and --fingerprint say, otherwise what `storectl login` remembered in
// $XDG_CONFIG_HOME/storectl/servers.json (mode 0600).
//
// Functions print why they failed and return an exit code.

#include "apps/lib/http_client/http_client.h"
#include "cli/core/cli.h"
#include "http/url/url.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLI_URL_LEN_MAX 2048
#define CLI_ANCHORS_MAX 200

typedef struct cli_remote {
  cli *c;
  char origin[CLI_URL_LEN_MAX];  // https://HOST:PORT
  char repo[128];                // Last segment of the URL; empty for the server itself.
  char host[256];
  char authority[300];
  uint16_t port;
  so_arena arena;
  so_bytes token;
  so_bytes *anchors;
  size_t anchor_count;
  bool has_pin;
  uint8_t pin[32];
  so_http_client *http;
} cli_remote;

// cli_remote_open parses `url` (https://HOST:PORT/REPO, or without REPO) and finds the credentials;
// it does not connect yet. cli_remote_close always goes with it.
int cli_remote_open(cli *c, const char *url, cli_remote *out);
void cli_remote_close(cli_remote *r);

// cli_remote_remember stores the credentials for the origin.
int cli_remote_remember(cli_remote *r);

// cli_remote_send connects when needed and sends a request's head with the token. `path` is below the
// repository ("/refs"), or below the server when `path` begins with "/v1". With a body the caller then
// writes it with so_http_client_write.
int cli_remote_send(cli_remote *r, const char *method, const char *path, const char *type,
                    bool has_length, uint64_t length);

// cli_remote_answer waits for the answer; an error of the server is explained and becomes CLI_REFUSED.
// With `conflict_ok`, 409 and 412 are given back in `*out_status` to the caller.
int cli_remote_answer(cli_remote *r, bool conflict_ok, uint16_t *out_status);

// cli_remote_json reads the answer's body and parses it; it lives in r->arena.
int cli_remote_json(cli_remote *r, const so_json **out);

// cli_remote_call does all of it: sends `body` (empty: none), expects a good answer, parses it.
int cli_remote_call(cli_remote *r, const char *method, const char *path, so_bytes body,
                    const so_json **out);

// cli_remote_lost explains a broken connection.
int cli_remote_lost(const cli_remote *r, so_status status);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_REMOTE_REMOTE_H_
