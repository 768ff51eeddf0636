#include "store/value/value.h"

#include "apps/stored/handlers.h"
#include "apps/stored/json_in.h"
#include "apps/stored/json_out.h"
#include "apps/stored/shared.h"
#include "base/fmt.h"
#include "base/hex.h"
#include "http/conditional/conditional.h"

#define PIECE_LEN 16384
#define VALUE_LEN_MAX (UINT64_C(5) << 30)

// --- GET ------------------------------------------------------------------------------------

// What a value's answer says beside its bytes.
typedef struct value_head {
  uint8_t etag[2 * SO_OID_LEN + 2];
  uint8_t commit[2 * SO_OID_LEN];
  uint8_t mode[8];
  uint8_t range[64];
  so_http_field fields[8];
  size_t count;
} value_head;

static void add_field(value_head *h, const char *name, so_bytes value) {
  h->fields[h->count++] = (so_http_field){so_str(name), value};
}

static void quote_oid(uint8_t out[2 * SO_OID_LEN + 2], const so_oid *oid) {
  so_writer w = so_writer_of(out, 2 * SO_OID_LEN + 2);
  so_write_u8(&w, '"');
  so_hex_write(&w, so_bytes_of(oid->bytes, SO_OID_LEN));
  so_write_u8(&w, '"');
}

static void fill_head(value_head *h, const so_resolved *at, const so_entry *entry,
                      const so_oid *tag) {
  h->count = 0;
  quote_oid(h->etag, tag);
  add_field(h, "ETag", so_bytes_of(h->etag, sizeof h->etag));
  so_writer commit = so_writer_of(h->commit, sizeof h->commit);
  so_hex_write(&commit, so_bytes_of(at->commit.bytes, SO_OID_LEN));
  add_field(h, "Store-Commit", so_writer_bytes(&commit));
  add_field(h, "Store-Type", so_str(entry->type == SO_ENTRY_SYMLINK ? "symlink" : "file"));
  so_writer mode = so_writer_of(h->mode, sizeof h->mode);
  so_write_printf(&mode, "%d%d%d", entry->mode >> 6 & 7, entry->mode >> 3 & 7, entry->mode & 7);
  add_field(h, "Store-Mode", so_writer_bytes(&mode));
  add_field(h, "Accept-Ranges", so_str("bytes"));
  add_field(h, "Content-Type", so_str("application/octet-stream"));
  add_field(h, "Cache-Control", so_str(at->is_immutable ? "private, max-age=31536000, immutable"
                                                        : "private, no-cache"));
}

static so_status send_bytes(so_call *c, const so_entry *entry, uint64_t offset, uint64_t len) {
  const so_tree tree = so_repo_tree(&c->repo);
  so_value_reader *reader;
  SO_TRY(so_value_reader_open(&tree, entry, offset, &reader));
  so_status status = so_done();
  while (so_ok(status) && len != 0) {
    so_bytes piece;
    status = so_value_read(reader, &piece);
    if (so_ok(status) && piece.len == 0) {
      status = so_status_make(SO_CORRUPT, 0);
    }
    if (so_ok(status)) {
      piece = so_bytes_first(piece, len < SIZE_MAX ? (size_t)len : SIZE_MAX);
      len -= piece.len;
      status = so_http_reply_write(c->exchange, piece);
    }
  }
  so_value_reader_close(reader);
  return so_ok(status) ? so_http_reply_end(c->exchange) : status;
}

static so_bytes bare_tag(const value_head *h) {
  return so_bytes_of(h->etag + 1, 2 * SO_OID_LEN);
}

// read_range decides between 200 (UNSUPPORTED), 206 (OK) and 416 (LIMIT).
static so_status read_range(so_call *c, const value_head *h, uint64_t size, so_range *out) {
  so_bytes text, if_range;
  const bool stale =
      so_call_header(c, "if-range", &if_range) && !so_if_range(if_range, bare_tag(h));
  if (stale || !so_call_header(c, "range", &text)) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  return so_range_parse(text, size, out);
}

static so_status send_value(so_call *c, value_head *h, const so_entry *entry) {
  so_range range;
  const so_status status = read_range(c, h, entry->size, &range);
  if (so_is(status, SO_LIMIT)) {
    return so_call_reply_problem(c, 416, "range_not_satisfiable",
                                 "the range begins after the end of the value");
  }
  if (!so_ok(status)) {
    SO_TRY(so_http_reply_begin(c->exchange, 200, h->fields, h->count, true, entry->size));
    return send_bytes(c, entry, 0, entry->size);
  }
  so_writer w = so_writer_of(h->range, sizeof h->range);
  so_range_write(&w, &range, entry->size);
  add_field(h, "Content-Range", so_writer_bytes(&w));
  SO_TRY(so_http_reply_begin(c->exchange, 206, h->fields, h->count, true, range.len));
  return send_bytes(c, entry, range.first, range.len);
}

