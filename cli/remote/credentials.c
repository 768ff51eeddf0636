// The file of credentials: {"https://HOST:PORT": {"token": "...", "cacert": "PEM", "fingerprint":
// "hex"}}, readable by its owner only.

#include "cli/remote/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "cli/workcopy/files.h"
#include "kernel/unix/unix.h"
#include "tls/x509/x509.h"

#define FILE_LEN_MAX ((size_t)4 << 20)
#define SYSTEM_ANCHORS "/etc/ssl/certs/ca-certificates.crt"

// What is known of one server, as text.
typedef struct texts {
  so_bytes token;
  so_bytes cacert;
  so_bytes fingerprint;
} texts;

static bool config_dir(char out[CLI_URL_LEN_MAX]) {
  const char *xdg = getenv("XDG_CONFIG_HOME");
  const char *home = getenv("HOME");
  if (xdg != NULL && xdg[0] == '/') {
    snprintf(out, CLI_URL_LEN_MAX, "%s/storectl", xdg);
    return true;
  }
  snprintf(out, CLI_URL_LEN_MAX, "%s/.config/storectl", home == NULL ? "/root" : home);
  return true;
}

static so_status read_into(cli_remote *r, const char *path, so_bytes *out) {
  so_buf content;
  so_buf_init(&content, r->c->heap, FILE_LEN_MAX);
  so_status status = cli_file_read(path, &content);
  if (so_ok(status)) {
    status = so_arena_copy(&r->arena, so_buf_bytes(&content), out);
  }
  so_buf_release(&content);
  return status;
}

static so_bytes trimmed(so_bytes text) {
  while (text.len != 0 && text.ptr[text.len - 1] <= ' ') {
    text.len--;
  }
  return text;
}

// load_file parses the file of credentials; NULL when there is none.
static int load_file(cli_remote *r, const so_json **out) {
  char dir[CLI_URL_LEN_MAX], path[CLI_URL_LEN_MAX + 16];
  so_bytes text;
  *out = NULL;
  config_dir(dir);
  snprintf(path, sizeof path, "%s/servers.json", dir);
  so_status status = read_into(r, path, &text);
  if (so_is(status, SO_NOT_FOUND)) {
    return CLI_DONE;
  }
  if (so_ok(status)) {
    status = so_json_parse(text, &r->arena, out, NULL);
  }
  return so_ok(status) ? CLI_DONE
                       : cli_fail(CLI_DAMAGED, "%s cannot be read; remove it and log in again", path);
}

static int from_options(cli_remote *r, texts *t) {
  if (r->c->token_file != NULL && !so_ok(read_into(r, r->c->token_file, &t->token))) {
    return cli_fail(CLI_USAGE, "cannot read the token in %s", r->c->token_file);
  }
  if (r->c->cacert != NULL && !so_ok(read_into(r, r->c->cacert, &t->cacert))) {
    return cli_fail(CLI_USAGE, "cannot read the certificate in %s", r->c->cacert);
  }
  if (r->c->fingerprint != NULL) {
    t->fingerprint = so_str(r->c->fingerprint);
  }
  return CLI_DONE;
}

static int use_anchors(cli_remote *r, so_bytes pem) {
  uint8_t *room = so_arena_alloc(&r->arena, pem.len);
  r->anchors = so_arena_alloc(&r->arena, CLI_ANCHORS_MAX * sizeof *r->anchors);
  if (room == NULL || r->anchors == NULL) {
    return cli_fail(CLI_REFUSED, "out of memory");
  }
  so_writer memory = so_writer_of(room, pem.len);
  const so_status status =
      so_x509_chain_read_pem(pem, &memory, r->anchors, CLI_ANCHORS_MAX, &r->anchor_count);
  return so_ok(status) ? CLI_DONE
                       : cli_fail(CLI_USAGE, "the file of --cacert holds no certificate in PEM");
}

static int use(cli_remote *r, const texts *t) {
  r->token = trimmed(t->token);
  if (t->fingerprint.len != 0) {
    r->has_pin = so_ok(so_hex_read(t->fingerprint, r->pin, sizeof r->pin));
    return r->has_pin ? CLI_DONE
                      : cli_fail(CLI_USAGE, "--fingerprint wants the 64 hex digits of a SHA-256");
  }
  if (t->cacert.len != 0) {
    return use_anchors(r, t->cacert);
  }
  so_bytes system;
  if (so_ok(read_into(r, SYSTEM_ANCHORS, &system))) {
    return use_anchors(r, system);
  }
  return cli_fail(CLI_USAGE, "whom to trust? give --cacert FILE or --fingerprint, or run `storectl "
                             "login %s` with them once", r->origin);
}

int cli_credentials_load(cli_remote *r) {
  const so_json *file;
  texts t = {.token = {NULL, 0}};
  int code = load_file(r, &file);
  if (code != CLI_DONE) {
    return code;
  }
  const so_json *known = so_json_member(file, r->origin);
  (void)so_json_string(so_json_member(known, "token"), &t.token);
  (void)so_json_string(so_json_member(known, "cacert"), &t.cacert);
  (void)so_json_string(so_json_member(known, "fingerprint"), &t.fingerprint);
  if (r->c->cacert != NULL) {
    t.fingerprint = so_bytes_of(NULL, 0);
  }
  code = from_options(r, &t);
  return code == CLI_DONE ? use(r, &t) : code;
}

static void write_server(cli_remote *r, so_json_writer *w, const texts *t) {
  so_json_name(w, r->origin);
  so_json_object(w);
  so_json_member_string(w, "token", r->token);
  if (t->cacert.len != 0) {
    so_json_member_string(w, "cacert", t->cacert);
  }
  if (t->fingerprint.len != 0) {
    so_json_member_string(w, "fingerprint", t->fingerprint);
  }
  so_json_object_end(w);
}

static int make_dirs(const char *path) {
  char part[CLI_URL_LEN_MAX];
  for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
    const size_t len = slash == NULL ? strlen(path) : (size_t)(slash - path);
    snprintf(part, sizeof part, "%.*s", (int)len, path);
    if (mkdir(part, 0700) != 0 && errno != EEXIST) {
      return cli_fail(CLI_REFUSED, "cannot make %s: %s", part, strerror(errno));
    }
    if (slash == NULL) {
      return CLI_DONE;
    }
  }
}

int cli_credentials_save(cli_remote *r) {
  const so_json *file;
  texts t = {.token = {NULL, 0}};
  char dir[CLI_URL_LEN_MAX], path[CLI_URL_LEN_MAX + 16];
  int code = load_file(r, &file);
  if (code == CLI_DONE) {
    code = from_options(r, &t);
  }
  config_dir(dir);
  if (code == CLI_DONE) {
    code = make_dirs(dir);
  }
  if (code != CLI_DONE) {
    return code;
  }
  so_buf text;
  so_buf_init(&text, r->c->heap, FILE_LEN_MAX);
  so_json_writer w = so_json_writer_of(&text);
  so_json_object(&w);
  for (const so_json *m = file == NULL ? NULL : file->first; m != NULL; m = m->next) {
    if (!so_bytes_equal(m->name, so_str(r->origin))) {
      so_json_name_bytes(&w, m->name);
      so_json_put_value(&w, m);
    }
  }
  write_server(r, &w, &t);
  so_json_object_end(&w);
  snprintf(path, sizeof path, "%s/servers.json", dir);
  const so_status status = so_unix_write_file(so_str(path), so_buf_bytes(&text));
  so_buf_release(&text);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, path);
}
