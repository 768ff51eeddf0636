#include <stdio.h>
#include <string.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/workcopy/checkout.h"
#include "store/merge/merge.h"

#define ARENA_LEN_MAX ((size_t)1 << 30)

// --- conflicts ------------------------------------------------------------------------------

static bool is_text(const so_conflict *c) {
  return c->has_ours && c->has_theirs && c->kind != SO_CONFLICT_PATH_CLASH &&
         c->strategy != SO_STRATEGY_WHOLE && c->ours.type == SO_ENTRY_FILE &&
         c->theirs.type == SO_ENTRY_FILE;
}

static int note_conflicts(cli_workcopy *w, const so_merge_result *r, so_arena *arena) {
  so_bytes *lines = so_arena_alloc(arena, r->conflict_count * sizeof *lines);
  if (lines == NULL) {
    return cli_fail(CLI_REFUSED, "out of memory");
  }
  for (size_t i = 0; i < r->conflict_count; i++) {
    const so_conflict *c = &r->conflicts[i];
    const size_t room = c->path.len + 8;
    uint8_t *p = so_arena_alloc(arena, room);
    if (p == NULL) {
      return cli_fail(CLI_REFUSED, "out of memory");
    }
    so_writer line = so_writer_of(p, room);
    so_write_printf(&line, "%s %.*s", is_text(c) ? "text" : "choice", SO_FMT(c->path));
    lines[i] = so_writer_bytes(&line);
  }
  return cli_conflicts_write(w, lines, r->conflict_count);
}

static int say_conflicts(const cli_workcopy *w, const so_merge_result *r) {
  for (size_t i = 0; i < r->conflict_count; i++) {
    const so_conflict *c = &r->conflicts[i];
    cli_printf("conflict: %.*s: %s\n", SO_FMT(c->path), so_conflict_kind_text(c->kind));
  }
  cli_note(w->c, "Edit the files between the markers <<<<<<< and >>>>>>>; `storectl resolve PATH` says "
                 "that one without markers is as it shall be. Then `storectl commit`.");
  return CLI_DIFFERENT;
}

// --- merging --------------------------------------------------------------------------------

static int fast_forward(cli_workcopy *w, const so_oid *other, const char *label) {
  so_oid root, from = w->head_root;
  char why[SO_REF_WHY_LEN_MAX];
  int code = cli_commit_root(w, other, &root);
  if (code == CLI_DONE) {
    code = cli_checkout(w, &from, &root, false);
  }
  if (code == CLI_DONE) {
    snprintf(why, sizeof why, "merge %s: fast-forward", label);
    code = cli_workcopy_move(w, other, why);
  }
  if (code == CLI_DONE) {
    code = cli_workcopy_flush(w);
  }
  if (code == CLI_DONE) {
    char hex[CLI_HEX_LEN];
    cli_hex(other, hex);
    cli_printf("%s is now at %.12s (fast-forward)\n", w->branch, hex);
  }
  return code;
}

static int finish(cli_workcopy *w, const so_oid *other, const char *label, const char *message,
                  const so_merge_result *r, so_arena *arena) {
  const so_oid from = w->head_root;
  int code = cli_checkout(w, &from, &r->root, false);
  if (code != CLI_DONE) {
    return code;
  }
  if (r->conflict_count != 0) {
    code = note_conflicts(w, r, arena);
    if (code == CLI_DONE) {
      code = cli_workcopy_set_merge(w, other, label);
    }
    return code == CLI_DONE ? say_conflicts(w, r) : code;
  }
  char text[SO_REF_NAME_LEN_MAX * 2 + 32], hex[CLI_HEX_LEN];
  so_oid commit;
  snprintf(text, sizeof text, "Merge %s into %s", label, w->branch);
  w->merging = true;
  w->merge_head = *other;
  code = cli_make_commit(w, &r->root, so_str(message == NULL ? text : message), "merge", &commit);
  if (code == CLI_DONE) {
    cli_hex(&commit, hex);
    cli_printf("merged %s: %s is now at %.12s\n", label, w->branch, hex);
  }
  return code;
}

static int merge_diverged(cli_workcopy *w, const so_oid *other, const char *label,
                          const char *message) {
  const so_history history = {&w->tree, 0};
  so_merge_options options = {.keep_markers = true};
  so_merge_result result;
  so_arena arena;
  options.labels = (so_merge_labels){so_str(w->branch), so_str("base"), so_str(label)};
  so_arena_init(&arena, w->c->heap, ARENA_LEN_MAX);
  const so_status status = so_merge_commits(&history, &w->head, other, &options, &arena, &result);
  const int code = so_ok(status) ? finish(w, other, label, message, &result, &arena)
                                 : cli_fail_status(status, "merge");
  so_arena_release(&arena);
  return code;
}