// check_conditions answers 412, 304 or 400 and returns false, or lets the request go on.
static bool check_conditions(so_call *c, const value_head *h, so_status *out_sent) {
  so_bytes text;
  so_status status = so_done();
  if (so_call_header(c, "if-match", &text)) {
    status = so_if_match(text, true, bare_tag(h));
    if (so_is(status, SO_CONFLICT)) {
      *out_sent =
          so_call_reply_problem(c, 412, "precondition_failed", "the value is another one");
      return false;
    }
  }
  if (so_ok(status) && so_call_header(c, "if-none-match", &text)) {
    status = so_if_none_match(text, true, bare_tag(h));
    if (so_is(status, SO_CONFLICT)) {
      *out_sent = so_http_reply(c->exchange, 304, h->fields, h->count, so_bytes_of(NULL, 0));
      return false;
    }
  }
  if (!so_ok(status)) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request",
                                      "a condition is * or a list of quoted entity tags");
  }
  return so_ok(status);
}

so_status so_handle_value_get(so_call *c) {
  so_status sent;
  so_bytes path;
  so_resolved at;
  so_entry entry;
  so_oid tag;
  value_head *h = so_arena_alloc(&c->arena, sizeof *h);
  so_commit *commit = so_arena_alloc(&c->arena, sizeof *commit);
  if (h == NULL || commit == NULL) {
    return so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "value");
  }
  if (!so_shared_path(c, &path, &sent) ||
      !so_shared_commit(c, so_call_param(c, "ref"), &at, commit, &sent)) {
    return sent;
  }
  const so_tree tree = so_repo_tree(&c->repo);
  const so_status status = so_tree_get(&tree, &commit->root, path, &c->arena, &entry);
  if (so_is(status, SO_NOT_FOUND)) {
    return so_call_reply_problem(c, 404, "no_such_path",
                                 "there is no value at this path; GET list shows what there is");
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "value");
  }
  so_entry_tag(&entry, &tag);
  fill_head(h, &at, &entry, &tag);
  return check_conditions(c, h, &sent) ? send_value(c, h, &entry) : sent;
}

// --- PUT and DELETE -------------------------------------------------------------------------

// read_body streams the request's body into a value. TOO LARGE is LIMIT with detail 1.
static so_status read_body(so_call *c, so_value_writer *writer) {
  uint8_t *piece = so_arena_alloc(&c->arena, PIECE_LEN);
  uint64_t total = 0;
  if (piece == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (;;) {
    size_t len;
    SO_TRY(so_http_body_read(c->exchange, piece, PIECE_LEN, &len));
    if (len == 0) {
      return so_done();
    }
    total += len;
    if (total > VALUE_LEN_MAX) {
      return so_status_make(SO_LIMIT, 1);
    }
    SO_TRY(so_value_write(writer, so_bytes_of(piece, len)));
  }
}

static bool read_attributes(so_call *c, so_entry *entry, so_status *out_sent) {
  so_bytes text;
  entry->type = SO_ENTRY_FILE;
  entry->mode = 0644;
  if ((so_call_header(c, "store-mode", &text) && !so_ok(so_in_mode(text, &entry->mode))) ||
      (so_call_header(c, "store-type", &text) && !so_ok(so_in_type(text, &entry->type)))) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request",
                                      "Store-Mode is octal, such as 644; Store-Type is file or "
                                      "symlink");
    return false;
  }
  return true;
}

static so_status reply_put(so_call *c, const so_commit_result *r, const so_op *op,
                           uint16_t http_status) {
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_out_member_oid(&w, "commit", &r->commit);
  if (op->kind == SO_OP_DELETE) {
    so_json_object_end(&w);
    return so_call_reply_json(c, http_status, NULL);
  }
  so_oid tag;
  so_entry_tag(&op->entry, &tag);
  so_out_member_oid(&w, "etag", &tag);
  so_json_object_end(&w);
  return so_call_reply_json(c, http_status, &tag);
}

