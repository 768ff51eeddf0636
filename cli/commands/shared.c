#include "cli/commands/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"

#define ARENA_LEN_MAX ((size_t)64 << 20)

// --- commits --------------------------------------------------------------------------------

int cli_resolve_commit(cli_workcopy *w, const char *expression, so_oid *out) {
  char text[SO_EXPR_LEN_MAX + CLI_HEX_LEN];
  so_resolved resolved;
  const bool is_head = strncmp(expression, "HEAD", 4) == 0 &&
                       (expression[4] == '\0' || strchr("~^@", expression[4]) != NULL);
  if (is_head && !w->has_head) {
    return cli_fail(CLI_REFUSED, "there is no commit yet; `storectl commit -m TEXT` makes one");
  }
  if (is_head) {  // HEAD of the working copy, which need not be the default branch.
    char hex[CLI_HEX_LEN];
    cli_hex(&w->head, hex);
    snprintf(text, sizeof text, "%s%.400s", hex, expression + 4);
  } else {
    snprintf(text, sizeof text, "%.500s", expression);
  }
  const so_status status = so_repo_resolve(&w->repo, so_str(text), &resolved);
  if (so_is(status, SO_NOT_FOUND)) {
    return cli_fail(CLI_REFUSED, "there is no branch, tag or commit '%s'; see `storectl branch`",
                    expression);
  }
  if (so_is(status, SO_CONFLICT)) {
    return cli_fail(CLI_USAGE, "several commits begin with %s; give more digits", expression);
  }
  if (!so_ok(status)) {
    return cli_fail_status(status, expression);
  }
  *out = resolved.commit;
  return CLI_DONE;
}

// with_commit reads a commit and hands it to `use`.
static int with_commit(cli_workcopy *w, const so_oid *oid,
                       void (*use)(void *ctx, const so_commit *commit), void *ctx) {
  so_arena arena;
  so_arena_init(&arena, w->c->heap, ARENA_LEN_MAX);
  so_commit *commit = so_arena_alloc(&arena, sizeof *commit);
  so_status status = so_status_make(SO_LIMIT, 0);
  if (commit != NULL) {
    status = so_commit_read(&w->repo.objects, oid, &arena, commit);
  }
  if (so_ok(status)) {
    use(ctx, commit);
  }
  so_arena_release(&arena);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "commit");
}

static void take_root(void *ctx, const so_commit *commit) { *(so_oid *)ctx = commit->root; }

int cli_commit_root(cli_workcopy *w, const so_oid *commit, so_oid *out_root) {
  return with_commit(w, commit, take_root, out_root);
}

// What printing a commit needs beside it.
typedef struct printing {
  const so_oid *oid;
  so_json_writer *json;
} printing;

static void print_text(void *ctx, const so_commit *commit) {
  const printing *p = ctx;
  char hex[CLI_HEX_LEN], time[CLI_TIME_LEN];
  cli_hex(p->oid, hex);
  cli_time(commit->author.time_ms, commit->author.zone_minutes, time);
  cli_printf("commit %s\n", hex);
  if (commit->parent_count > 1) {
    cli_printf("merge ");
    for (uint32_t i = 0; i < commit->parent_count; i++) {
      cli_hex(&commit->parents[i], hex);
      cli_printf(" %.12s", hex);
    }
    cli_printf("\n");
  }
  cli_printf("author %.*s\ndate   %s\n\n", SO_FMT(commit->author.name), time);
  so_bytes rest = commit->message;
  while (rest.len != 0) {
    const so_bytes line = so_bytes_first(rest, so_bytes_find(rest, '\n'));
    cli_printf("    %.*s\n", SO_FMT(line));
    rest = so_bytes_from(rest, line.len + 1);
  }
  cli_printf("\n");
}

static void print_json(void *ctx, const so_commit *commit) {
  const printing *p = ctx;
  so_json_object(p->json);
  cli_json_oid(p->json, "commit", p->oid);
  cli_json_oid(p->json, "root", &commit->root);
  so_json_name(p->json, "parents");
  so_json_array(p->json);
  for (uint32_t i = 0; i < commit->parent_count; i++) {
    char hex[CLI_HEX_LEN];
    cli_hex(&commit->parents[i], hex);
    so_json_put_string(p->json, so_str(hex));
  }
  so_json_array_end(p->json);
  so_json_member_u64(p->json, "generation", commit->generation);
  cli_json_person(p->json, "author", &commit->author);
  cli_json_person(p->json, "committer", &commit->committer);
  so_json_member_string(p->json, "message", commit->message);
  so_json_object_end(p->json);
}

