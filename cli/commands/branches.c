#include <stdio.h>
#include <string.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/workcopy/checkout.h"

// --- listing refs ---------------------------------------------------------------------------

typedef struct listing {
  cli_workcopy *w;
  cli_json *json;  // NULL: text.
  size_t skip;     // Of the full name.
} listing;

static so_status list_one(void *ctx, const so_ref *ref) {
  const listing *l = ctx;
  char hex[CLI_HEX_LEN];
  const so_bytes name = so_bytes_from(ref->name, l->skip);
  cli_hex(&ref->oid, hex);
  if (l->json != NULL) {
    so_json_object(&l->json->w);
    so_json_member_string(&l->json->w, "name", name);
    cli_json_text(&l->json->w, "target", hex);
    so_json_object_end(&l->json->w);
    return so_done();
  }
  const bool here = !l->w->detached && l->skip == strlen("refs/heads/") &&
                    so_bytes_equal(name, so_str(l->w->branch));
  cli_printf("%c %.12s %.*s\n", here ? '*' : ' ', hex, SO_FMT(name));
  return so_done();
}

static int list_refs(cli_workcopy *w, const char *prefix, const char *extra) {
  cli_json j;
  const so_bytes none = {NULL, 0};
  listing l = {w, w->c->json ? &j : NULL, strlen(prefix)};
  if (w->c->json) {
    cli_json_begin(w->c, &j);
    so_json_array(&j.w);
  }
  so_status status = so_ref_list(&w->repo, so_str(prefix), none, SIZE_MAX, list_one, &l);
  if (so_ok(status) && extra != NULL) {
    l.skip = strlen("refs/");
    status = so_ref_list(&w->repo, so_str(extra), none, SIZE_MAX, list_one, &l);
  }
  if (w->c->json) {
    so_json_array_end(&j.w);
    cli_json_end(&j);
  }
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "refs");
}

// --- changing one ---------------------------------------------------------------------------

// set_ref makes (`create`), moves or deletes (`target` none) a ref.
static int set_ref(cli_workcopy *w, const char *prefix, const char *name, const so_oid *target,
                   bool create, const char *why) {
  char full[SO_REF_NAME_LEN_MAX + 16];
  so_ref_result result;
  snprintf(full, sizeof full, "%s%.*s", prefix, SO_REF_NAME_LEN_MAX, name);
  const so_ref_change change = {
      .name = so_str(full), .new_oid = *target, .is_checked = create, .old_oid = {{0}}};
  const so_person person = cli_person(w->c);
  const so_ref_note note = {so_bytes_first(person.name, SO_REF_WHO_LEN_MAX), so_str(why),
                            person.time_ms};
  so_ref old;
  if (so_oid_is_none(target) && !so_ok(so_ref_get(&w->repo, so_str(full), &old))) {
    return cli_fail(CLI_REFUSED, "there is no %s", full);
  }
  const so_status status = so_repo_update_refs(&w->repo, &change, 1, &note, &result);
  if (so_is(status, SO_CONFLICT)) {
    return cli_fail(CLI_REFUSED, "there is a %s already, or a name in its way; delete it first (-d)",
                    full);
  }
  if (so_is(status, SO_MALFORMED)) {
    return cli_fail(CLI_USAGE, "'%s' is not a name for a branch or tag", name);
  }
  return so_ok(status) ? cli_workcopy_flush(w) : cli_fail_status(status, full);
}

// --- branch ---------------------------------------------------------------------------------

static int run_branch(cli_workcopy *w, bool remove, bool all) {
  const so_oid none = {{0}};
  so_oid at;
  if (w->c->argc == 0) {
    return list_refs(w, "refs/heads/", all ? "refs/remotes/" : NULL);
  }
  if (remove) {
    if (!w->detached && strcmp(w->branch, w->c->argv[0]) == 0) {
      return cli_fail(CLI_REFUSED, "you are on %s; switch to another branch first", w->branch);
    }
    return set_ref(w, "refs/heads/", w->c->argv[0], &none, false, "branch deleted");
  }
  const int code = cli_resolve_commit(w, w->c->argc > 1 ? w->c->argv[1] : "HEAD", &at);
  return code == CLI_DONE
             ? set_ref(w, "refs/heads/", w->c->argv[0], &at, true, "branch created")
             : code;
}

int cli_branch(cli *c) {
  bool remove = false, all = false;
  const cli_option options[] = {{"--delete", 'd', NULL, &remove}, {"--all", 'a', NULL, &all}};
  int code = cli_options(c, options, 2);
  if (code == CLI_DONE) {
    code = cli_want(c, remove ? 1 : 0, remove ? 1 : 2, "branch [-a] | branch NAME [REF] | branch -d NAME");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_branch(&w, remove, all);
  }
  cli_workcopy_close(&w);
  return code;
}

// --- switch ---------------------------------------------------------------------------------

