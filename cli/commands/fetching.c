#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fmt.h"
#include "base/hex.h"
#include "cli/commands/commands.h"
#include "cli/commands/remotes.h"
#include "cli/workcopy/files.h"
#include "store/sync/sync.h"

#define REFS_MAX 100000
#define PIECE_LEN 65536
#define BODY_LEN_MAX ((size_t)16 << 20)

// --- the server's refs ----------------------------------------------------------------------

static bool read_ref(cli_workcopy *w, const so_json *v, cli_server_ref *out) {
  so_bytes hash;
  if (!so_json_string(so_json_member(v, "name"), &out->name) ||
      !so_json_string(so_json_member(v, "target"), &hash) ||
      !so_ok(so_hex_read(hash, out->target.bytes, SO_OID_LEN)) ||
      !so_ok(so_ref_name_check(out->name))) {
    return false;
  }
  out->known = so_ok(so_objects_has(&w->repo.objects, &out->target));
  return true;
}

static int read_page(cli_workcopy *w, cli_remote *r, const so_json *page, cli_server_refs *out) {
  const so_json *refs = so_json_member(page, "refs");
  for (const so_json *v = refs == NULL ? NULL : refs->first; v != NULL; v = v->next) {
    if (out->count == REFS_MAX || !read_ref(w, v, &out->items[out->count])) {
      return cli_fail(CLI_NETWORK, "%s sent refs that make no sense", r->origin);
    }
    out->count++;
  }
  return CLI_DONE;
}

int cli_server_refs_read(cli_workcopy *w, cli_remote *r, cli_server_refs *out) {
  so_bytes next = {NULL, 0};
  out->count = 0;
  out->items = so_arena_alloc(&r->arena, REFS_MAX * sizeof *out->items);
  if (out->items == NULL) {
    return cli_fail(CLI_REFUSED, "out of memory");
  }
  do {
    char path[CLI_URL_LEN_MAX];
    const so_json *page;
    so_writer url = so_writer_of((uint8_t *)path, sizeof path - 1);
    so_write_str(&url, "/refs?limit=1000&after=");
    so_url_encode(&url, next, false);
    path[url.len] = '\0';
    int code = cli_remote_call(r, "GET", path, so_bytes_of(NULL, 0), &page);
    if (code == CLI_DONE) {
      code = read_page(w, r, page, out);
    }
    if (code != CLI_DONE) {
      return code;
    }
    next = so_bytes_of(NULL, 0);
    (void)so_json_string(so_json_member(page, "next"), &next);
  } while (next.len != 0);
  return CLI_DONE;
}

// --- what we have ---------------------------------------------------------------------------

typedef struct haves {
  so_json_writer *w;
  size_t count;
} haves;

static so_status add_have(void *ctx, const so_ref *ref) {
  haves *h = ctx;
  char hex[CLI_HEX_LEN];
  if (h->count++ < SO_SYNC_OIDS_MAX - SO_SYNC_TIPS_MAX) {
    cli_hex(&ref->oid, hex);
    so_json_put_string(h->w, so_str(hex));
  }
  return so_done();
}

// A fetch that broke off leaves the newest commits that it got in `.storectl/PARTIAL`, one hash a line,
// so that the next one need not get them again.
static void add_partial(cli_workcopy *w, so_json_writer *json) {
  char path[CLI_PATH_LEN];
  so_buf text;
  cli_workcopy_file(w, "PARTIAL", path);
  so_buf_init(&text, w->c->heap, (CLI_HEX_LEN + 1) * SO_SYNC_TIPS_MAX);
  if (so_ok(cli_file_read(path, &text))) {
    so_bytes rest = so_buf_bytes(&text);
    while (rest.len != 0) {
      so_oid oid;
      const so_bytes line = so_bytes_first(rest, so_bytes_find(rest, '\n'));
      rest = so_bytes_from(rest, line.len + 1);
      if (so_ok(so_hex_read(line, oid.bytes, SO_OID_LEN)) &&
          so_ok(so_objects_has(&w->repo.objects, &oid))) {
        so_json_put_string(json, line);
      }
    }
  }
  so_buf_release(&text);
}

