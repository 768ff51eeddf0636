#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "base/writer.h"
#include "base/hex.h"
#include "cli/commands/commands.h"
#include "cli/commands/remotes.h"
#include "store/sync/sync.h"

#define GATHER_LEN 16000
#define UPDATES_MAX SO_REF_CHANGES_MAX

// One ref to change on the server.
typedef struct update {
  char name[SO_REF_NAME_LEN_MAX + 1];
  so_oid old;  // None: it must not be there.
  so_oid new;
} update;

typedef struct push {
  cli_workcopy *w;
  cli_remote *r;
  cli_server_refs refs;
  update *updates;
  size_t count;
  bool force;
  uint8_t gathered[GATHER_LEN];
  size_t gathered_len;
  cli_progress progress;
} push;

static const cli_server_ref *server_ref(const push *p, so_bytes name) {
  for (size_t i = 0; i < p->refs.count; i++) {
    if (so_bytes_equal(p->refs.items[i].name, name)) {
      return &p->refs.items[i];
    }
  }
  return NULL;
}

// --- what to change -------------------------------------------------------------------------

static int may_move(push *p, const cli_server_ref *there, const so_oid *to, const char *branch) {
  const so_history history = {&p->w->tree, 0};
  bool forward = false;
  if (p->force) {
    return CLI_DONE;
  }
  if (there->known) {
    const so_status status = so_is_ancestor(&history, &there->target, to, &forward);
    if (!so_ok(status)) {
      return cli_fail_status(status, branch);
    }
  }
  return forward ? CLI_DONE
                 : cli_fail(CLI_REFUSED,
                            "%s on the server has commits that yours has not; run `storectl pull` "
                            "to merge them, then push again",
                            branch);
}

static int add_update(push *p, so_bytes name, const so_oid *to, bool is_branch) {
  const so_oid none = {{0}};
  const cli_server_ref *there = server_ref(p, name);
  if (p->count == UPDATES_MAX) {
    return cli_fail(CLI_USAGE, "too many refs for one push; push branches one by one");
  }
  if (there != NULL && so_oid_equal(&there->target, to)) {
    return CLI_DONE;
  }
  update *u = &p->updates[p->count];
  snprintf(u->name, sizeof u->name, "%.*s", SO_FMT(name));
  u->old = there == NULL ? none : there->target;
  u->new = *to;
  if (there != NULL && !is_branch && !p->force) {
    return cli_fail(CLI_REFUSED, "%s is another one on the server; --force replaces it", u->name);
  }
  const int code = there == NULL || !is_branch ? CLI_DONE : may_move(p, there, to, u->name);
  p->count += code == CLI_DONE;
  return code;
}

static int add_branch(push *p, const char *branch) {
  char name[SO_REF_NAME_LEN_MAX + 16];
  so_ref ref;
  snprintf(name, sizeof name, "refs/heads/%.240s", branch);
  const so_status status = so_ref_get(&p->w->repo, so_str(name), &ref);
  if (!so_ok(status)) {
    return cli_fail(CLI_REFUSED, "there is no branch %s with commits here", branch);
  }
  const so_oid oid = ref.oid;
  return add_update(p, so_str(name), &oid, true);
}

static so_status add_ref(void *ctx, const so_ref *ref) {
  push *p = ctx;
  const bool is_branch = so_bytes_has_prefix(ref->name, so_str("refs/heads/"));
  return add_update(p, ref->name, &ref->oid, is_branch) == CLI_DONE
             ? so_done()
             : so_status_make(SO_DENIED, 0);
}

// --- sending --------------------------------------------------------------------------------

static so_status flush_gathered(push *p) {
  const so_bytes piece = so_bytes_of(p->gathered, p->gathered_len);
  p->gathered_len = 0;
  return piece.len == 0 ? so_done() : so_http_client_write(p->r->http, piece);
}

// send_piece gathers small pieces, so that a chunk of HTTP carries many of them.
static so_status send_piece(void *ctx, so_bytes piece) {
  push *p = ctx;
  if (p->gathered_len + piece.len > GATHER_LEN) {
    SO_TRY(flush_gathered(p));
  }
  if (piece.len > GATHER_LEN) {
    return so_http_client_write(p->r->http, piece);
  }
  memcpy(p->gathered + p->gathered_len, piece.ptr, piece.len);
  p->gathered_len += piece.len;
  return so_done();
}

