// import-git: a stream of `git fast-export` becomes commits, branches and tags of this working copy.
// Objects are put as the stream comes; refs are set at the end, all or none.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/fastexport/fastexport.h"
#include "cli/workcopy/checkout.h"
#include "store/value/value.h"

#define VALUES_LEN_MAX ((size_t)8 << 30)
#define REFS_MAX 100000

// What a mark of the stream stands for.
typedef struct marked {
  so_kind kind;  // 0: nothing. CHUNK: a value, in `entry`. COMMIT, TAG: `oid`.
  so_oid oid;
  so_oid root;  // Of a commit.
  so_entry entry;
} marked;

// Where a ref of the stream is now.
typedef struct tip {
  char name[SO_REF_NAME_LEN_MAX + 1];
  bool has_commit;
  so_oid oid;
  so_oid root;
} tip;

// An edit of the commit at hand; `order` makes the later of two for one path win.
typedef struct pending {
  so_edit edit;
  size_t order;
} pending;

typedef struct import {
  cli_workcopy *w;
  cli_fx *fx;
  FILE *from;
  so_arena values;  // Inline values and names that live to the end.
  so_arena paths;   // Of the commit at hand.
  marked *marks;
  size_t mark_cap;
  tip *tips;
  size_t tip_count;
  pending *pending;
  size_t pending_count;
  size_t pending_cap;
  so_oid root;  // Of the commit at hand, without what is pending.
  uint64_t commits;
  cli_progress progress;
} import;

static so_status no_room(void) { return so_status_make(SO_LIMIT, 0); }

static so_status read_stream(void *ctx, uint8_t *buf, size_t cap, size_t *out_len) {
  FILE *from = ctx;
  *out_len = fread(buf, 1, cap, from);
  return ferror(from) ? so_status_make(SO_IO, 0) : so_done();
}

// --- marks and refs -------------------------------------------------------------------------

static so_status set_mark(import *m, uint64_t mark, const marked *value) {
  if (mark == 0) {
    return so_done();
  }
  if (mark > UINT32_MAX) {
    return no_room();
  }
  if (mark >= m->mark_cap) {
    const size_t cap = (size_t)mark * 2 + 1024;
    marked *grown = realloc(m->marks, cap * sizeof *grown);
    if (grown == NULL) {
      return no_room();
    }
    memset(grown + m->mark_cap, 0, (cap - m->mark_cap) * sizeof *grown);
    m->marks = grown;
    m->mark_cap = cap;
  }
  m->marks[mark] = *value;
  return so_done();
}

static const marked *get_mark(const import *m, uint64_t mark) {
  return mark < m->mark_cap && m->marks[mark].kind != 0 ? &m->marks[mark] : NULL;
}

static tip *get_tip(import *m, so_bytes name) {
  for (size_t i = 0; i < m->tip_count; i++) {
    if (so_bytes_equal(so_str(m->tips[i].name), name)) {
      return &m->tips[i];
    }
  }
  return NULL;
}

static so_status make_tip(import *m, so_bytes name, tip **out) {
  *out = get_tip(m, name);
  if (*out != NULL) {
    return so_done();
  }
  if (m->tip_count == REFS_MAX || name.len > SO_REF_NAME_LEN_MAX) {
    return no_room();
  }
  *out = &m->tips[m->tip_count++];
  snprintf((*out)->name, sizeof (*out)->name, "%.*s", SO_FMT(name));
  return so_done();
}

// find_target finds the commit that a "from" or "merge" means.
static so_status find_target(import *m, const cli_fx_target *t, so_oid *out, so_oid *out_root) {
  const so_oid none = {{0}};
  if (t->mark != 0) {
    const marked *found = get_mark(m, t->mark);
    if (found == NULL || found->kind == SO_KIND_CHUNK) {
      return so_status_make(SO_MALFORMED, 0);
    }
    *out = found->oid;
    *out_root = found->root;
    return so_done();
  }
  const tip *found = get_tip(m, t->name);
  if (found == NULL) {
    const bool zeros = t->name.len >= 40 && so_bytes_find(t->name, '0') == 0;
    *out = none;
    *out_root = none;
    return zeros ? so_done() : so_status_make(SO_MALFORMED, 0);
  }
  *out = found->oid;
  *out_root = found->root;
  return so_done();
}

