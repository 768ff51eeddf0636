// export-git: the history of this working copy as a stream for `git fast-import`. Every commit is made on
// one ref of its own, then branches and tags are set and that ref is removed.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "store/value/value.h"

#define WORK_REF "refs/storectl/export"
#define TIPS_MAX 100000
#define ARENA_LEN_MAX ((size_t)64 << 20)

typedef struct numbered {
  so_oid oid;
  uint64_t mark;
} numbered;

typedef struct export {
  cli_workcopy *w;
  FILE *to;
  so_oid *tips;
  size_t tip_count;
  numbered *commits;  // Oldest first; then sorted by oid for looking up.
  size_t count;
  size_t cap;
  numbered *by_oid;
  cli_progress progress;
} export;

static so_status no_room(void) { return so_status_make(SO_LIMIT, 0); }

// --- which commits --------------------------------------------------------------------------

static so_status add_tip(void *ctx, const so_ref *ref) {
  export *x = ctx;
  so_oid commit;
  if (so_bytes_has_prefix(ref->name, so_str("refs/remotes/"))) {
    return so_done();
  }
  SO_TRY(so_commit_of(&x->w->repo.objects, &ref->oid, &commit));
  if (x->tip_count == TIPS_MAX) {
    return no_room();
  }
  x->tips[x->tip_count++] = commit;
  return so_done();
}

static so_status add_commit(export *x, const so_oid *oid) {
  if (x->count == x->cap) {
    const size_t cap = x->cap == 0 ? 1024 : x->cap * 2;
    numbered *grown = realloc(x->commits, cap * sizeof *grown);
    if (grown == NULL) {
      return no_room();
    }
    x->commits = grown;
    x->cap = cap;
  }
  x->commits[x->count++].oid = *oid;
  return so_done();
}

static int compare_oids(const void *a, const void *b) {
  return so_oid_compare(&((const numbered *)a)->oid, &((const numbered *)b)->oid);
}

// list_commits fills `commits`, oldest first, with marks from 1.
static so_status list_commits(export *x) {
  const so_history history = {&x->w->tree, 0};
  const so_bytes none = {NULL, 0};
  so_commit_log *log;
  so_commit_log_entry entry;
  SO_TRY(so_ref_list(&x->w->repo, none, none, SIZE_MAX, add_tip, x));
  SO_TRY(so_commit_log_open(&history, x->tips, x->tip_count, none, &log));
  so_status status = so_commit_log_next(log, &entry);
  while (so_ok(status)) {
    status = add_commit(x, &entry.oid);
    if (so_ok(status)) {
      status = so_commit_log_next(log, &entry);
    }
  }
  so_commit_log_close(log);
  if (!so_is(status, SO_NOT_FOUND)) {
    return status;
  }
  for (size_t i = 0; i < x->count / 2; i++) {
    const so_oid kept = x->commits[i].oid;
    x->commits[i].oid = x->commits[x->count - 1 - i].oid;
    x->commits[x->count - 1 - i].oid = kept;
  }
  x->by_oid = calloc(x->count + 1, sizeof *x->by_oid);
  if (x->by_oid == NULL) {
    return no_room();
  }
  for (size_t i = 0; i < x->count; i++) {
    x->commits[i].mark = i + 1;
    x->by_oid[i] = x->commits[i];
  }
  qsort(x->by_oid, x->count, sizeof *x->by_oid, compare_oids);
  return so_done();
}

static unsigned long long mark_of(const export *x, const so_oid *oid) {
  const numbered key = {*oid, 0};
  const numbered *found =
      bsearch(&key, x->by_oid, x->count, sizeof *x->by_oid, compare_oids);
  return found == NULL ? 0 : (unsigned long long)found->mark;
}

// --- files ----------------------------------------------------------------------------------

static void write_path(FILE *to, so_bytes path) {
  bool plain = path.len != 0 && path.ptr[0] != '"';
  for (size_t i = 0; i < path.len; i++) {
    plain = plain && path.ptr[i] >= 0x20 && path.ptr[i] != '\\' && path.ptr[i] != 0x7f;
  }
  if (plain) {
    fwrite(path.ptr, 1, path.len, to);
    return;
  }
  fputc('"', to);
  for (size_t i = 0; i < path.len; i++) {
    const uint8_t c = path.ptr[i];
    if (c == '"' || c == '\\') {
      fprintf(to, "\\%c", c);
    } else if (c < 0x20 || c == 0x7f) {
      fprintf(to, "\\%03o", c);
    } else {
      fputc(c, to);
    }
  }
  fputc('"', to);
}