static bool has_branch(cli_workcopy *w, const char *prefix, const char *name, so_ref *out) {
  char full[SO_REF_NAME_LEN_MAX + 32];
  snprintf(full, sizeof full, "%s%.*s", prefix, SO_REF_NAME_LEN_MAX, name);
  return so_ok(so_ref_get(&w->repo, so_str(full), out));
}

static int go_to(cli_workcopy *w, const char *name, const so_oid *commit, bool is_branch,
                 bool force) {
  so_oid root;
  const so_oid from = w->head_root;
  int code = cli_commit_root(w, commit, &root);
  if (code == CLI_DONE) {
    code = cli_checkout(w, &from, &root, force);
  }
  if (code == CLI_DONE) {
    code = is_branch ? cli_workcopy_set_branch(w, name) : cli_workcopy_set_detached(w, commit);
  }
  if (code == CLI_DONE) {
    char hex[CLI_HEX_LEN];
    cli_hex(commit, hex);
    cli_note(w->c, is_branch ? "on branch %s at %.12s" : "at %s (%.12s), not on a branch", name,
             hex);
  }
  return code;
}

static int run_switch(cli_workcopy *w, const char *name, bool create, bool force) {
  so_ref ref;
  so_oid at;
  if (w->merging) {
    return cli_fail(CLI_REFUSED, "a merge waits for its commit; commit or abort it first");
  }
  if (create) {
    if (!w->has_head && w->c->argc < 2) {
      return cli_workcopy_set_branch(w, name);  // A branch to be: its first commit makes it.
    }
    int code = cli_resolve_commit(w, w->c->argc > 1 ? w->c->argv[1] : "HEAD", &at);
    if (code == CLI_DONE) {
      code = set_ref(w, "refs/heads/", name, &at, true, "branch created");
    }
    return code == CLI_DONE ? go_to(w, name, &at, true, force) : code;
  }
  if (has_branch(w, "refs/heads/", name, &ref)) {
    return go_to(w, name, &ref.oid, true, force);
  }
  if (has_branch(w, "refs/remotes/origin/", name, &ref)) {  // As git does: begin where it is.
    at = ref.oid;
    const int code = set_ref(w, "refs/heads/", name, &at, true, "branch created");
    return code == CLI_DONE ? go_to(w, name, &at, true, force) : code;
  }
  const int code = cli_resolve_commit(w, name, &at);
  return code == CLI_DONE ? go_to(w, name, &at, false, force) : code;
}

int cli_switch(cli *c) {
  bool create = false, force = false;
  const cli_option options[] = {{"--create", 'c', NULL, &create}, {"--force", 'f', NULL, &force}};
  int code = cli_options(c, options, 2);
  if (code == CLI_DONE) {
    code = cli_want(c, 1, create ? 2 : 1, "switch [-f] REF | switch -c NAME [REF]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_switch(&w, c->argv[0], create, force);
  }
  cli_workcopy_close(&w);
  return code;
}

// --- tag ------------------------------------------------------------------------------------

static int annotate(cli_workcopy *w, const char *name, const char *message, so_oid *target) {
  const so_tag tag = {.target = *target,
                      .target_kind = SO_KIND_COMMIT,
                      .name = so_str(name),
                      .tagger = cli_person(w->c),
                      .message = so_str(message)};
  so_buf payload;
  so_buf_init(&payload, w->c->heap, SO_OBJECT_LEN_MAX);
  so_status status = so_tag_encode(&tag, &payload);
  if (so_ok(status)) {
    status = so_objects_put(&w->repo.objects, SO_KIND_TAG, so_buf_bytes(&payload), target);
  }
  so_buf_release(&payload);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "tag");
}

static int run_tag(cli_workcopy *w, bool remove, const char *message) {
  const so_oid none = {{0}};
  so_oid at;
  if (w->c->argc == 0) {
    return list_refs(w, "refs/tags/", NULL);
  }
  if (remove) {
    return set_ref(w, "refs/tags/", w->c->argv[0], &none, false, "tag deleted");
  }
  int code = cli_resolve_commit(w, w->c->argc > 1 ? w->c->argv[1] : "HEAD", &at);
  if (code == CLI_DONE && message != NULL) {
    code = annotate(w, w->c->argv[0], message, &at);
  }
  return code == CLI_DONE ? set_ref(w, "refs/tags/", w->c->argv[0], &at, true, "tag created")
                          : code;
}

int cli_tag(cli *c) {
  bool remove = false;
  const char *message = NULL;
  const cli_option options[] = {{"--delete", 'd', NULL, &remove},
                                {"--message", 'm', &message, NULL}};
  int code = cli_options(c, options, 2);
  if (code == CLI_DONE) {
    code = cli_want(c, remove ? 1 : 0, remove ? 1 : 2, "tag | tag [-m TEXT] NAME [REF] | tag -d NAME");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_tag(&w, remove, message);
  }
  cli_workcopy_close(&w);
  return code;
}