static void save_partial(cli_workcopy *w, so_receiver *receiver) {
  char path[CLI_PATH_LEN], hex[CLI_HEX_LEN];
  size_t count;
  so_buf text;
  const so_oid *tips = so_receiver_tips(receiver, &count);
  so_buf_init(&text, w->c->heap, (CLI_HEX_LEN + 1) * (SO_SYNC_TIPS_MAX + 1));
  for (size_t i = 0; i < count; i++) {
    cli_hex(&tips[i], hex);
    so_buf_printf(&text, "%s\n", hex);
  }
  cli_workcopy_file(w, "PARTIAL", path);
  if (cli_workcopy_flush(w) == CLI_DONE) {
    (void)cli_file_replace(path, so_buf_bytes(&text)).code;  // Only a hint for the next try.
  }
  so_buf_release(&text);
}

static int write_request(cli_workcopy *w, const cli_server_refs *refs, so_buf *out) {
  so_json_writer json = so_json_writer_of(out);
  haves h = {&json, 0};
  so_json_object(&json);
  so_json_name(&json, "want");
  so_json_array(&json);
  for (size_t i = 0; i < refs->count; i++) {
    if (!refs->items[i].known) {
      char hex[CLI_HEX_LEN];
      cli_hex(&refs->items[i].target, hex);
      so_json_put_string(&json, so_str(hex));
    }
  }
  so_json_array_end(&json);
  so_json_name(&json, "have");
  so_json_array(&json);
  const so_bytes none = {NULL, 0};
  const so_status status = so_ref_list(&w->repo, none, none, SIZE_MAX, add_have, &h);
  add_partial(w, &json);
  so_json_array_end(&json);
  so_json_object_end(&json);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "refs");
}

// --- receiving ------------------------------------------------------------------------------

static int bad_pack(const cli_remote *r, so_status status) {
  if (status.detail != 0 && (so_is(status, SO_MALFORMED) || so_is(status, SO_UNSUPPORTED))) {
    return cli_fail(CLI_NETWORK, "%s sent a bad pack: %s", r->origin,
                    so_pack_error_text((so_pack_error)status.detail));
  }
  return cli_fail_status(status, "objects");
}

static int receive(cli_workcopy *w, cli_remote *r, so_receiver *receiver) {
  uint8_t *piece = malloc(PIECE_LEN);
  cli_progress progress;
  int code = piece == NULL ? cli_fail(CLI_REFUSED, "out of memory") : CLI_DONE;
  cli_progress_begin(&progress, w->c, "Receiving objects");
  while (code == CLI_DONE) {
    size_t len;
    so_status status = so_http_client_read(r->http, piece, PIECE_LEN, &len);
    if (!so_ok(status)) {
      cli_progress_end(&progress);
      code = cli_remote_lost(r, status);
      break;
    }
    status = len == 0 ? so_receiver_end(receiver)
                      : so_receiver_feed(receiver, so_bytes_of(piece, len));
    const so_sync_progress p = so_receiver_progress(receiver);
    cli_progress_update(&progress, p.objects, 0, p.bytes);
    if (!so_ok(status)) {
      cli_progress_end(&progress);
      code = bad_pack(r, status);
    }
    if (len == 0) {
      break;
    }
  }
  cli_progress_end(&progress);
  free(piece);
  return code;
}

