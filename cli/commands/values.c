// One value at a time, without files: cat, get, put, rm, ls. REF:PATH names a value of a commit; put
// and rm commit on the present branch.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/workcopy/checkout.h"
#include "store/value/value.h"

#define PIECE_LEN 65536
#define ARENA_LEN_MAX ((size_t)1 << 20)

// split takes REF:PATH apart; without a colon it is a path of HEAD.
static void split(const char *text, char ref[SO_EXPR_LEN_MAX], const char **path) {
  const char *colon = strchr(text, ':');
  if (colon != NULL && strchr(text, '{') != NULL && strstr(text, "}:") != NULL) {
    colon = strstr(text, "}:") + 1;  // A time has colons too.
  }
  const size_t len = colon == NULL ? 0 : (size_t)(colon - text);
  snprintf(ref, SO_EXPR_LEN_MAX, "%.*s", len < SO_EXPR_LEN_MAX ? (int)len : 0, text);
  if (ref[0] == '\0') {
    snprintf(ref, SO_EXPR_LEN_MAX, "HEAD");
  }
  *path = colon == NULL ? text : colon + 1;
}

static int find(cli_workcopy *w, const char *text, so_arena *arena, so_entry *out) {
  char ref[SO_EXPR_LEN_MAX];
  const char *path;
  so_oid commit, root;
  split(text, ref, &path);
  int code = cli_resolve_commit(w, ref, &commit);
  if (code == CLI_DONE) {
    code = cli_commit_root(w, &commit, &root);
  }
  if (code != CLI_DONE) {
    return code;
  }
  const so_status status = so_tree_get(&w->tree, &root, so_str(path), arena, out);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, text);
}

static int print_value(cli_workcopy *w, const so_entry *entry, FILE *to) {
  so_value_reader *reader;
  so_status status = so_value_reader_open(&w->tree, entry, 0, &reader);
  if (!so_ok(status)) {
    return cli_fail_status(status, "value");
  }
  for (;;) {
    so_bytes piece;
    status = so_value_read(reader, &piece);
    if (!so_ok(status) || piece.len == 0 ||
        fwrite(piece.ptr, 1, piece.len, to) != piece.len) {
      break;
    }
  }
  so_value_reader_close(reader);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "value");
}

static int run_get(cli_workcopy *w, const char *file) {
  so_arena arena;
  so_entry entry;
  so_arena_init(&arena, w->c->heap, ARENA_LEN_MAX);
  int code = find(w, w->c->argv[0], &arena, &entry);
  if (code == CLI_DONE) {
    FILE *to = file == NULL || strcmp(file, "-") == 0 ? stdout : fopen(file, "wb");
    code = to == NULL ? cli_fail(CLI_REFUSED, "cannot write %s", file)
                      : print_value(w, &entry, to);
    if (to != NULL && to != stdout && fclose(to) != 0) {
      code = cli_fail(CLI_REFUSED, "cannot write %s", file);
    }
  }
  so_arena_release(&arena);
  return code;
}

int cli_get(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 1, 2, "get [REF:]PATH [FILE]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_get(&w, c->argc > 1 ? c->argv[1] : NULL);
  }
  cli_workcopy_close(&w);
  return code;
}

int cli_cat(cli *c) { return cli_get(c); }

// --- put and rm -----------------------------------------------------------------------------

static int read_value(cli_workcopy *w, FILE *from, so_arena *arena, so_entry *out) {
  so_value_writer *writer;
  so_status status = so_value_writer_open(&w->tree, &writer);
  if (!so_ok(status)) {
    return cli_fail_status(status, "value");
  }
  static uint8_t piece[PIECE_LEN];
  for (size_t n = fread(piece, 1, sizeof piece, from); n != 0 && so_ok(status);
       n = fread(piece, 1, sizeof piece, from)) {
    status = so_value_write(writer, so_bytes_of(piece, n));
  }
  if (so_ok(status)) {
    status = so_value_writer_end(writer, out);
  }
  if (so_ok(status) && out->is_inline) {
    status = so_arena_copy(arena, out->inline_value, &out->inline_value);
  }
  so_value_writer_close(writer);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "value");
}

// commit_edit commits one change of a path, and of the file that shows it.
static int commit_edit(cli_workcopy *w, const so_edit *edit, const char *message) {
  so_oid root, commit;
  const so_oid from = w->head_root;
  so_arena arena;
  so_bytes clash;
  so_arena_init(&arena, w->c->heap, ARENA_LEN_MAX);
  so_status status = so_path_check(edit->key);
  if (so_ok(status) && !edit->is_delete &&
      so_ok(so_path_find_clash(&w->tree, &from, edit->key, &arena, &clash))) {
    const int code = cli_fail(CLI_REFUSED, "%.*s is in the way: a path cannot be both a value and a "
                                           "directory", SO_FMT(clash));
    so_arena_release(&arena);
    return code;
  }
  so_arena_release(&arena);
  if (so_ok(status)) {
    status = so_tree_edit_array(&w->tree, &from, edit, 1, &root);
  }
  if (!so_ok(status)) {
    return cli_fail_status(status, "path");
  }
  if (so_oid_equal(&from, &root)) {
    cli_note(w->c, "nothing to commit");
    return CLI_DIFFERENT;
  }
  int code = cli_checkout(w, &from, &root, false);
  if (code == CLI_DONE) {
    code = cli_make_commit(w, &root, so_str(message), edit->is_delete ? "rm" : "put", &commit);
  }
  if (code == CLI_DONE) {
    char hex[CLI_HEX_LEN];
    cli_hex(&commit, hex);
    cli_printf("%s %.12s\n", w->branch, hex);
  }
  return code;
}

