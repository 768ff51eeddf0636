#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/lib/patch/patch.h"
#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"

#define PATCH_LEN_MAX ((size_t)64 << 20)

// --- log ------------------------------------------------------------------------------------

static int print_log(cli_workcopy *w, so_commit_log *log, uint64_t limit, bool oneline) {
  cli_json j;
  int code = CLI_DONE;
  if (w->c->json) {
    cli_json_begin(w->c, &j);
    so_json_array(&j.w);
  }
  for (uint64_t i = 0; i < limit && code == CLI_DONE; i++) {
    so_commit_log_entry entry;
    const so_status status = so_commit_log_next(log, &entry);
    if (so_is(status, SO_NOT_FOUND)) {
      break;
    }
    if (!so_ok(status)) {
      code = cli_fail_status(status, "log");
    } else if (w->c->json) {
      code = cli_json_commit(w, &j.w, &entry.oid);
    } else if (oneline) {
      code = cli_print_commit_line(w, &entry.oid);
    } else {
      code = cli_print_commit(w, &entry.oid);
    }
  }
  if (w->c->json) {
    so_json_array_end(&j.w);
    cli_json_end(&j);
  }
  return code;
}

static int run_log(cli_workcopy *w, const char *ref, const char *given_path, uint64_t limit,
                   bool oneline) {
  char path[CLI_PATH_LEN] = "";
  so_oid tip;
  int code = cli_resolve_commit(w, ref, &tip);
  if (code == CLI_DONE && given_path != NULL) {
    code = cli_workcopy_relative(w, given_path, path);
  }
  if (code != CLI_DONE) {
    return code;
  }
  const so_history history = {&w->tree, 0};
  so_commit_log *log;
  const so_status status = so_commit_log_open(&history, &tip, 1, so_str(path), &log);
  if (!so_ok(status)) {
    return cli_fail_status(status, "log");
  }
  code = print_log(w, log, limit, oneline);
  so_commit_log_close(log);
  return code;
}

int cli_log(cli *c) {
  const char *count = NULL, *path = NULL;
  bool oneline = false;
  uint64_t limit = UINT64_MAX;
  const cli_option options[] = {{"--number", 'n', &count, NULL},
                                {"--path", 0, &path, NULL},
                                {"--oneline", 0, NULL, &oneline}};
  int code = cli_options(c, options, 3);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 1, "log [-n N] [--oneline] [--path PATH] [REF]");
  }
  if (code == CLI_DONE && count != NULL && !so_ok(so_parse_u64(so_str(count), &limit))) {
    code = cli_fail(CLI_USAGE, "-n wants a number, not %s", count);
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_log(&w, c->argc == 0 ? "HEAD" : c->argv[0], path, limit, oneline);
  }
  cli_workcopy_close(&w);
  return code;
}

// --- diff and show --------------------------------------------------------------------------

static int print_change(cli_workcopy *w, const so_change *change, cli_json *j, so_buf *text) {
  if (w->c->json) {
    so_json_object(&j->w);
    so_json_member_string(&j->w, "path", change->key);
    cli_json_text(&j->w, "change", cli_change_word(change->has_old, change->has_new));
    so_json_object_end(&j->w);
    return CLI_DONE;
  }
  so_buf_clear(text);
  const so_status status = so_patch_write(&w->tree, change, text);
  if (!so_ok(status)) {
    return cli_fail_status(status, "diff");
  }
  cli_print(so_buf_bytes(text));
  return CLI_DONE;
}

// print_diff prints what differs between two maps and counts it.
static int print_diff(cli_workcopy *w, const so_oid *from, const so_oid *to, const char *path,
                      size_t *out_count) {
  so_diff *diff;
  so_buf text;
  cli_json j;
  const so_bytes none = {NULL, 0};
  so_status status = so_diff_open(&w->tree, from, to, so_str(path), none, &diff);
  if (!so_ok(status)) {
    return cli_fail_status(status, "diff");
  }
  so_buf_init(&text, w->c->heap, PATCH_LEN_MAX);
  if (w->c->json) {
    cli_json_begin(w->c, &j);
    so_json_array(&j.w);
  }
  int code = CLI_DONE;
  so_change change;
  status = so_diff_next(diff, &change);
  while (so_ok(status) && code == CLI_DONE) {
    ++*out_count;
    code = print_change(w, &change, &j, &text);
    status = so_diff_next(diff, &change);
  }
  if (w->c->json) {
    so_json_array_end(&j.w);
    cli_json_end(&j);
  }
  so_buf_release(&text);
  so_diff_close(diff);
  return code != CLI_DONE || so_is(status, SO_NOT_FOUND) ? code : cli_fail_status(status, "diff");
}

// files_root makes a map of the files as they are.
static int files_root(cli_workcopy *w, so_oid *out) {
  cli_changes changes;
  int code = cli_changes_find(w, &w->head_root, NULL, 0, CLI_CHANGES_STORE, &changes);
  if (code == CLI_DONE) {
    code = cli_apply_changes(w, &w->head_root, &changes, out);
  }
  cli_changes_release(&changes);
  return code;
}

static int ref_root(cli_workcopy *w, const char *ref, so_oid *out) {
  so_oid commit;
  const int code = cli_resolve_commit(w, ref, &commit);
  return code == CLI_DONE ? cli_commit_root(w, &commit, out) : code;
}

static int run_diff(cli_workcopy *w, const char *given_path) {
  char path[CLI_PATH_LEN] = "";
  so_oid from = w->head_root, to;
  size_t count = 0;
  int code = given_path == NULL ? CLI_DONE : cli_workcopy_relative(w, given_path, path);
  if (code == CLI_DONE && w->c->argc > 0) {
    code = ref_root(w, w->c->argv[0], &from);
  }
  if (code == CLI_DONE) {
    code = w->c->argc > 1 ? ref_root(w, w->c->argv[1], &to) : files_root(w, &to);
  }
  if (code == CLI_DONE) {
    code = print_diff(w, &from, &to, path, &count);
  }
  return code == CLI_DONE && count != 0 ? CLI_DIFFERENT : code;
}

int cli_diff(cli *c) {
  const char *path = NULL;
  const cli_option options[] = {{"--path", 0, &path, NULL}};
  int code = cli_options(c, options, 1);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 2, "diff [--path PATH] [FROM [TO]]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_diff(&w, path);
  }
  cli_workcopy_close(&w);
  return code;
}

static int run_show(cli_workcopy *w, const char *ref) {
  so_oid commit, root, before = {{0}};
  size_t count = 0;
  int code = cli_resolve_commit(w, ref, &commit);
  if (code == CLI_DONE) {
    code = cli_commit_root(w, &commit, &root);
  }
  if (code == CLI_DONE) {
    code = cli_parent_root(w, &commit, &before);
  }
  if (code != CLI_DONE) {
    return code;
  }
  if (w->c->json) {
    cli_json j;
    cli_json_begin(w->c, &j);
    code = cli_json_commit(w, &j.w, &commit);
    cli_json_end(&j);
    return code;
  }
  code = cli_print_commit(w, &commit);
  return code == CLI_DONE ? print_diff(w, &before, &root, "", &count) : code;
}

int cli_show(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 1, "show [REF]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_show(&w, c->argc == 0 ? "HEAD" : c->argv[0]);
  }
  cli_workcopy_close(&w);
  return code;
}