static int fetch_objects(cli_workcopy *w, cli_remote *r, const cli_server_refs *refs) {
  so_buf body;
  uint16_t status;
  so_buf_init(&body, w->c->heap, BODY_LEN_MAX);
  int code = write_request(w, refs, &body);
  if (code == CLI_DONE) {
    code = cli_remote_send(r, "POST", "/fetch", "application/json", true, body.len);
  }
  if (code == CLI_DONE) {
    (void)so_http_client_write(r->http, so_buf_bytes(&body)).code;  // The answer tells.
    code = cli_remote_answer(r, false, &status);
  }
  so_buf_release(&body);
  if (code != CLI_DONE) {
    return code;
  }
  const so_pack_store store = so_repo_pack_store(&w->repo);
  const so_receive_limits limits = {0, 0};
  so_receiver *receiver;
  const so_status opened = so_receiver_open(&store, w->c->heap, &limits, &receiver);
  if (!so_ok(opened)) {
    return cli_fail_status(opened, "objects");
  }
  code = receive(w, r, receiver);
  if (code != CLI_DONE) {
    save_partial(w, receiver);
  } else {
    char path[CLI_PATH_LEN];
    cli_workcopy_file(w, "PARTIAL", path);
    unlink(path);
  }
  so_receiver_close(receiver);
  return code;
}

// --- noting where the remote is -------------------------------------------------------------

typedef struct updates {
  cli_workcopy *w;
  so_arena arena;
  so_ref_change *items;
  size_t count;
  size_t cap;
  const cli_server_refs *refs;
  so_bytes prefix;  // refs/remotes/NAME/
} updates;

static so_status add_update(updates *u, so_bytes prefix, so_bytes name, const so_oid *oid) {
  so_ref now;
  if (u->count == u->cap) {
    return so_status_make(SO_LIMIT, 0);
  }
  uint8_t *room = so_arena_alloc(&u->arena, prefix.len + name.len);
  if (room == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_writer full = so_writer_of(room, prefix.len + name.len);
  so_write_bytes(&full, prefix);
  so_write_bytes(&full, name);
  const so_status found = so_ref_get(&u->w->repo, so_writer_bytes(&full), &now);
  const bool same = so_ok(found) && so_oid_equal(&now.oid, oid);
  if (!same) {
    u->items[u->count++] = (so_ref_change){.name = so_writer_bytes(&full), .new_oid = *oid};
  }
  return so_done();
}

// gone removes the note of a branch that the server no longer has.
static so_status gone(void *ctx, const so_ref *ref) {
  updates *u = ctx;
  const so_oid none = {{0}};
  const so_bytes branch = so_bytes_from(ref->name, u->prefix.len);
  for (size_t i = 0; i < u->refs->count; i++) {
    const so_bytes name = u->refs->items[i].name;
    if (so_bytes_has_prefix(name, so_str("refs/heads/")) &&
        so_bytes_equal(so_bytes_from(name, 11), branch)) {
      return so_done();
    }
  }
  return add_update(u, u->prefix, branch, &none);
}

static so_status collect(updates *u) {
  const so_bytes none = {NULL, 0};
  so_ref mine;
  for (size_t i = 0; i < u->refs->count; i++) {
    const cli_server_ref *ref = &u->refs->items[i];
    if (so_bytes_has_prefix(ref->name, so_str("refs/heads/"))) {
      SO_TRY(add_update(u, u->prefix, so_bytes_from(ref->name, 11), &ref->target));
    } else if (so_bytes_has_prefix(ref->name, so_str("refs/tags/")) &&
               !so_ok(so_ref_get(&u->w->repo, ref->name, &mine))) {
      SO_TRY(add_update(u, none, ref->name, &ref->target));
    }
  }
  return so_ref_list(&u->w->repo, u->prefix, none, SIZE_MAX, gone, u);
}

static so_status apply(updates *u) {
  const so_person person = cli_person(u->w->c);
  const so_ref_note note = {so_bytes_first(person.name, SO_REF_WHO_LEN_MAX), so_str("fetch"),
                            person.time_ms};
  so_ref_result result;
  for (size_t at = 0; at < u->count; at += SO_REF_CHANGES_MAX) {
    const size_t left = u->count - at;
    SO_TRY(so_repo_update_refs(&u->w->repo, u->items + at,
                               left < SO_REF_CHANGES_MAX ? left : SO_REF_CHANGES_MAX, &note,
                               &result));
  }
  return so_done();
}

static void say_updates(const updates *u) {
  for (size_t i = 0; i < u->count && i < 20; i++) {
    char hex[CLI_HEX_LEN];
    const so_ref_change *change = &u->items[i];
    cli_hex(&change->new_oid, hex);
    cli_note(u->w->c, "  %.*s is at %.12s", SO_FMT(so_bytes_from(change->name, 5)),
             so_oid_is_none(&change->new_oid) ? "nothing" : hex);
  }
}

static int note_refs(cli_workcopy *w, const char *name, const cli_server_refs *refs) {
  char prefix[SO_REF_NAME_LEN_MAX + 1];
  snprintf(prefix, sizeof prefix, "refs/remotes/%.100s/", name);
  updates u = {.w = w, .refs = refs, .prefix = so_str(prefix), .cap = 2 * refs->count + 100000};
  so_arena_init(&u.arena, w->c->heap, (size_t)256 << 20);
  u.items = calloc(u.cap, sizeof *u.items);
  so_status status = u.items == NULL ? so_status_make(SO_LIMIT, 0) : collect(&u);
  if (so_ok(status)) {
    status = apply(&u);
  }
  if (so_ok(status)) {
    say_updates(&u);
  }
  free(u.items);
  so_arena_release(&u.arena);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "refs");
}