// --- values ---------------------------------------------------------------------------------

// read_value streams the data at hand into the store.
static so_status read_value(import *m, so_entry *out) {
  so_value_writer *writer;
  SO_TRY(so_value_writer_open(&m->w->tree, &writer));
  so_status status;
  so_bytes piece;
  while (so_ok(status = cli_fx_data(m->fx, &piece))) {
    status = so_value_write(writer, piece);
    if (!so_ok(status)) {
      break;
    }
  }
  if (so_is(status, SO_NOT_FOUND)) {
    status = so_value_writer_end(writer, out);
  }
  if (so_ok(status) && out->is_inline) {
    status = so_arena_copy(&m->values, out->inline_value, &out->inline_value);
  }
  so_value_writer_close(writer);
  return status;
}

static so_status import_blob(import *m, const cli_fx_event *e) {
  marked value = {.kind = SO_KIND_CHUNK};
  SO_TRY(read_value(m, &value.entry));
  return set_mark(m, e->mark, &value);
}

// --- files of a commit ----------------------------------------------------------------------

static int compare_pending(const void *a, const void *b) {
  const pending *x = a, *y = b;
  const int order = so_bytes_compare(x->edit.key, y->edit.key);
  return order != 0 ? order : x->order < y->order ? -1 : 1;
}

static so_status add_edit(import *m, so_bytes path, const so_entry *entry) {
  if (m->pending_count == m->pending_cap) {
    const size_t cap = m->pending_cap == 0 ? 256 : m->pending_cap * 2;
    pending *grown = realloc(m->pending, cap * sizeof *grown);
    if (grown == NULL) {
      return no_room();
    }
    m->pending = grown;
    m->pending_cap = cap;
  }
  pending *p = &m->pending[m->pending_count];
  memset(p, 0, sizeof *p);
  p->order = m->pending_count++;
  p->edit.is_delete = entry == NULL;
  if (entry != NULL) {
    p->edit.entry = *entry;
  }
  SO_TRY(so_path_check(path));
  return so_arena_copy(&m->paths, path, &p->edit.key);
}

// The edits of a sorted list in which the last of several for one path counts.
typedef struct sorted {
  const pending *items;
  size_t count;
  size_t at;
} sorted;

static so_status next_edit(void *ctx, so_edit *out) {
  sorted *s = ctx;
  while (s->at + 1 < s->count &&
         so_bytes_equal(s->items[s->at].edit.key, s->items[s->at + 1].edit.key)) {
    s->at++;
  }
  if (s->at == s->count) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = s->items[s->at++].edit;
  return so_done();
}

static so_status flush_edits(import *m) {
  so_oid root;
  if (m->pending_count == 0) {
    return so_done();
  }
  qsort(m->pending, m->pending_count, sizeof *m->pending, compare_pending);
  sorted s = {m->pending, m->pending_count, 0};
  const so_edits edits = {next_edit, &s};
  SO_TRY(so_tree_edit(&m->w->tree, &m->root, &edits, &root));
  m->root = root;
  m->pending_count = 0;
  return so_done();
}

// each_below calls `use` for the file `path` or, when there is none, for every file below it. git
// writes "M a/b" before "D a" when the file `a` becomes a directory: what is below a file is new in
// this commit, and stays.
static so_status each_below(import *m, so_bytes path,
                            so_status (*use)(import *m, const so_cursor *at, so_bytes to),
                            so_bytes to) {
  so_cursor *cursor = malloc(sizeof *cursor);
  if (cursor == NULL) {
    return no_room();
  }
  so_status status = so_cursor_seek(cursor, &m->w->tree, &m->root, path);
  const bool open = so_ok(status);
  while (so_ok(status) && !cursor->at_end && so_bytes_has_prefix(cursor->key, path)) {
    const bool is_file = cursor->key.len == path.len;
    if (is_file || path.len == 0 || cursor->key.ptr[path.len] == '/') {
      status = use(m, cursor, to);
    }
    if (is_file) {
      break;
    }
    if (so_ok(status)) {
      status = so_cursor_next(cursor);
    }
  }
  if (open) {
    so_cursor_close(cursor);
  }
  free(cursor);
  return status;
}