static so_status reply_refusal(so_call *c, so_status status, const so_op *op,
                               const so_commit_result *r) {
  if (so_is(status, SO_NOT_FOUND)) {
    return so_call_reply_problem(c, 404, "no_such_ref",
                                 "there is no such branch; make it with PUT refs/heads/NAME");
  }
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 400, "bad_name", "this is not a name for a branch");
  }
  if (!so_is(status, SO_CONFLICT)) {
    return so_call_reply_status(c, status, "value");
  }
  const bool clash =
      r->conflict_count != 0 && r->conflicts[0].kind == SO_CONFLICT_PATH_CLASH;
  if (op->expect != SO_EXPECT_ANY && !clash) {
    so_json_writer w = so_call_problem_begin(c, 412, "precondition_failed",
                                             "the value is not what the condition says; look at "
                                             "current and decide again");
    so_oid tag = {{0}};
    if (r->conflict_count != 0 && r->conflicts[0].has_ours) {
      so_entry_tag(&r->conflicts[0].ours, &tag);
    }
    so_out_member_oid(&w, "current", &tag);
    return so_call_problem_end(c, 412, &w);
  }
  return so_shared_reply_conflicts(
      c, clash ? "path_clash" : "conflict",
      clash ? "a path cannot be both a value and a directory of others; delete what is in the way"
            : "the branch changed at the same time; send the request again",
      r->conflicts, r->conflict_count);
}

// value_exists decides between 200 and 201, and between 200 and 404: a hint, not a condition.
static bool value_exists(so_call *c, so_bytes branch, so_bytes path) {
  so_resolved head;
  so_entry entry;
  so_commit *commit = so_arena_alloc(&c->arena, sizeof *commit);
  const so_tree tree = so_repo_tree(&c->repo);
  return commit != NULL && so_ok(so_repo_resolve(&c->repo, branch, &head)) &&
         so_ok(so_commit_read(&c->repo.objects, &head.commit, &c->arena, commit)) &&
         so_ok(so_tree_get(&tree, &commit->root, path, &c->arena, &entry));
}

// commit_op commits one operation on the branch of the URL and answers.
static so_status commit_op(so_call *c, so_op *op) {
  so_status sent;
  so_transaction *t = so_arena_alloc(&c->arena, sizeof *t);
  so_commit_result *r = so_arena_alloc(&c->arena, sizeof *r);
  if (t == NULL || r == NULL) {
    return so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "value");
  }
  if (!so_shared_expect(c, &op->expect, &op->tag, &sent)) {
    return sent;
  }
  t->branch = so_call_param(c, "ref");
  t->ops = op;
  t->op_count = 1;
  t->author = so_shared_person(c);
  t->committer = t->author;
  t->who = so_call_who(c);
  t->why = so_str(op->kind == SO_OP_PUT ? "put" : "delete");
  t->message = op->path;
  (void)so_call_query(c, "message", &t->message);
  const bool was_there = op->kind == SO_OP_DELETE ||
                         value_exists(c, t->branch, op->path);
  so_status status = so_repo_commit(&c->repo, t, &c->arena, r);
  if (!so_ok(status)) {
    return reply_refusal(c, status, op, r);
  }
  status = so_server_make_durable(c->server);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "value");
  }
  c->server->stats.commits++;
  return reply_put(c, r, op, was_there ? 200 : 201);
}

so_status so_handle_value_put(so_call *c) {
  so_status sent;
  so_op op = {.kind = SO_OP_PUT};
  if (!so_shared_path(c, &op.path, &sent) || !read_attributes(c, &op.entry, &sent)) {
    return sent;
  }
  const so_tree tree = so_repo_tree(&c->repo);
  so_value_writer *writer;
  so_status status = so_value_writer_open(&tree, &writer);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "value");
  }
  status = read_body(c, writer);
  if (so_ok(status)) {
    status = so_value_writer_end(writer, &op.entry);
  }
  if (so_ok(status)) {
    sent = commit_op(c, &op);
  } else if (so_is(status, SO_LIMIT) && status.detail == 1) {
    sent = so_call_reply_problem(c, 413, "too_large", "a value is at most 5 GiB");
  } else {
    sent = so_call_reply_status(c, status, "value");
  }
  so_value_writer_close(writer);
  return sent;
}

so_status so_handle_value_delete(so_call *c) {
  so_status sent;
  so_op op = {.kind = SO_OP_DELETE};
  if (!so_shared_path(c, &op.path, &sent)) {
    return sent;
  }
  if (!value_exists(c, so_call_param(c, "ref"), op.path)) {
    return so_call_reply_problem(c, 404, "no_such_path", "there is no value at this path");
  }
  return commit_op(c, &op);
}