int cli_merge_commit(cli_workcopy *w, const so_oid *other, const char *label, bool ff_only,
                     const char *message) {
  const so_history history = {&w->tree, 0};
  bool contained = false, ahead = true;
  if (w->merging) {
    return cli_fail(CLI_REFUSED, "a merge waits for its commit; settle it first, see `storectl "
                                 "status`");
  }
  if (w->detached) {
    return cli_fail(CLI_REFUSED, "not on a branch; `storectl switch BRANCH` first");
  }
  so_status status = so_done();
  if (w->has_head) {
    status = so_is_ancestor(&history, other, &w->head, &contained);
    if (so_ok(status)) {
      status = so_is_ancestor(&history, &w->head, other, &ahead);
    }
  }
  if (!so_ok(status)) {
    return cli_fail_status(status, label);
  }
  if (contained) {
    cli_printf("%s has everything of %s already\n", w->branch, label);
    return CLI_DONE;
  }
  if (ahead) {
    return fast_forward(w, other, label);
  }
  if (ff_only) {
    return cli_fail(CLI_REFUSED, "%s has commits of its own; merge without --ff-only", w->branch);
  }
  return merge_diverged(w, other, label, message);
}

// --- commands -------------------------------------------------------------------------------

static int abort_merge(cli_workcopy *w) {
  if (!w->merging) {
    return cli_fail(CLI_USAGE, "no merge is under way");
  }
  cli_changes changes;
  so_oid files;
  int code = cli_changes_find(w, &w->head_root, NULL, 0, CLI_CHANGES_STORE, &changes);
  if (code == CLI_DONE) {
    code = cli_apply_changes(w, &w->head_root, &changes, &files);
  }
  cli_changes_release(&changes);
  if (code == CLI_DONE) {
    code = cli_checkout(w, &files, &w->head_root, false);
  }
  if (code == CLI_DONE) {
    cli_conflicts_write(w, NULL, 0);
    code = cli_workcopy_set_merge(w, NULL, NULL);
  }
  return code;
}

int cli_merge(cli *c) {
  bool ff_only = false, stop = false;
  const char *message = NULL;
  const cli_option options[] = {{"--ff-only", 0, NULL, &ff_only},
                                {"--abort", 0, NULL, &stop},
                                {"--message", 'm', &message, NULL}};
  int code = cli_options(c, options, 3);
  if (code == CLI_DONE) {
    code = cli_want(c, stop ? 0 : 1, stop ? 0 : 1, "merge REF | merge --abort");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  so_oid other;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE && stop) {
    code = abort_merge(&w);
  } else if (code == CLI_DONE) {
    code = cli_resolve_commit(&w, c->argv[0], &other);
    if (code == CLI_DONE) {
      code = cli_merge_commit(&w, &other, c->argv[0], ff_only, message);
    }
  }
  cli_workcopy_close(&w);
  return code;
}

static int resolve_one(cli_workcopy *w, cli_conflicts *conflicts, const char *given) {
  char path[CLI_PATH_LEN];
  const int code = cli_workcopy_relative(w, given, path);
  if (code != CLI_DONE) {
    return code;
  }
  for (size_t i = 0; i < conflicts->count; i++) {
    const so_bytes line = conflicts->paths[i];
    const so_bytes name = so_bytes_from(line, so_bytes_find(line, ' ') + 1);
    if (so_bytes_equal(name, so_str(path))) {
      conflicts->paths[i] = conflicts->paths[--conflicts->count];
      return CLI_DONE;
    }
  }
  return cli_fail(CLI_USAGE, "%s is not in conflict; `storectl status` shows what is", given);
}

int cli_resolve(cli *c) {
  cli_workcopy w;
  cli_conflicts conflicts;
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 1, 1000000, "resolve PATH...");
  }
  if (code != CLI_DONE) {
    return code;
  }
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = cli_conflicts_read(&w, &conflicts);
    for (int i = 0; i < c->argc && code == CLI_DONE; i++) {
      code = resolve_one(&w, &conflicts, c->argv[i]);
    }
    if (code == CLI_DONE) {
      code = cli_conflicts_write(&w, conflicts.paths, conflicts.count);
    }
    cli_conflicts_release(&conflicts);
  }
  cli_workcopy_close(&w);
  return code;
}
