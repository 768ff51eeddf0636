#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"

// --- init -----------------------------------------------------------------------------------

int cli_init(cli *c) {
  const char *branch = SO_DEFAULT_BRANCH;
  const cli_option options[] = {{"--branch", 'b', &branch, NULL}};
  int code = cli_options(c, options, 1);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 1, "init [DIR | https://HOST:PORT/REPO]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  const char *where = c->argc == 0 ? "." : c->argv[0];
  if (strncmp(where, "https://", 8) == 0) {
    return cli_init_remote(c, where);
  }
  if (mkdir(where, 0777) != 0 && errno != EEXIST) {
    return cli_fail(CLI_REFUSED, "cannot make %s: %s", where, strerror(errno));
  }
  code = cli_workcopy_create(c, where, NULL, branch);
  if (code == CLI_DONE) {
    cli_note(c, "%s is a working copy now, on branch %s", where, branch);
  }
  return code;
}

// --- commit ---------------------------------------------------------------------------------

// check_settled refuses while a conflict is open.
static int check_settled(cli_workcopy *w) {
  cli_conflicts conflicts;
  int code = cli_conflicts_read(w, &conflicts);
  for (size_t i = 0; i < conflicts.count && code == CLI_DONE; i++) {
    const so_bytes line = conflicts.paths[i];
    if (!cli_conflict_settled(w, line)) {
      code = cli_fail(CLI_DIFFERENT,
                      "%.*s is in conflict still: edit it, then `storectl resolve` it",
                      SO_FMT(so_bytes_from(line, so_bytes_find(line, ' ') + 1)));
    }
  }
  cli_conflicts_release(&conflicts);
  return code;
}

static int relative_paths(cli_workcopy *w, char (*out)[CLI_PATH_LEN], const char **paths) {
  for (int i = 0; i < w->c->argc; i++) {
    const int code = cli_workcopy_relative(w, w->c->argv[i], out[i]);
    if (code != CLI_DONE) {
      return code;
    }
    paths[i] = out[i];
  }
  return CLI_DONE;
}

static int report(cli_workcopy *w, const so_oid *commit, size_t changes) {
  char hex[CLI_HEX_LEN];
  cli_hex(commit, hex);
  if (w->c->json) {
    cli_json j;
    cli_json_begin(w->c, &j);
    const int code = cli_json_commit(w, &j.w, commit);
    cli_json_end(&j);
    return code;
  }
  cli_printf("%s %.12s: %zu %s\n", w->branch, hex, changes, changes == 1 ? "change" : "changes");
  return CLI_DONE;
}

static int commit(cli_workcopy *w, const char *const *paths, size_t path_count,
                  const char *message, bool allow_empty) {
  cli_changes changes;
  so_oid root, made;
  int code = check_settled(w);
  if (code != CLI_DONE) {
    return code;
  }
  code = cli_changes_find(w, &w->head_root, paths, path_count, CLI_CHANGES_STORE, &changes);
  if (code == CLI_DONE && changes.count == 0 && !w->merging && !allow_empty) {
    cli_note(w->c, "nothing to commit");
    cli_changes_release(&changes);
    return CLI_DIFFERENT;
  }
  if (code == CLI_DONE) {
    code = cli_apply_changes(w, &w->head_root, &changes, &root);
  }
  if (code == CLI_DONE) {
    code = cli_make_commit(w, &root, so_str(message), "commit", &made);
  }
  if (code == CLI_DONE) {
    code = report(w, &made, changes.count);
  }
  cli_changes_release(&changes);
  return code;
}

int cli_commit(cli *c) {
  const char *message = NULL;
  bool allow_empty = false;
  const cli_option options[] = {{"--message", 'm', &message, NULL},
                                {"--allow-empty", 0, NULL, &allow_empty}};
  int code = cli_options(c, options, 2);
  if (code != CLI_DONE) {
    return code;
  }
  if (message == NULL) {
    return cli_fail(CLI_USAGE, "a commit wants a message: storectl commit -m TEXT [PATH...]");
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    const size_t count = (size_t)c->argc;
    char(*text)[CLI_PATH_LEN] = calloc(count + 1, sizeof *text);
    const char **paths = calloc(count + 1, sizeof *paths);
    code = text == NULL || paths == NULL ? cli_fail(CLI_REFUSED, "out of memory")
                                         : relative_paths(&w, text, paths);
    if (code == CLI_DONE && w.merging && count != 0) {
      code = cli_fail(CLI_USAGE, "a merge is committed whole; leave the paths out");
    }
    if (code == CLI_DONE) {
      code = commit(&w, paths, count, message, allow_empty);
    }
    free(paths);
    free(text);
  }
  cli_workcopy_close(&w);
  return code;
}