static int run_put(cli_workcopy *w, const char *message) {
  so_arena arena;
  so_edit edit = {.key = so_str(w->c->argv[0]),
                  .entry = {.type = SO_ENTRY_FILE, .mode = 0644}};
  const bool is_stdin = w->c->argc < 2 || strcmp(w->c->argv[1], "-") == 0;
  FILE *from = is_stdin ? stdin : fopen(w->c->argv[1], "rb");
  if (from == NULL) {
    return cli_fail(CLI_USAGE, "cannot read %s", w->c->argv[1]);
  }
  so_arena_init(&arena, w->c->heap, ARENA_LEN_MAX);
  int code = read_value(w, from, &arena, &edit.entry);
  if (code == CLI_DONE) {
    code = commit_edit(w, &edit, message == NULL ? w->c->argv[0] : message);
  }
  so_arena_release(&arena);
  if (!is_stdin) {
    fclose(from);
  }
  return code;
}

// edit_one is put and rm but for what they do with the path.
static int edit_one(cli *c, bool is_put, const char *usage) {
  const char *message = NULL;
  const cli_option options[] = {{"--message", 'm', &message, NULL}};
  int code = cli_options(c, options, 1);
  if (code == CLI_DONE) {
    code = cli_want(c, 1, is_put ? 2 : 1, usage);
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE && w.merging) {
    code = cli_fail(CLI_REFUSED, "a merge waits for its commit; settle it first");
  } else if (code == CLI_DONE && is_put) {
    code = run_put(&w, message);
  } else if (code == CLI_DONE) {
    const so_edit edit = {.key = so_str(c->argv[0]), .is_delete = true};
    code = commit_edit(&w, &edit, message == NULL ? c->argv[0] : message);
  }
  cli_workcopy_close(&w);
  return code;
}

int cli_put(cli *c) { return edit_one(c, true, "put [-m TEXT] PATH [FILE]"); }
int cli_rm(cli *c) { return edit_one(c, false, "rm [-m TEXT] PATH"); }

// --- ls -------------------------------------------------------------------------------------

static void ls_one(const cli_workcopy *w, const so_cursor *cursor, cli_json *j) {
  const so_entry *e = &cursor->entry;
  const bool link = e->type == SO_ENTRY_SYMLINK;
  if (w->c->json) {
    so_json_object(&j->w);
    so_json_member_string(&j->w, "path", cursor->key);
    cli_json_text(&j->w, "type", link ? "symlink" : "file");
    char mode[8];
    snprintf(mode, sizeof mode, "%o", e->mode);
    cli_json_text(&j->w, "mode", mode);
    so_json_member_u64(&j->w, "size", e->size);
    so_json_object_end(&j->w);
    return;
  }
  cli_printf("%c%03o %10llu %.*s\n", link ? 'l' : '-', e->mode, (unsigned long long)e->size,
             SO_FMT(cursor->key));
}

static int run_ls(cli_workcopy *w) {
  char ref[SO_EXPR_LEN_MAX] = "HEAD";
  const char *prefix = "";
  so_oid commit, root;
  cli_json j;
  if (w->c->argc > 0) {
    split(w->c->argv[0], ref, &prefix);
  }
  int code = cli_resolve_commit(w, ref, &commit);
  if (code == CLI_DONE) {
    code = cli_commit_root(w, &commit, &root);
  }
  so_cursor *cursor = malloc(sizeof *cursor);
  if (code != CLI_DONE || cursor == NULL) {
    free(cursor);
    return code == CLI_DONE ? cli_fail(CLI_REFUSED, "out of memory") : code;
  }
  if (w->c->json) {
    cli_json_begin(w->c, &j);
    so_json_array(&j.w);
  }
  so_status status = so_cursor_seek(cursor, &w->tree, &root, so_str(prefix));
  const bool open = so_ok(status);
  while (so_ok(status) && !cursor->at_end &&
         so_bytes_has_prefix(cursor->key, so_str(prefix))) {
    ls_one(w, cursor, &j);
    status = so_cursor_next(cursor);
  }
  if (open) {
    so_cursor_close(cursor);
  }
  free(cursor);
  if (w->c->json) {
    so_json_array_end(&j.w);
    cli_json_end(&j);
  }
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "ls");
}

int cli_ls(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 1, "ls [REF:][PREFIX]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = run_ls(&w);
  }
  cli_workcopy_close(&w);
  return code;
}