static so_status on_progress(void *ctx, const so_sync_progress *progress) {
  push *p = ctx;
  cli_progress_update(&p->progress, progress->commits_done, progress->commits_total,
                      progress->bytes);
  return so_done();
}

static void put_salt(so_json_writer *w, const so_repo *repo) {
  uint8_t hex[2 * SO_SALT_LEN];
  so_writer digits = so_writer_of(hex, sizeof hex);
  so_hex_write(&digits, so_bytes_of(repo->salt, SO_SALT_LEN));
  so_json_member_string(w, "salt", so_writer_bytes(&digits));
}

static so_status send_head(push *p) {
  so_buf head;
  uint8_t length[4];
  so_buf_init(&head, p->w->c->heap, (size_t)1 << 20);
  so_json_writer w = so_json_writer_of(&head);
  so_json_object(&w);
  so_json_name(&w, "updates");
  so_json_array(&w);
  for (size_t i = 0; i < p->count; i++) {
    so_json_object(&w);
    cli_json_text(&w, "ref", p->updates[i].name);
    cli_json_oid(&w, "old", &p->updates[i].old);
    cli_json_oid(&w, "new", &p->updates[i].new);
    so_json_object_end(&w);
  }
  so_json_array_end(&w);
  cli_json_text(&w, "message", p->force ? "forced push" : "push");
  put_salt(&w, &p->w->repo);
  so_json_object_end(&w);
  so_writer l = so_writer_of(length, sizeof length);
  so_write_u32be(&l, (uint32_t)head.len);
  so_status status = send_piece(p, so_writer_bytes(&l));
  if (so_ok(status)) {
    status = send_piece(p, so_buf_bytes(&head));
  }
  so_buf_release(&head);
  return status;
}

static so_status send_pack(push *p) {
  const so_history history = {&p->w->tree, 0};
  const so_pack_store store = so_repo_pack_store(&p->w->repo);
  so_sync_progress sent;
  so_oid *wants = calloc(p->count, sizeof *wants);
  so_oid *haves = calloc(p->refs.count + 1, sizeof *haves);
  so_send_request request = {.history = &history,
                             .store = &store,
                             .wants = wants,
                             .want_count = p->count,
                             .haves = haves,
                             .write = send_piece,
                             .progress = on_progress,
                             .ctx = p};
  so_status status = so_status_make(SO_LIMIT, 0);
  if (wants != NULL && haves != NULL) {
    for (size_t i = 0; i < p->count; i++) {
      wants[i] = p->updates[i].new;
    }
    for (size_t i = 0; i < p->refs.count && request.have_count < SO_SYNC_OIDS_MAX; i++) {
      if (p->refs.items[i].known) {
        haves[request.have_count++] = p->refs.items[i].target;
      }
    }
    status = so_send(&request, &sent);
  }
  free(wants);
  free(haves);
  return status;
}

// refused explains a conflict.
static int refused(push *p) {
  const so_json *problem;
  so_bytes why;
  const int code = cli_remote_json(p->r, &problem);
  if (code != CLI_DONE) {
    return code;
  }
  if (so_json_string(so_json_member(problem, "code"), &why) &&
      so_bytes_equal(why, so_str("salt_differs"))) {
    return cli_fail(CLI_REFUSED, "%s/%s has a history that began elsewhere, and so has this working "
                    "copy; push into an empty repository, or clone this one and commit there",
                    p->r->origin, p->r->repo);
  }
  return cli_fail(CLI_REFUSED, "the server's branch moved at the same time; run `storectl pull`, "
                               "then push again");
}

static int send_all(push *p) {
  uint16_t status;
  int code = cli_remote_send(p->r, "POST", "/push", "application/x-safeos-push", false, 0);
  if (code != CLI_DONE) {
    return code;
  }
  cli_progress_begin(&p->progress, p->w->c, "Sending commits");
  so_status sent = send_head(p);
  if (so_ok(sent)) {
    sent = send_pack(p);
  }
  if (so_ok(sent)) {
    sent = flush_gathered(p);
  }
  cli_progress_end(&p->progress);
  if (!so_ok(sent) && !so_is(sent, SO_IO)) {
    return cli_fail_status(sent, "push");
  }
  // When the server answered before it had read everything, its answer says why.
  code = cli_remote_answer(p->r, true, &status);
  return code == CLI_DONE && status >= 400 ? refused(p) : code;
}

