// Zones from a branch of a repository, fetched from a store's server and followed as it changes.
//
// A poll asks for the branch's commit. When it is another than the one served, all zones are read
// as of that commit, and replace the former ones together; if one of them is bad, the former stay,
// so a push never takes a zone away by mistake.

#include "apps/lib/http_client/http_client.h"
#include "apps/lib/tls_stream/tls_stream.h"
#include "apps/nameserver/nameserver.h"
#include "base/fmt.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "http/url/url.h"
#include "tls/x509/x509.h"

#define ANCHORS_MAX 200
#define SMALL_FILE_MAX ((size_t)1 << 20)
#define ANSWER_LEN_MAX ((size_t)64 << 20)
#define ARENA_LEN_MAX ((size_t)256 << 20)
#define TARGET_LEN_MAX 8192
#define COMMIT_LEN 64
#define CONNECT_NS (20 * SO_NS_PER_S)
#define PAGE "1000"

typedef struct store_source {
  so_nameserver *ns;
  so_url url;
  so_arena settings;  // Token, anchors.
  so_arena poll;      // Of one poll.
  so_bytes authorization;
  so_bytes *anchors;
  size_t anchor_count;
  uint8_t pin[32];
  bool has_pin;
  so_http_client *http;
  char commit[COMMIT_LEN];  // The one served.
  char refused[COMMIT_LEN];  // One that cannot be served, so that it is told once.
  so_bytes loading;  // The commit that is being loaded.
  so_ns_zone *fresh[SO_NS_ZONES_MAX];
  size_t fresh_count;
} store_source;

// --- settings ---------------------------------------------------------------------------------

static bool complain(const store_source *s, const char *what, so_bytes about) {
  so_ns_say(s->ns->world, "nameserver: %s: %.*s", what, SO_FMT(about));
  return false;
}

static so_bytes trimmed(so_bytes text) {
  while (text.len != 0 && text.ptr[text.len - 1] <= ' ') {
    text.len--;
  }
  return text;
}

static bool read_small(store_source *s, so_bytes file, so_buf *out) {
  so_buf_init(out, s->ns->world->heap, SMALL_FILE_MAX);
  return so_ok(so_ns_read_file(s->ns->world, file, out)) || complain(s, "cannot read", file);
}

static bool read_token(store_source *s) {
  const so_bytes file = s->ns->options->token_file;
  so_buf text;
  if (file.len == 0) {
    return true;  // The server may let anyone read.
  }
  bool good = read_small(s, file, &text);
  if (good) {
    so_buf value;
    so_buf_init(&value, s->ns->world->heap, SMALL_FILE_MAX);
    so_buf_printf(&value, "Bearer %.*s", SO_FMT(trimmed(so_buf_bytes(&text))));
    good = so_ok(so_arena_copy(&s->settings, so_buf_bytes(&value), &s->authorization));
    so_buf_release(&value);
  }
  so_buf_release(&text);
  return good;
}

static bool read_anchors(store_source *s) {
  const so_bytes file = s->ns->options->ca_file;
  so_buf text;
  bool good = read_small(s, file, &text);
  if (good) {
    uint8_t *const room = so_arena_alloc(&s->settings, text.len);
    s->anchors = so_arena_alloc(&s->settings, ANCHORS_MAX * sizeof *s->anchors);
    so_writer memory = so_writer_of(room, room == NULL ? 0 : text.len);
    good = s->anchors != NULL &&
           so_ok(so_x509_chain_read_pem(so_buf_bytes(&text), &memory, s->anchors, ANCHORS_MAX,
                                        &s->anchor_count));
    good = good || complain(s, "no certificate in", file);
  }
  so_buf_release(&text);
  return good;
}

static bool read_settings(store_source *s) {
  const so_ns_options *const o = s->ns->options;
  if (!so_ok(so_url_parse(o->from, &s->url)) || !s->url.is_https) {
    return complain(s, "--from wants https://HOST:PORT, not", o->from);
  }
  if (o->pin.len != 0) {
    s->has_pin = so_ok(so_hex_read(o->pin, s->pin, sizeof s->pin));
    if (!s->has_pin) {
      return complain(s, "--pin wants 64 hexadecimal digits, not", o->pin);
    }
  } else if (o->ca_file.len == 0) {
    return complain(s, "whom to trust? --cacert or --pin is missing beside --from", o->from);
  }
  return read_token(s) && (o->ca_file.len == 0 || read_anchors(s));
}

// --- requests ---------------------------------------------------------------------------------

static void disconnect(store_source *s) {
  if (s->http != NULL) {
    so_http_client_close(s->http);
    s->http = NULL;
  }
}

