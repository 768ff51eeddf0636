#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "cli/commands/commands.h"
#include "cli/commands/remotes.h"
#include "cli/workcopy/checkout.h"

// --- login, init on a server ----------------------------------------------------------------

int cli_login(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 1, 1, "login https://HOST:PORT --cacert FILE --token-file FILE");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_remote r;
  const so_json *answer;
  code = cli_remote_open(c, c->argv[0], &r);
  if (code == CLI_DONE) {
    code = cli_remote_call(&r, "GET", "/v1/repos?limit=1", so_bytes_of(NULL, 0), &answer);
  }
  if (code == CLI_DONE) {
    code = cli_remote_remember(&r);
  }
  if (code == CLI_DONE) {
    cli_note(c, "%s accepts the token; remembered", r.origin);
  }
  cli_remote_close(&r);
  return code;
}

static int want_repo(const cli_remote *r) {
  return r->repo[0] != '\0'
             ? CLI_DONE
             : cli_fail(CLI_USAGE, "which repository? the URL ends in its name: %s/NAME", r->origin);
}

// cli_init_remote makes an empty repository on a server: `storectl init URL`.
int cli_init_remote(cli *c, const char *url) {
  cli_remote r;
  const so_json *answer;
  int code = cli_remote_open(c, url, &r);
  if (code == CLI_DONE) {
    code = want_repo(&r);
  }
  if (code == CLI_DONE) {
    code = cli_remote_call(&r, "PUT", "", so_bytes_of(NULL, 0), &answer);
  }
  if (code == CLI_DONE) {
    cli_note(c, "%s/%s is there; `storectl clone %s` gets it", r.origin, r.repo, url);
  }
  cli_remote_close(&r);
  return code;
}

// --- clone ----------------------------------------------------------------------------------

// make_workcopy makes the directory and an empty working copy in it that fits the server's
// repository. One that a broken-off clone left is taken as it is.
static int make_workcopy(cli *c, const so_json *repo, const char *dir) {
  uint8_t salt[SO_SALT_LEN];
  so_bytes hex, branch;
  char name[SO_REF_NAME_LEN_MAX + 1], store[CLI_PATH_LEN];
  struct stat s;
  if (!so_json_string(so_json_member(repo, "salt"), &hex) ||
      !so_ok(so_hex_read(hex, salt, sizeof salt)) ||
      !so_json_string(so_json_member(repo, "default_branch"), &branch) ||
      branch.len > SO_REF_NAME_LEN_MAX) {
    return cli_fail(CLI_NETWORK, "the server did not describe the repository as a store does");
  }
  snprintf(name, sizeof name, "%.*s", (int)branch.len, (const char *)branch.ptr);
  snprintf(store, sizeof store, "%s/" CLI_DIR "/store", dir);
  if (stat(store, &s) == 0) {
    return CLI_DONE;
  }
  if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
    return cli_fail(CLI_REFUSED, "cannot make %s: %s", dir, strerror(errno));
  }
  return cli_workcopy_create(c, dir, salt, name);
}

// check_origin refuses to clone into the working copy of something else.
static int check_origin(cli_workcopy *w, const char *url) {
  char path[CLI_PATH_LEN], known[CLI_URL_LEN_MAX];
  struct stat s;
  cli_workcopy_file(w, "config", path);
  if (stat(path, &s) != 0) {
    return cli_remotes_set(w, CLI_REMOTE_DEFAULT, url);
  }
  const int code = cli_remotes_url(w, CLI_REMOTE_DEFAULT, known);
  if (code == CLI_DONE && (strcmp(known, url) != 0 || w->has_head)) {
    return cli_fail(CLI_REFUSED, "%s is a working copy already; choose another directory", w->root);
  }
  return code;
}

static int check_out_first(cli_workcopy *w) {
  char name[SO_REF_NAME_LEN_MAX + 32];
  so_ref ref;
  so_oid root, commit;
  const so_oid none = {{0}};
  snprintf(name, sizeof name, "refs/remotes/" CLI_REMOTE_DEFAULT "/%s", w->branch);
  if (!so_ok(so_ref_get(&w->repo, so_str(name), &ref))) {
    cli_note(w->c, "the repository is empty");
    return CLI_DONE;
  }
  commit = ref.oid;
  int code = cli_commit_root(w, &commit, &root);
  if (code == CLI_DONE) {
    code = cli_checkout(w, &none, &root, false);
  }
  if (code == CLI_DONE) {
    code = cli_workcopy_move(w, &commit, "clone");
  }
  return code == CLI_DONE ? cli_workcopy_flush(w) : code;
}

static int run_clone(cli *c, cli_remote *r, const char *url, const char *dir) {
  const so_json *repo;
  int code = want_repo(r);
  if (code == CLI_DONE) {
    code = cli_remote_call(r, "GET", "", so_bytes_of(NULL, 0), &repo);
  }
  if (code == CLI_DONE) {
    code = make_workcopy(c, repo, dir);
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, dir, &w);
  if (code == CLI_DONE) {
    code = check_origin(&w, url);
  }
  if (code == CLI_DONE) {
    code = cli_fetch_from(&w, r, CLI_REMOTE_DEFAULT);
  }
  if (code == CLI_DONE) {
    code = check_out_first(&w);
  }
  cli_workcopy_close(&w);
  if (code == CLI_NETWORK) {
    cli_note(c, "what has arrived is kept in %s; the same command goes on from there", dir);
  }
  return code;
}

int cli_clone(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 1, 2, "clone https://HOST:PORT/REPO [DIR]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_remote r;
  code = cli_remote_open(c, c->argv[0], &r);
  if (code == CLI_DONE) {
    const char *dir = c->argc > 1 ? c->argv[1] : r.repo;
    code = run_clone(c, &r, c->argv[0], dir);
  }
  cli_remote_close(&r);
  return code;
}

// --- pull -----------------------------------------------------------------------------------

static int merge_remote(cli_workcopy *w, const char *remote, const char *branch, bool ff_only) {
  char name[2 * SO_REF_NAME_LEN_MAX + 32], label[2 * SO_REF_NAME_LEN_MAX];
  so_ref ref;
  snprintf(label, sizeof label, "%.100s/%.200s", remote, branch);
  snprintf(name, sizeof name, "refs/remotes/%s", label);
  if (!so_ok(so_ref_get(&w->repo, so_str(name), &ref))) {
    return cli_fail(CLI_REFUSED, "the server has no branch %s", branch);
  }
  const so_oid other = ref.oid;
  return cli_merge_commit(w, &other, label, ff_only, NULL);
}

typedef struct pull {
  const char *remote;
  const char *branch;  // NULL: the present one.
  bool ff_only;
} pull;

static int pull_work(void *ctx, cli_workcopy *w, cli_remote *r) {
  const pull *p = ctx;
  const int code = cli_fetch_from(w, r, p->remote);
  if (code != CLI_DONE) {
    return code;
  }
  return merge_remote(w, p->remote, p->branch != NULL ? p->branch : w->branch, p->ff_only);
}

int cli_pull(cli *c) {
  pull p = {CLI_REMOTE_DEFAULT, NULL, false};
  const cli_option options[] = {{"--ff-only", 0, NULL, &p.ff_only}};
  int code = cli_options(c, options, 1);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 2, "pull [--ff-only] [REMOTE [BRANCH]]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  p.remote = c->argc > 0 ? c->argv[0] : p.remote;
  p.branch = c->argc > 1 ? c->argv[1] : NULL;
  return cli_with_remote(c, p.remote, pull_work, &p);
}