static so_status write_value(export *x, const so_entry *entry) {
  so_value_reader *reader;
  fprintf(x->to, "data %llu\n", (unsigned long long)entry->size);
  SO_TRY(so_value_reader_open(&x->w->tree, entry, 0, &reader));
  so_status status;
  for (;;) {
    so_bytes piece;
    status = so_value_read(reader, &piece);
    if (!so_ok(status) || piece.len == 0) {
      break;
    }
    fwrite(piece.ptr, 1, piece.len, x->to);
  }
  so_value_reader_close(reader);
  fputc('\n', x->to);
  return status;
}

static so_status write_change(export *x, const so_change *change, bool removals) {
  if (!change->has_new) {
    if (removals) {
      fputs("D ", x->to);
      write_path(x->to, change->key);
      fputc('\n', x->to);
    }
    return so_done();
  }
  if (removals) {
    return so_done();
  }
  const so_entry *e = &change->new_entry;
  fprintf(x->to, "M %s inline ",
          e->type == SO_ENTRY_SYMLINK ? "120000" : (e->mode & 0100) != 0 ? "100755" : "100644");
  write_path(x->to, change->key);
  fputc('\n', x->to);
  return write_value(x, e);
}

// write_changes goes over the difference twice: what goes away must make room first.
static so_status write_changes(export *x, const so_oid *from, const so_oid *to, bool removals) {
  const so_bytes none = {NULL, 0};
  so_diff *diff;
  so_change change;
  SO_TRY(so_diff_open(&x->w->tree, from, to, none, none, &diff));
  so_status status = so_diff_next(diff, &change);
  while (so_ok(status)) {
    status = write_change(x, &change, removals);
    if (so_ok(status)) {
      status = so_diff_next(diff, &change);
    }
  }
  so_diff_close(diff);
  return so_is(status, SO_NOT_FOUND) ? so_done() : status;
}

// --- commits --------------------------------------------------------------------------------

static int64_t seconds_of(int64_t ms) { return ms / 1000 - (ms % 1000 < 0 ? 1 : 0); }