static so_status delete_at(import *m, const so_cursor *at, so_bytes to) {
  (void)to;
  return add_edit(m, at->key, NULL);
}

// copy_to makes the same entry under another name. `to` holds the two paths, joined by a NUL.
static so_status copy_to(import *m, const so_cursor *at, so_bytes to) {
  const size_t from_len = so_bytes_find(to, 0);
  const so_bytes target = so_bytes_from(to, from_len + 1);
  const so_bytes rest = so_bytes_from(at->key, from_len);
  so_entry entry = at->entry;
  uint8_t path[SO_KEY_LEN_MAX];
  so_writer w = so_writer_of(path, sizeof path);
  so_write_bytes(&w, target);
  so_write_bytes(&w, rest);
  if (entry.is_inline) {
    SO_TRY(so_arena_copy(&m->values, entry.inline_value, &entry.inline_value));
  }
  return w.failed ? no_room() : add_edit(m, so_writer_bytes(&w), &entry);
}

static so_status copy_path(import *m, const cli_fx_file *f) {
  uint8_t *room = so_arena_alloc(&m->paths, f->path.len + f->to.len + 1);
  if (room == NULL) {
    return no_room();
  }
  so_writer w = so_writer_of(room, f->path.len + f->to.len + 1);
  so_write_bytes(&w, f->path);
  so_write_u8(&w, 0);
  so_write_bytes(&w, f->to);
  SO_TRY(flush_edits(m));
  SO_TRY(each_below(m, f->path, copy_to, so_writer_bytes(&w)));
  return f->op == CLI_FX_RENAME ? each_below(m, f->path, delete_at, f->to) : so_done();
}

static so_status modify(import *m, const cli_fx_file *f) {
  so_entry entry = {.type = SO_ENTRY_FILE};
  const bool link = f->mode == 0120000;
  if (f->is_inline) {
    SO_TRY(read_value(m, &entry));
  } else {
    const marked *value = get_mark(m, f->mark);
    if (value == NULL || value->kind != SO_KIND_CHUNK) {
      return so_status_make(SO_MALFORMED, 0);
    }
    entry = value->entry;
  }
  entry.type = link ? SO_ENTRY_SYMLINK : SO_ENTRY_FILE;
  entry.mode = link ? 0777 : (uint16_t)(f->mode & 0777);
  return add_edit(m, f->path, &entry);
}

static so_status import_file(import *m, const cli_fx_file *f) {
  const so_bytes all = {NULL, 0};
  switch (f->op) {
    case CLI_FX_MODIFY:
      return modify(m, f);
    case CLI_FX_DELETE:  // A file, or everything below a directory; also what is still pending.
      SO_TRY(flush_edits(m));
      return each_below(m, f->path, delete_at, all);
    case CLI_FX_RENAME:
    case CLI_FX_COPY:
      return copy_path(m, f);
    case CLI_FX_DELETE_ALL:
      SO_TRY(flush_edits(m));
      return each_below(m, all, delete_at, all);
  }
  return so_status_make(SO_INTERNAL, 0);
}

// --- commits --------------------------------------------------------------------------------

static so_status import_commit(import *m, const cli_fx_event *e) {
  so_oid parents[SO_PARENTS_MAX], ignored;
  size_t count = 0;
  tip *t;
  SO_TRY(make_tip(m, e->ref, &t));
  const so_oid none = {{0}};
  m->root = t->has_commit ? t->root : none;
  if (e->from.is_there) {
    SO_TRY(find_target(m, &e->from, &parents[count], &m->root));
    count += !so_oid_is_none(&parents[count]);
  } else if (t->has_commit) {
    parents[count++] = t->oid;
  }
  for (size_t i = 0; i < e->merge_count; i++) {
    SO_TRY(find_target(m, &e->merges[i], &parents[count++], &ignored));
  }
  cli_fx_file file;
  so_status status = cli_fx_next_file(m->fx, &file);
  while (so_ok(status)) {
    SO_TRY(import_file(m, &file));
    status = cli_fx_next_file(m->fx, &file);
  }
  if (!so_is(status, SO_NOT_FOUND)) {
    return status;
  }
  SO_TRY(flush_edits(m));
  so_arena_release(&m->paths);
  const so_person author = e->has_author ? e->author : e->committer;
  marked commit = {.kind = SO_KIND_COMMIT, .root = m->root};
  SO_TRY(so_commit_write(&m->w->repo.objects, m->w->c->heap, &m->root, parents, count, &author,
                         &e->committer, e->message, &commit.oid));
  t->has_commit = true;
  t->oid = commit.oid;
  t->root = commit.root;
  cli_progress_update(&m->progress, ++m->commits, 0, 0);
  return set_mark(m, e->mark, &commit);
}