// use_salt: what is fetched has maps of the shape that the server's salt gives them. A working copy
// without a history takes it over.
static int use_salt(cli_workcopy *w, cli_remote *r) {
  const so_json *repo;
  so_bytes hex;
  uint8_t salt[SO_SALT_LEN];
  const int code = cli_remote_call(r, "GET", "", so_bytes_of(NULL, 0), &repo);
  if (code != CLI_DONE) {
    return code;
  }
  if (!so_json_string(so_json_member(repo, "salt"), &hex) ||
      !so_ok(so_hex_read(hex, salt, sizeof salt))) {
    return cli_fail(CLI_NETWORK, "the server did not describe the repository as a store does");
  }
  if (memcmp(salt, w->repo.salt, sizeof salt) == 0) {
    return CLI_DONE;
  }
  const so_status status = so_repo_propose_salt(&w->repo, salt);
  if (so_is(status, SO_CONFLICT)) {
    return cli_fail(CLI_REFUSED, "%s/%s has a history that began elsewhere, and so has this working "
                    "copy; clone it into another directory and bring the files over",
                    r->origin, r->repo);
  }
  w->tree = so_repo_tree(&w->repo);
  return so_ok(status) ? CLI_DONE : cli_fail_status(status, "repository");
}

int cli_fetch_from(cli_workcopy *w, cli_remote *r, const char *name) {
  cli_server_refs refs;
  bool missing = false;
  int code = cli_server_refs_read(w, r, &refs);
  if (code == CLI_DONE && refs.count != 0) {
    code = use_salt(w, r);
  }
  for (size_t i = 0; code == CLI_DONE && i < refs.count; i++) {
    missing = missing || !refs.items[i].known;
  }
  if (code == CLI_DONE && missing) {
    code = fetch_objects(w, r, &refs);
  }
  if (code == CLI_DONE) {
    code = note_refs(w, name, &refs);
  }
  return code == CLI_DONE ? cli_workcopy_flush(w) : code;
}

static int fetch_work(void *ctx, cli_workcopy *w, cli_remote *r) {
  return cli_fetch_from(w, r, ctx);
}

int cli_fetch(cli *c) {
  int code = cli_options(c, NULL, 0);
  if (code == CLI_DONE) {
    code = cli_want(c, 0, 1, "fetch [REMOTE]");
  }
  if (code != CLI_DONE) {
    return code;
  }
  char origin[] = CLI_REMOTE_DEFAULT;
  char *name = c->argc == 0 ? origin : c->argv[0];
  return cli_with_remote(c, name, fetch_work, name);
}