static void write_person(FILE *to, const char *word, const so_person *p) {
  const int zone = p->zone_minutes < 0 ? -p->zone_minutes : p->zone_minutes;
  const bool has_mail = so_bytes_find(p->name, '<') != p->name.len;
  fprintf(to, "%s %.*s%s %lld %c%02d%02d\n", word, SO_FMT(p->name), has_mail ? "" : " <>",
          (long long)seconds_of(p->time_ms), p->zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
}

static void write_text(FILE *to, so_bytes text) {
  fprintf(to, "data %zu\n", text.len);
  if (text.len != 0) {
    fwrite(text.ptr, 1, text.len, to);
  }
  fputc('\n', to);
}

static so_status parent_root(export *x, const so_commit *commit, so_arena *arena, so_oid *out) {
  const so_oid none = {{0}};
  *out = none;
  if (commit->parent_count == 0) {
    return so_done();
  }
  so_commit *parent = so_arena_alloc(arena, sizeof *parent);
  if (parent == NULL) {
    return no_room();
  }
  SO_TRY(so_commit_read(&x->w->repo.objects, &commit->parents[0], arena, parent));
  *out = parent->root;
  return so_done();
}

static so_status write_commit(export *x, const numbered *n, so_arena *arena) {
  so_oid before;
  so_commit *commit = so_arena_alloc(arena, sizeof *commit);
  if (commit == NULL) {
    return no_room();
  }
  SO_TRY(so_commit_read(&x->w->repo.objects, &n->oid, arena, commit));
  SO_TRY(parent_root(x, commit, arena, &before));
  if (commit->parent_count == 0) {
    fprintf(x->to, "reset " WORK_REF "\n");
  }
  fprintf(x->to, "commit " WORK_REF "\nmark :%llu\n", (unsigned long long)n->mark);
  write_person(x->to, "author", &commit->author);
  write_person(x->to, "committer", &commit->committer);
  write_text(x->to, commit->message);
  for (uint32_t i = 0; i < commit->parent_count; i++) {
    fprintf(x->to, "%s :%llu\n", i == 0 ? "from" : "merge", mark_of(x, &commit->parents[i]));
  }
  SO_TRY(write_changes(x, &before, &commit->root, true));
  SO_TRY(write_changes(x, &before, &commit->root, false));
  fputc('\n', x->to);
  return so_done();
}

static so_status write_commits(export *x) {
  so_arena arena;
  so_arena_init(&arena, x->w->c->heap, ARENA_LEN_MAX);
  so_status status = so_done();
  for (size_t i = 0; i < x->count && so_ok(status); i++) {
    status = write_commit(x, &x->commits[i], &arena);
    so_arena_release(&arena);
    cli_progress_update(&x->progress, i + 1, x->count, 0);
  }
  return status;
}

// --- refs -----------------------------------------------------------------------------------

static so_status write_tag(export *x, const so_ref *ref, const so_oid *commit) {
  so_object object;
  so_tag tag;
  SO_TRY(so_objects_get_kind(&x->w->repo.objects, &ref->oid, SO_KIND_TAG, &object));
  const so_status status = so_tag_decode(object.bytes, &tag);
  if (so_ok(status)) {
    fprintf(x->to, "tag %.*s\nfrom :%llu\n", SO_FMT(so_bytes_from(ref->name, 10)),
            mark_of(x, commit));
    write_person(x->to, "tagger", &tag.tagger);
    write_text(x->to, tag.message);
  }
  so_objects_unpin(&x->w->repo.objects, &object);
  return status;
}

static so_status write_ref(void *ctx, const so_ref *ref) {
  export *x = ctx;
  so_oid commit;
  if (so_bytes_has_prefix(ref->name, so_str("refs/remotes/"))) {
    return so_done();
  }
  SO_TRY(so_commit_of(&x->w->repo.objects, &ref->oid, &commit));
  if (ref->kind == SO_KIND_TAG) {
    return write_tag(x, ref, &commit);
  }
  fprintf(x->to, "reset %.*s\nfrom :%llu\n\n", SO_FMT(ref->name), mark_of(x, &commit));
  return so_done();
}

static int run_export(export *x) {
  const so_bytes none = {NULL, 0};
  so_status status = list_commits(x);
  cli_progress_begin(&x->progress, x->w->c, "Exporting commits");
  if (so_ok(status)) {
    status = write_commits(x);
  }
  if (so_ok(status)) {
    status = so_ref_list(&x->w->repo, none, none, SIZE_MAX, write_ref, x);
  }
  cli_progress_end(&x->progress);
  if (!so_ok(status)) {
    return cli_fail_status(status, "export");
  }
  fprintf(x->to, "reset " WORK_REF "\nfrom 0000000000000000000000000000000000000000\n\ndone\n");
  return fflush(x->to) == 0 && !ferror(x->to)
             ? CLI_DONE
             : cli_fail(CLI_REFUSED, "cannot write the stream: is the disk full?");
}

static int export_to(cli_workcopy *w, FILE *to) {
  export x = {.w = w, .to = to};
  x.tips = calloc(TIPS_MAX, sizeof *x.tips);
  const int code = x.tips == NULL ? cli_fail(CLI_REFUSED, "out of memory") : run_export(&x);
  free(x.tips);
  free(x.commits);
  free(x.by_oid);
  return code;
}

int cli_export_git(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 1, "export-git [FILE]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  cli_workcopy w;
  code = cli_workcopy_open(c, NULL, &w);
  FILE *to = stdout;
  if (code == CLI_DONE && c->argc > 0) {
    to = fopen(c->argv[0], "wb");
    code = to == NULL ? cli_fail(CLI_REFUSED, "cannot write %s", c->argv[0]) : code;
  }
  if (code == CLI_DONE) {
    code = export_to(&w, to);
  }
  if (to != NULL && to != stdout && fclose(to) != 0) {
    code = cli_fail(CLI_REFUSED, "cannot write %s: is the disk full?", c->argv[0]);
  }
  cli_workcopy_close(&w);
  return code;
}