static so_status import_reset(import *m, const cli_fx_event *e) {
  tip *t;
  SO_TRY(make_tip(m, e->ref, &t));
  t->has_commit = false;
  if (!e->from.is_there) {
    return so_done();
  }
  SO_TRY(find_target(m, &e->from, &t->oid, &t->root));
  t->has_commit = !so_oid_is_none(&t->oid);
  return so_done();
}

static so_status import_tag(import *m, const cli_fx_event *e) {
  char name[SO_REF_NAME_LEN_MAX + 16];
  so_oid ignored;
  marked made = {.kind = SO_KIND_TAG};
  so_tag tag = {.target_kind = SO_KIND_COMMIT, .name = e->ref, .message = e->message};
  tip *t;
  if (e->has_author) {
    tag.tagger = e->committer;
  } else {
    tag.tagger = (so_person){so_str("unknown"), 0, 0};
  }
  const marked *target = e->from.mark == 0 ? NULL : get_mark(m, e->from.mark);
  if (target != NULL && target->kind == SO_KIND_TAG) {
    tag.target_kind = SO_KIND_TAG;
  }
  SO_TRY(find_target(m, &e->from, &tag.target, &ignored));
  so_buf payload;
  so_buf_init(&payload, m->w->c->heap, SO_OBJECT_LEN_MAX);
  so_status status = so_tag_encode(&tag, &payload);
  if (so_ok(status)) {
    status = so_objects_put(&m->w->repo.objects, SO_KIND_TAG, so_buf_bytes(&payload), &made.oid);
  }
  so_buf_release(&payload);
  SO_TRY(status);
  snprintf(name, sizeof name, "refs/tags/%.*s", SO_FMT(so_bytes_first(e->ref, 240)));
  SO_TRY(make_tip(m, so_str(name), &t));
  t->has_commit = true;
  t->oid = made.oid;
  return set_mark(m, e->mark, &made);
}

static so_status import_all(import *m) {
  for (;;) {
    cli_fx_event event;
    SO_TRY(cli_fx_next(m->fx, &event));
    switch (event.type) {
      case CLI_FX_BLOB:
        SO_TRY(import_blob(m, &event));
        break;
      case CLI_FX_COMMIT:
        SO_TRY(import_commit(m, &event));
        break;
      case CLI_FX_TAG:
        SO_TRY(import_tag(m, &event));
        break;
      case CLI_FX_RESET:
        SO_TRY(import_reset(m, &event));
        break;
      case CLI_FX_END:
        return so_done();
    }
  }
}

// --- refs and files -------------------------------------------------------------------------

static int set_refs(import *m) {
  so_ref_change *changes = calloc(m->tip_count + 1, sizeof *changes);
  if (changes == NULL) {
    return cli_fail(CLI_REFUSED, "out of memory");
  }
  size_t count = 0;
  for (size_t i = 0; i < m->tip_count; i++) {
    const so_bytes name = so_str(m->tips[i].name);
    if (!m->tips[i].has_commit) {
      continue;
    }
    if (!so_ok(so_ref_name_check(name))) {
      cli_note(m->w->c, "note: %s is left out: not a branch or tag here", m->tips[i].name);
      continue;
    }
    changes[count++] =
        (so_ref_change){.name = name, .new_oid = m->tips[i].oid, .is_checked = true};
  }
  const so_person person = cli_person(m->w->c);
  const so_ref_note note = {so_bytes_first(person.name, SO_REF_WHO_LEN_MAX), so_str("import-git"),
                            person.time_ms};
  so_status status = so_done();
  so_ref_result result = {.failed = 0};
  for (size_t at = 0; at < count && so_ok(status); at += SO_REF_CHANGES_MAX) {
    const size_t left = count - at;
    status = so_repo_update_refs(&m->w->repo, changes + at,
                                 left < SO_REF_CHANGES_MAX ? left : SO_REF_CHANGES_MAX, &note,
                                 &result);
    if (so_is(status, SO_CONFLICT)) {
      const so_bytes name = changes[at + result.failed].name;
      free(changes);
      return cli_fail(CLI_REFUSED, "there is a %.*s already; import into an empty working copy",
                      SO_FMT(name));
    }
  }
  free(changes);
  return so_ok(status) ? cli_workcopy_flush(m->w) : cli_fail_status(status, "refs");
}