static so_status connect_store(store_source *s) {
  const so_world *const world = s->ns->world;
  const so_net *const net = &world->net;
  const uint64_t deadline_ns = so_clock_now(&world->clock) + CONNECT_NS;
  so_endpoint at;
  so_stream tcp;
  so_stream tls;
  SO_TRY(net->resolve(net->ctx, s->url.host, deadline_ns, &at));
  at.port = s->url.port;
  SO_TRY(net->connect(net->ctx, &at, deadline_ns, &tcp));
  so_tls_client_options options = {.host = s->url.host,
                                   .anchors = s->anchors,
                                   .anchor_count = s->anchor_count,
                                   .pin = s->has_pin ? s->pin : NULL,
                                   .alpn_count = 1};
  options.alpn[0] = so_str("http/1.1");
  so_tls_failure why = {.text = ""};
  const so_status status = so_tls_stream_client(world, &options, tcp, deadline_ns, &tls, &why);
  if (!so_ok(status)) {
    so_ns_say(world, "nameserver: TLS with the store failed: %s", why.text);
    return status;
  }
  return so_http_client_open(world, tls, s->url.authority, &s->http);
}

// get fetches `target` below the repository; anything but 200 is NOT_FOUND with the status as
// detail.
static so_status get(store_source *s, so_bytes target, so_buf *out) {
  const so_http_field field = {so_str("Authorization"), s->authorization};
  uint16_t code = 0;
  if (s->http != NULL && !so_http_client_reusable(s->http)) {
    disconnect(s);
  }
  if (s->http == NULL) {
    SO_TRY(connect_store(s));
  }
  so_status status = so_http_client_send(s->http, so_str("GET"), target, &field,
                                         s->authorization.len != 0 ? 1 : 0, true, 0);
  if (so_ok(status)) {
    status = so_http_client_receive(s->http, &code);
  }
  if (so_ok(status)) {
    status = so_http_client_read_all(s->http, out);
  }
  if (!so_ok(status)) {
    disconnect(s);
    return status;
  }
  return code == 200 ? so_done() : so_status_make(SO_NOT_FOUND, code);
}

static void begin_target(store_source *s, so_buf *target, const char *kind) {
  so_buf_init(target, s->ns->world->heap, TARGET_LEN_MAX);
  so_buf_append_str(target, "/v1/repos/");
  so_url_encode_buf(target, s->ns->options->repo, false);
  so_buf_append_str(target, kind);
}

static so_status get_json(store_source *s, so_buf *target, const so_json **out) {
  so_buf body;
  so_buf_init(&body, s->ns->world->heap, ANSWER_LEN_MAX);
  so_status status = target->failed ? so_status_make(SO_LIMIT, 0)
                                    : get(s, so_buf_bytes(target), &body);
  so_bytes kept;
  if (so_ok(status)) {
    status = so_arena_copy(&s->poll, so_buf_bytes(&body), &kept);
  }
  if (so_ok(status)) {
    status = so_json_parse(kept, &s->poll, out, NULL);
  }
  so_buf_release(&body);
  so_buf_release(target);
  return status;
}

// --- one poll ---------------------------------------------------------------------------------

static so_status find_commit(store_source *s, so_bytes *out) {
  so_buf target;
  const so_json *ref;
  begin_target(s, &target, "/refs/heads/");
  so_url_encode_buf(&target, s->ns->options->branch, false);
  SO_TRY(get_json(s, &target, &ref));
  if (!so_json_string(so_json_member(ref, "target"), out) || out->len != COMMIT_LEN) {
    return so_status_make(SO_MALFORMED, 0);
  }
  return so_done();
}

// fetch reads one file as of the commit that is being loaded.
static so_status fetch(store_source *s, so_bytes path, so_buf *out) {
  so_buf target;
  begin_target(s, &target, "/tree/");
  so_buf_append(&target, s->loading);
  so_buf_append_u8(&target, '/');
  so_url_encode_buf(&target, path, true);
  const so_status status =
      target.failed ? so_status_make(SO_LIMIT, 0) : get(s, so_buf_bytes(&target), out);
  so_buf_release(&target);
  return status;
}

static so_status read_included(void *ctx, so_bytes path, so_buf *out) {
  return fetch(ctx, path, out);
}

// load_zone fetches one file and loads it. Its name, without ".zone", is the origin.
static so_status load_zone(store_source *s, so_bytes path) {
  so_buf text;
  so_dns_name origin;
  so_bytes name = so_bytes_from(path, s->ns->options->path.len);
  if (so_bytes_has_suffix(name, so_str(".inc"))) {
    return so_done();  // For $INCLUDE.
  }
  if (so_bytes_has_suffix(name, so_str(".zone"))) {
    name = so_bytes_first(name, name.len - 5);
  }
  const so_bytes none = {NULL, 0};
  if (s->fresh_count == SO_NS_ZONES_MAX || !so_ok(so_dns_name_from_text(name, none, &origin))) {
    (void)complain(s, "not the name of a zone", path);
    return so_status_make(SO_MALFORMED, 0);
  }
  so_buf_init(&text, s->ns->world->heap, ANSWER_LEN_MAX);
  so_status status = fetch(s, path, &text);
  if (so_ok(status)) {
    so_ns_zone *const z = so_ns_load_text(s->ns, path, so_dns_name_view(&origin),
                                          so_buf_bytes(&text), read_included, s);
    s->fresh[s->fresh_count] = z;
    s->fresh_count += z != NULL;
    status = z != NULL ? so_done() : so_status_make(SO_MALFORMED, 0);
  }
  so_buf_release(&text);
  return status;
}

