#include "apps/stored/handlers.h"
#include "apps/stored/json_out.h"
#include "apps/stored/shared.h"
#include "base/mem.h"

// What GET list was asked for.
typedef struct list_request {
  so_bytes prefix;
  so_bytes after;
  bool fold;  // delimiter=/
  size_t limit;
} list_request;

// A listing in progress: entries go to the answer, folded prefixes are kept for its second list.
typedef struct listing {
  so_call *call;
  const list_request *request;
  so_bytes *prefixes;
  size_t prefix_count;
  size_t count;
  so_bytes last;
  bool more;
} listing;

static bool read_request(so_call *c, list_request *out, so_status *out_sent) {
  so_bytes delimiter = {NULL, 0};
  if (!so_shared_page(c, &out->limit, out_sent)) {
    return false;
  }
  (void)so_call_query(c, "prefix", &out->prefix);
  (void)so_call_query(c, "after", &out->after);
  out->fold = so_call_query(c, "delimiter", &delimiter) && delimiter.len != 0;
  if (out->fold && !so_bytes_equal(delimiter, so_str("/"))) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request", "the delimiter is /");
    return false;
  }
  return true;
}

// successor makes the smallest key that begins with none of what begins with `prefix`: its last
// byte that is not 0xff, plus one. Paths are UTF-8, which has no 0xff.
static so_status successor(so_arena *arena, so_bytes prefix, so_bytes *out) {
  SO_TRY(so_arena_copy(arena, prefix, out));
  uint8_t *last = (uint8_t *)(uintptr_t)out->ptr + out->len - 1;
  (*last)++;
  return so_done();
}

// start finds where the cursor begins: behind `after`, or behind all that `after` folds.
static so_status start_key(so_call *c, const list_request *r, so_bytes *out) {
  if (r->after.len == 0) {
    *out = r->prefix;
    return so_done();
  }
  if (r->after.ptr[r->after.len - 1] == '/') {
    return successor(&c->arena, r->after, out);
  }
  uint8_t *room = so_arena_alloc(&c->arena, r->after.len + 1);  // after + NUL: the next key.
  if (room == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  memcpy(room, r->after.ptr, r->after.len);
  *out = so_bytes_of(room, r->after.len + 1);
  if (so_bytes_compare(*out, r->prefix) < 0) {
    *out = r->prefix;
  }
  return so_done();
}

// fold takes a key that lies deeper: remembers its directory and moves behind all of it.
static so_status fold(listing *l, so_cursor *cursor, size_t slash) {
  so_bytes directory, next;
  SO_TRY(so_arena_copy(&l->call->arena, so_bytes_first(cursor->key, slash + 1), &directory));
  l->prefixes[l->prefix_count++] = directory;
  l->last = directory;
  SO_TRY(successor(&l->call->arena, directory, &next));
  return so_cursor_forward(cursor, next);
}

static so_status list_all(listing *l, so_json_writer *w, so_cursor *cursor) {
  const so_bytes prefix = l->request->prefix;
  while (!cursor->at_end && so_bytes_has_prefix(cursor->key, prefix)) {
    if (l->count == l->request->limit) {
      l->more = true;
      return so_done();
    }
    l->count++;
    const size_t slash = prefix.len + so_bytes_find(so_bytes_from(cursor->key, prefix.len), '/');
    if (l->request->fold && slash < cursor->key.len) {
      SO_TRY(fold(l, cursor, slash));
      continue;
    }
    so_out_entry(w, cursor->key, &cursor->entry);
    SO_TRY(so_arena_copy(&l->call->arena, cursor->key, &l->last));
    SO_TRY(so_cursor_next(cursor));
  }
  return so_done();
}

static so_status list_map(listing *l, so_json_writer *w, const so_oid *root) {
  const so_tree tree = so_repo_tree(&l->call->repo);
  so_bytes key;
  so_cursor *cursor = so_arena_alloc(&l->call->arena, sizeof *cursor);
  if (cursor == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(start_key(l->call, l->request, &key));
  SO_TRY(so_cursor_seek(cursor, &tree, root, key));
  const so_status status = list_all(l, w, cursor);
  so_cursor_close(cursor);
  return status;
}

so_status so_handle_list(so_call *c) {
  so_status sent;
  so_resolved at;
  list_request request = {.fold = false};
  so_commit *commit = so_arena_alloc(&c->arena, sizeof *commit);
  if (!read_request(c, &request, &sent)) {
    return sent;
  }
  listing l = {.call = c, .request = &request};
  l.prefixes = so_arena_alloc(&c->arena, request.limit * sizeof *l.prefixes);
  if (commit == NULL || l.prefixes == NULL) {
    return so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "list");
  }
  if (!so_shared_commit(c, so_call_param(c, "ref"), &at, commit, &sent)) {
    return sent;
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_out_member_oid(&w, "commit", &at.commit);
  so_json_name(&w, "entries");
  so_json_array(&w);
  const so_status status = list_map(&l, &w, &commit->root);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "list");
  }
  so_json_array_end(&w);
  so_json_name(&w, "prefixes");
  so_json_array(&w);
  for (size_t i = 0; i < l.prefix_count; i++) {
    so_json_put_string(&w, l.prefixes[i]);
  }
  so_json_array_end(&w);
  if (l.more) {
    so_json_member_string(&w, "next", l.last);
  }
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, &at.commit);
}