int cli_print_commit(cli_workcopy *w, const so_oid *oid) {
  printing p = {oid, NULL};
  return with_commit(w, oid, print_text, &p);
}

static void print_line(void *ctx, const so_commit *commit) {
  const printing *p = ctx;
  char hex[CLI_HEX_LEN];
  cli_hex(p->oid, hex);
  const so_bytes subject =
      so_bytes_first(commit->message, so_bytes_find(commit->message, '\n'));
  cli_printf("%.12s %.*s\n", hex, SO_FMT(subject));
}

int cli_print_commit_line(cli_workcopy *w, const so_oid *oid) {
  printing p = {oid, NULL};
  return with_commit(w, oid, print_line, &p);
}

static void take_parent(void *ctx, const so_commit *commit) {
  const so_oid none = {{0}};
  *(so_oid *)ctx = commit->parent_count == 0 ? none : commit->parents[0];
}

int cli_parent_root(cli_workcopy *w, const so_oid *commit, so_oid *out_root) {
  so_oid parent;
  const int code = with_commit(w, commit, take_parent, &parent);
  *out_root = parent;
  return code == CLI_DONE && !so_oid_is_none(&parent) ? cli_commit_root(w, &parent, out_root)
                                                      : code;
}

int cli_json_commit(cli_workcopy *w, so_json_writer *json, const so_oid *oid) {
  printing p = {oid, json};
  return with_commit(w, oid, print_json, &p);
}

const char *cli_change_word(bool has_old, bool has_new) {
  return !has_old ? "added" : !has_new ? "removed" : "modified";
}

// --- making commits -------------------------------------------------------------------------

int cli_make_commit(cli_workcopy *w, const so_oid *root, so_bytes message, const char *why,
                    so_oid *out) {
  so_oid parents[2];
  size_t count = 0;
  if (w->detached) {
    return cli_fail(CLI_REFUSED, "not on a branch; make one with `storectl switch -c NAME`");
  }
  if (w->has_head) {
    parents[count++] = w->head;
  }
  if (w->merging) {
    parents[count++] = w->merge_head;
  }
  const so_person person = cli_person(w->c);
  const so_status status = so_commit_write(&w->repo.objects, w->c->heap, root, parents, count,
                                           &person, &person, message, out);
  if (!so_ok(status)) {
    return cli_fail_status(status, "commit");
  }
  int code = cli_workcopy_move(w, out, why);
  if (code == CLI_DONE) {
    code = cli_workcopy_flush(w);
  }
  if (code == CLI_DONE && w->merging) {
    code = cli_workcopy_set_merge(w, NULL, NULL);
    cli_conflicts_write(w, NULL, 0);
  }
  return code;
}

int cli_apply_changes(cli_workcopy *w, const so_oid *root, const cli_changes *changes,
                      so_oid *out_root) {
  so_edit *edits = calloc(changes->count + 1, sizeof *edits);
  if (edits == NULL) {
    return cli_fail(CLI_REFUSED, "out of memory");
  }
  int code = CLI_DONE;
  for (size_t i = 0; i < changes->count && code == CLI_DONE; i++) {
    const cli_change *change = &changes->items[i];
    edits[i] = (so_edit){change->path, !change->has_new, change->new_entry};
    if (!so_ok(so_path_check(change->path))) {
      code = cli_fail(CLI_USAGE,
                      "%.*s: a path is UTF-8 of at most 4096 bytes; rename the file, or name it in "
                      ".storeignore",
                      SO_FMT(change->path));
    }
  }
  if (code == CLI_DONE) {
    const so_status status = so_tree_edit_array(&w->tree, root, edits, changes->count, out_root);
    code = so_ok(status) ? CLI_DONE : cli_fail_status(status, "commit");
  }
  free(edits);
  return code;
}