// --- afterwards -----------------------------------------------------------------------------

static int note_pushed(push *p, const char *remote) {
  const so_bytes heads = so_str("refs/heads/");
  const so_person person = cli_person(p->w->c);
  const so_ref_note note = {so_bytes_first(person.name, SO_REF_WHO_LEN_MAX), so_str("push"),
                            person.time_ms};
  for (size_t i = 0; i < p->count; i++) {
    char name[2 * SO_REF_NAME_LEN_MAX], hex[CLI_HEX_LEN];
    so_ref_result result;
    cli_hex(&p->updates[i].new, hex);
    cli_printf("%s is at %.12s on %s\n", p->updates[i].name, hex, p->r->origin);
    if (!so_bytes_has_prefix(so_str(p->updates[i].name), heads)) {
      continue;
    }
    snprintf(name, sizeof name, "refs/remotes/%.100s/%s", remote, p->updates[i].name + heads.len);
    const so_ref_change change = {.name = so_str(name), .new_oid = p->updates[i].new};
    const so_status status = so_repo_update_refs(&p->w->repo, &change, 1, &note, &result);
    if (!so_ok(status)) {
      return cli_fail_status(status, name);
    }
  }
  return cli_workcopy_flush(p->w);
}

static int choose(push *p, bool all, bool tags) {
  const so_bytes none = {NULL, 0};
  so_status status = so_done();
  int code = CLI_DONE;
  if (all) {
    status = so_ref_list(&p->w->repo, so_str("refs/heads/"), none, SIZE_MAX, add_ref, p);
  } else if (p->w->c->argc > 1) {
    code = add_branch(p, p->w->c->argv[1]);
  } else if (p->w->detached) {
    code = cli_fail(CLI_USAGE, "not on a branch; name one: storectl push origin BRANCH");
  } else {
    code = add_branch(p, p->w->branch);
  }
  if (code == CLI_DONE && so_ok(status) && (tags || all)) {
    status = so_ref_list(&p->w->repo, so_str("refs/tags/"), none, SIZE_MAX, add_ref, p);
  }
  return so_ok(status) ? code : CLI_REFUSED;  // add_ref has said why.
}

typedef struct push_options {
  const char *remote;
  bool force;
  bool all;
  bool tags;
} push_options;

static int push_with(const push_options *o, push *p) {
  int code = cli_server_refs_read(p->w, p->r, &p->refs);
  if (code == CLI_DONE) {
    code = choose(p, o->all, o->tags);
  }
  if (code == CLI_DONE && p->count == 0) {
    cli_printf("everything is up to date\n");
    return code;
  }
  if (code == CLI_DONE) {
    code = send_all(p);
  }
  return code == CLI_DONE ? note_pushed(p, o->remote) : code;
}

static int push_work(void *ctx, cli_workcopy *w, cli_remote *r) {
  const push_options *o = ctx;
  push *p = calloc(1, sizeof *p);
  update *updates = calloc(UPDATES_MAX, sizeof *updates);
  int code = p == NULL || updates == NULL ? cli_fail(CLI_REFUSED, "out of memory") : CLI_DONE;
  if (code == CLI_DONE) {
    p->w = w;
    p->r = r;
    p->force = o->force;
    p->updates = updates;
    code = push_with(o, p);
  }
  free(updates);
  free(p);
  return code;
}

int cli_push(cli *c) {
  push_options o = {.remote = CLI_REMOTE_DEFAULT};
  const cli_option options[] = {{"--force", 'f', NULL, &o.force},
                                {"--all", 0, NULL, &o.all},
                                {"--tags", 0, NULL, &o.tags}};
  int code = cli_options(c, options, 3);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 2, "push [--force] [--all] [--tags] [REMOTE [BRANCH]]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  o.remote = c->argc > 0 ? c->argv[0] : o.remote;
  return cli_with_remote(c, o.remote, push_work, &o);
}