// show_branch brings up the files of a branch: the present one, or the only or usual one.
static int show_branch(import *m) {
  const char *branch = NULL;
  const so_oid none = {{0}};
  for (size_t i = 0; i < m->tip_count; i++) {
    const char *name = m->tips[i].name;
    const bool is_branch = strncmp(name, "refs/heads/", 11) == 0 && m->tips[i].has_commit;
    if (is_branch && strcmp(name + 11, m->w->branch) == 0) {
      branch = m->w->branch;
      break;
    }
    if (is_branch && (branch == NULL || strcmp(name + 11, "master") == 0)) {
      branch = name + 11;
    }
  }
  if (branch == NULL || m->w->has_head || m->w->detached) {
    return CLI_DONE;
  }
  char chosen[SO_REF_NAME_LEN_MAX + 1];
  snprintf(chosen, sizeof chosen, "%s", branch);
  int code = cli_workcopy_set_branch(m->w, chosen);
  if (code == CLI_DONE) {
    const so_oid root = m->w->head_root;
    code = cli_checkout(m->w, &none, &root, false);
  }
  return code;
}

static int run_import(import *m) {
  const cli_fx_source source = {read_stream, m->from};
  so_status status = cli_fx_open(m->w->c->heap, &source, &m->fx);
  if (!so_ok(status)) {
    return cli_fail_status(status, "import");
  }
  cli_progress_begin(&m->progress, m->w->c, "Importing commits");
  status = import_all(m);
  cli_progress_end(&m->progress);
  const unsigned long long line = (unsigned long long)cli_fx_line(m->fx);
  cli_fx_close(m->fx);
  if (so_is(status, SO_MALFORMED)) {
    return cli_fail(CLI_USAGE, "line %llu is not as `git fast-export` writes it; nothing was changed",
                    line + 1);
  }
  if (so_is(status, SO_UNSUPPORTED)) {
    return cli_fail(CLI_USAGE, "line %llu: submodules, notes and partial streams are not supported; "
                               "nothing was changed", line + 1);
  }
  if (!so_ok(status)) {
    return cli_fail_status(status, "import");
  }
  int code = set_refs(m);
  if (code == CLI_DONE) {
    code = show_branch(m);
  }
  if (code == CLI_DONE) {
    cli_printf("imported %llu commits\n", (unsigned long long)m->commits);
  }
  return code;
}

static int import_from(cli_workcopy *w, FILE *from) {
  import m = {.w = w, .from = from};
  so_arena_init(&m.values, w->c->heap, VALUES_LEN_MAX);
  so_arena_init(&m.paths, w->c->heap, VALUES_LEN_MAX);
  m.tips = calloc(REFS_MAX, sizeof *m.tips);
  const int code =
      m.tips == NULL ? cli_fail(CLI_REFUSED, "out of memory") : run_import(&m);
  so_arena_release(&m.values);
  so_arena_release(&m.paths);
  free(m.tips);
  free(m.marks);
  free(m.pending);
  return code;
}

int cli_import_git(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 1, "import-git [FILE]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  FILE *from = c->argc == 0 ? stdin : fopen(c->argv[0], "rb");
  if (from == NULL) {
    return cli_fail(CLI_USAGE, "cannot read %s", c->argv[0]);
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  if (code == CLI_DONE) {
    code = import_from(&w, from);
  }
  cli_workcopy_close(&w);
  if (from != stdin) {
    fclose(from);
  }
  return code;
}