static so_status load_entries(store_source *s, const so_json *entries) {
  for (const so_json *e = entries == NULL ? NULL : entries->first; e != NULL; e = e->next) {
    so_bytes path;
    so_bytes type;
    if (!so_json_string(so_json_member(e, "path"), &path) ||
        !so_json_string(so_json_member(e, "type"), &type)) {
      return so_status_make(SO_MALFORMED, 0);
    }
    if (so_bytes_equal(type, so_str("file"))) {
      SO_TRY(load_zone(s, path));
    }
  }
  return so_done();
}

// load_all reads every zone of a commit, page by page.
static so_status load_all(store_source *s, so_bytes commit) {
  s->loading = commit;
  so_bytes after = {NULL, 0};
  do {
    so_buf target;
    const so_json *page;
    begin_target(s, &target, "/list/");
    so_buf_append(&target, commit);
    so_buf_append_str(&target, "?delimiter=%2F&limit=" PAGE "&prefix=");
    so_url_encode_buf(&target, s->ns->options->path, false);
    if (after.len != 0) {
      so_buf_append_str(&target, "&after=");
      so_url_encode_buf(&target, after, false);
    }
    SO_TRY(get_json(s, &target, &page));
    SO_TRY(load_entries(s, so_json_member(page, "entries")));
    after = so_bytes_of(NULL, 0);
    (void)!so_json_string(so_json_member(page, "next"), &after);
  } while (after.len != 0);
  return so_done();
}

static void drop_fresh(store_source *s) {
  for (size_t i = 0; i < s->fresh_count; i++) {
    so_ns_zone_drop(s->ns->world, s->fresh[i]);
  }
  s->fresh_count = 0;
}

static so_status take(store_source *s, so_bytes commit) {
  s->fresh_count = 0;
  const so_status status = load_all(s, commit);
  if (!so_ok(status)) {
    drop_fresh(s);
    return status;
  }
  const size_t count = s->fresh_count;
  s->fresh_count = 0;
  if (!so_ns_replace(s->ns, s->fresh, count)) {
    so_ns_say(s->ns->world, "nameserver: a zone of the store is there twice, or is one of --zone");
    return so_status_make(SO_MALFORMED, 0);
  }
  memcpy(s->commit, commit.ptr, COMMIT_LEN);
  so_ns_say(s->ns->world, "serving %.*s at %.*s: %u zones", SO_FMT(s->ns->options->branch),
            SO_FMT(commit), (unsigned)count);
  return so_done();
}

static so_status poll_once(store_source *s) {
  so_bytes commit;
  so_status status = find_commit(s, &commit);
  if (so_ok(status) && memcmp(commit.ptr, s->commit, COMMIT_LEN) != 0 &&
      memcmp(commit.ptr, s->refused, COMMIT_LEN) != 0) {
    status = take(s, commit);
    if (so_is(status, SO_MALFORMED)) {
      memcpy(s->refused, commit.ptr, COMMIT_LEN);
      so_ns_say(s->ns->world, "nameserver: %.*s is not served; the zones before it stay",
                SO_FMT(commit));
    }
  }
  so_arena_release(&s->poll);
  return status;
}

// --- following --------------------------------------------------------------------------------

static void release(store_source *s) {
  disconnect(s);
  so_arena_release(&s->settings);
  so_arena_release(&s->poll);
  so_heap_free(s->ns->world->heap, s, sizeof *s);
}

static void follow(void *arg) {
  store_source *const s = arg;
  so_nameserver *const ns = s->ns;
  const so_world *const world = ns->world;
  bool reachable = true;
  (void)so_fiber_wake_on_stop(world->sched, true);
  while (!so_sched_stopping(world->sched)) {
    so_fiber_sleep_until(world->sched,
                         so_clock_now(&world->clock) + ns->options->poll_s * SO_NS_PER_S);
    if (so_sched_stopping(world->sched)) {
      break;
    }
    const so_status status = poll_once(s);
    const bool good = so_ok(status) || so_is(status, SO_MALFORMED);
    if (good != reachable && !so_sched_stopping(world->sched)) {
      so_ns_say(world, good ? "the store answers again"
                            : "nameserver: the store does not answer; the zones stay");
    }
    reachable = good;
  }
  release(s);
  so_ns_fiber_end(ns);
}

static bool start(so_nameserver *ns) {
  store_source *const s = so_heap_alloc_array(ns->world->heap, 1, sizeof *s);
  if (s == NULL) {
    return false;
  }
  s->ns = ns;
  so_arena_init(&s->settings, ns->world->heap, ARENA_LEN_MAX);
  so_arena_init(&s->poll, ns->world->heap, ARENA_LEN_MAX);
  if (read_settings(s)) {
    const so_status status = poll_once(s);
    if (so_ok(status) && so_ok(so_ns_spawn(ns, "store", follow, s))) {
      return true;
    }
    so_ns_say(ns->world, "nameserver: no zones from %.*s (%s %u)", SO_FMT(ns->options->from),
              so_code_name((so_code)status.code), status.detail);
  }
  release(s);
  return false;
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  static const so_ns_source source = {start};
  return so_nameserver_main(world, argc, argv, &source);
}
