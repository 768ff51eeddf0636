#include "apps/website/handle.h"

#include "apps/lib/access_log/access_log.h"
#include "apps/website/path.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "http/conditional/conditional.h"

#define PIECE_LEN 65536
#define MEMORY_STEP_NS (20 * SO_NS_PER_MS)
#define MEMORY_WAIT_NS (10 * SO_NS_PER_S)
#define LOCATION_LEN_MAX 4096
#define PATH_LEN_MAX 2048
// Buffers of rare branches stay off the frames of the common one.
#define RARE __attribute__((noinline))
#define FIELDS_MAX 8
#define RULES_LEN_MAX (512u << 10)
#define NO_BYTES so_bytes_of(NULL, 0)

// --- short answers -------------------------------------------------------------------------------

static so_status reply_text(so_http_exchange *x, uint16_t status, const char *text) {
  const so_http_field fields[] = {
      {so_str("Content-Type"), so_str("text/plain; charset=utf-8")},
      {so_str("Cache-Control"), so_str("no-store")},
  };
  return so_http_reply(x, status, fields, 2, so_str(text));
}

so_status so_website_refuse(void *ctx, so_http_exchange *x, uint16_t status, const char *why) {
  (void)ctx;
  return reply_text(x, status, why);
}

static so_status reply_location(so_http_exchange *x, uint16_t status, so_bytes location) {
  const so_http_field fields[] = {{so_str("Location"), location}};
  return so_http_reply(x, status, fields, 1, NO_BYTES);
}

static so_status reply_allow(so_http_exchange *x, uint16_t status) {
  const so_http_field fields[] = {{so_str("Allow"), so_str("GET, HEAD, OPTIONS")}};
  return so_http_reply(x, status, fields, 1, NO_BYTES);
}

static void write_query(so_writer *w, so_bytes query) {
  if (query.len != 0) {
    so_write_u8(w, '?');
    so_write_bytes(w, query);
  }
}

// --- pages ---------------------------------------------------------------------------------------

// Does Accept-Encoding take gzip? "gzip", "x-gzip" or "*" without a q of 0 (RFC 9110 12.5.3).
static bool takes_gzip(so_bytes value) {
  bool any = false;
  while (value.len != 0) {
    so_bytes item = so_bytes_first(value, so_bytes_find(value, ','));
    value = so_bytes_from(value, item.len + 1);
    while (item.len != 0 && (item.ptr[0] == ' ' || item.ptr[0] == '\t')) {
      item = so_bytes_from(item, 1);
    }
    size_t end = 0;
    while (end < item.len && item.ptr[end] != ';' && item.ptr[end] != ' ') {
      end++;
    }
    const so_bytes name = so_bytes_first(item, end);
    bool refused = false;
    for (size_t i = end; i + 2 < item.len; i++) {
      if ((item.ptr[i] == 'q' || item.ptr[i] == 'Q') && item.ptr[i + 1] == '=') {
        refused = true;
        for (size_t j = i + 2; j < item.len; j++) {
          refused = refused && (item.ptr[j] == '0' || item.ptr[j] == '.' || item.ptr[j] == ' ');
        }
      }
    }
    if (so_bytes_equal_nocase(name, so_str("gzip")) ||
        so_bytes_equal_nocase(name, so_str("x-gzip"))) {
      return !refused;
    }
    any = any || (so_bytes_equal(name, so_str("*")) && !refused);
  }
  return any;
}

typedef struct answer {
  so_page *page;
  so_page_coding coding;
  const so_page_form *form;
  uint16_t status;
  so_range range;
  uint8_t range_text[64];
  so_http_field fields[FIELDS_MAX];
  size_t field_count;
} answer;

static void add_field(answer *a, const char *name, so_bytes value) {
  a->fields[a->field_count++] = (so_http_field){so_str(name), value};
}

static void fill_fields(so_website *w, answer *a) {
  const bool is_html = so_bytes_has_prefix(so_str(a->page->type->type), so_str("text/html"));
  add_field(a, "Content-Type", so_str(a->page->type->type));
  add_field(a, "ETag", so_bytes_of(a->form->etag, a->form->etag_len));
  add_field(a, "Cache-Control", is_html || a->status >= 400
                                    ? so_str("no-cache")
                                    : so_bytes_of(w->cache_control, w->cache_control_len));
  if (a->page->type->is_text) {
    add_field(a, "Vary", so_str("Accept-Encoding"));
  }
  if (a->coding == SO_PAGE_GZIP) {
    add_field(a, "Content-Encoding", so_str("gzip"));
  } else if (a->status < 400) {
    add_field(a, "Accept-Ranges", so_str("bytes"));
  }
  add_field(a, "X-Content-Type-Options", so_str("nosniff"));
}

static so_bytes bare_tag(const answer *a) {
  return so_bytes_of(a->form->etag + 1, a->form->etag_len - 2u);
}

// check_conditions sets a status of 304, 412 or 400, or leaves it.
static void check_conditions(so_http_exchange *x, answer *a) {
  so_bytes text;
  so_status status = so_done();
  if (so_http_header(x, "if-match", &text)) {
    status = so_if_match(text, true, bare_tag(a));
    a->status = so_is(status, SO_CONFLICT) ? 412 : a->status;
  }
  if (so_ok(status) && so_http_header(x, "if-none-match", &text)) {
    status = so_if_none_match(text, true, bare_tag(a));
    a->status = so_is(status, SO_CONFLICT) ? 304 : a->status;
  }
  a->status = so_is(status, SO_MALFORMED) ? 400 : a->status;
}

// check_range decides between 200, 206 and 416. Ranges are of the plain form only.
static void check_range(so_http_exchange *x, answer *a) {
  so_bytes text, if_range;
  if (a->coding != SO_PAGE_PLAIN || !so_http_header(x, "range", &text) ||
      !so_bytes_equal(so_http_method(x), so_str("GET")) ||
      (so_http_header(x, "if-range", &if_range) && !so_if_range(if_range, bare_tag(a)))) {
    return;
  }
  const so_status status = so_range_parse(text, a->form->size, &a->range);
  so_writer w = so_writer_of(a->range_text, sizeof a->range_text);
  if (so_ok(status)) {
    a->status = 206;
    so_range_write(&w, &a->range, a->form->size);
  } else if (so_is(status, SO_LIMIT)) {
    a->status = 416;
    so_range_write(&w, NULL, a->form->size);
  } else {
    return;
  }
  add_field(a, "Content-Range", so_writer_bytes(&w));
}

// Where memory is short, others that are served now will give some back: that is waited for, a while.
static bool wait_for_memory(so_website *w, uint64_t until_ns) {
  const uint64_t now_ns = so_clock_now(&w->world->clock);
  if (now_ns >= until_ns || so_sched_stopping(w->world->sched)) {
    return false;
  }
  so_fiber_sleep_until(w->world->sched, now_ns + MEMORY_STEP_NS);
  return true;
}

static so_status read_piece(so_website *w, void *file, uint64_t at, uint8_t *piece, size_t most,
                            size_t *out_len) {
  const so_site *site = &w->pages.site;
  const uint64_t until_ns = so_clock_now(&w->world->clock) + MEMORY_WAIT_NS;
  so_status status;
  do {
    status = site->ops->read(site->ctx, file, at, piece, most, out_len);
  } while (so_is(status, SO_LIMIT) && wait_for_memory(w, until_ns));
  return status;
}

static so_status send_pieces(so_website *w, so_http_exchange *x, const answer *a, void *file) {
  uint64_t at = a->range.first;
  uint64_t left = a->range.len;
  const uint64_t until_ns = so_clock_now(&w->world->clock) + MEMORY_WAIT_NS;
  uint8_t *piece;
  do {
    piece = so_heap_alloc(w->world->heap, PIECE_LEN);
  } while (piece == NULL && wait_for_memory(w, until_ns));
  so_status status = piece != NULL ? so_done() : so_status_make(SO_LIMIT, 0);
  while (so_ok(status) && left != 0) {
    size_t len;
    const size_t most = left < PIECE_LEN ? (size_t)left : PIECE_LEN;
    status = read_piece(w, file, at, piece, most, &len);
    if (so_ok(status) && len == 0) {
      status = so_status_make(SO_IO, 0);  // It became shorter: the client sees that it is cut.
    }
    if (so_ok(status)) {
      status = so_http_reply_write(x, so_bytes_of(piece, len));
      at += len;
      left -= len;
    }
  }
  so_heap_free(w->world->heap, piece, PIECE_LEN);
  return status;
}

// send_file sends what is too large to be kept.
RARE static so_status send_file(so_website *w, so_http_exchange *x, const answer *a) {
  uint8_t name[PATH_LEN_MAX + 4];
  so_writer path = so_writer_of(name, sizeof name);
  const so_site *site = &w->pages.site;
  so_site_info info;
  void *file;
  so_write_bytes(&path, a->page->path);
  if (a->coding == SO_PAGE_GZIP) {
    so_write_str(&path, ".gz");
  }
  so_status status = site->ops->open(site->ctx, so_writer_bytes(&path), &info, &file);
  const bool same =
      so_ok(status) && memcmp(info.version, a->form->version, sizeof info.version) == 0;
  if (!same) {
    if (so_ok(status) && file != NULL) {
      site->ops->close_file(site->ctx, file);
    }
    so_pages_forget(&w->pages, a->page);
    return reply_text(x, 503, "This file is being changed; try again.\n");
  }
  status = so_http_reply_begin(x, a->status, a->fields, a->field_count, true, a->range.len);
  if (so_ok(status) && so_bytes_equal(so_http_method(x), so_str("GET"))) {
    status = send_pieces(w, x, a, file);
  }
  site->ops->close_file(site->ctx, file);
  return so_ok(status) ? so_http_reply_end(x) : status;
}

static so_status send_page(so_website *w, so_http_exchange *x, so_page *page, uint16_t status) {
  so_bytes text;
  answer a;
  a.page = page;
  a.status = status;
  a.field_count = 0;
  const bool gzip = page->forms[SO_PAGE_GZIP].exists &&
                    !so_http_header(x, "range", &text) &&
                    so_http_header(x, "accept-encoding", &text) && takes_gzip(text);
  a.coding = gzip ? SO_PAGE_GZIP : SO_PAGE_PLAIN;
  a.form = &page->forms[a.coding];
  a.range = (so_range){0, a.form->size};
  fill_fields(w, &a);
  if (status == 200) {
    check_conditions(x, &a);
  }
  if (a.status == 200) {
    check_range(x, &a);
  }
  if (a.status == 304 || a.status == 412 || a.status == 416) {
    return so_http_reply(x, a.status, a.fields, a.field_count, NO_BYTES);
  }
  if (a.status == 400) {
    return reply_text(x, 400, "A condition is * or a list of quoted entity tags.\n");
  }
  if (a.form->body == NULL) {
    return send_file(w, x, &a);
  }
  const so_bytes body = so_bytes_of(a.form->body + a.range.first, (size_t)a.range.len);
  return so_http_reply(x, a.status, a.fields, a.field_count, body);
}

static so_status not_found(so_website *w, so_http_exchange *x) {
  so_page *page;
  if (so_ok(so_pages_get(&w->pages, so_str("404.html"), &page))) {
    const so_status status = send_page(w, x, page, 404);
    so_pages_put(&w->pages, page);
    return status;
  }
  return reply_text(x, 404, "There is nothing here.\n");
}

// --- redirects -----------------------------------------------------------------------------------

static void complain(void *ctx, size_t line, const char *why) {
  const so_website *const w = ctx;
  uint8_t text[160];
  so_writer out = so_writer_of(text, sizeof text);
  so_write_printf(&out, "_redirects:%llu: %s; the line is ignored\n", (unsigned long long)line,
                  why);
  so_console_write(&w->world->console, so_writer_bytes(&out));
}

static void forget_rules(so_website *w) {
  so_arena_release(&w->rules_arena);
  if (w->rules_page != NULL) {
    so_pages_put(&w->pages, w->rules_page);
  }
  w->rules_page = NULL;
  w->rules = (so_redirects){NULL, 0};
}

// refresh_rules looks at _redirects again when it was not for a second.
static void refresh_rules(so_website *w) {
  const uint64_t now = so_clock_now(&w->world->clock);
  so_page *page;
  if (w->has_rules && now - w->rules_checked_ns < SO_PAGE_FRESH_NS) {
    return;
  }
  w->has_rules = true;
  w->rules_checked_ns = now;
  if (!so_ok(so_pages_get(&w->pages, so_str("_redirects"), &page))) {
    forget_rules(w);
    return;
  }
  if (page == w->rules_page) {
    so_pages_put(&w->pages, page);
    return;
  }
  forget_rules(w);
  const so_page_form *form = &page->forms[SO_PAGE_PLAIN];
  w->rules_page = page;
  if (form->body == NULL || form->size > SO_REDIRECTS_LEN_MAX ||
      !so_ok(so_redirects_read(so_bytes_of(form->body, (size_t)form->size), &w->rules_arena,
                               complain, w, &w->rules))) {
    complain(w, 1, "the file is too large");
  }
}

RARE static bool redirect(so_website *w, so_http_exchange *x, so_status *out_sent) {
  uint8_t location[LOCATION_LEN_MAX];
  so_writer to = so_writer_of(location, sizeof location);
  uint16_t status;
  refresh_rules(w);
  if (w->rules.count == 0 || !so_redirects_find(&w->rules, so_http_path(x), &to, &status)) {
    return false;
  }
  const so_bytes made = so_writer_bytes(&to);
  if (so_bytes_find(made, '?') == made.len) {
    write_query(&to, so_http_query(x));
  }
  *out_sent = to.failed ? reply_text(x, 414, "The target is too long.\n")
                        : reply_location(x, status, so_writer_bytes(&to));
  return true;
}

// to_slash sends from a directory's name to the directory, so that relative links work.
RARE static so_status to_slash(so_http_exchange *x) {
  uint8_t location[LOCATION_LEN_MAX];
  so_writer to = so_writer_of(location, sizeof location);
  so_write_bytes(&to, so_http_path(x));
  so_write_u8(&to, '/');
  write_query(&to, so_http_query(x));
  return to.failed ? reply_text(x, 414, "The path is too long.\n")
                   : reply_location(x, 301, so_writer_bytes(&to));
}

// --- requests ------------------------------------------------------------------------------------

static so_status answer_path(so_website *w, so_http_exchange *x) {
  uint8_t buf[PATH_LEN_MAX];
  so_writer room = so_writer_of(buf, sizeof buf);
  so_bytes path;
  so_page *page;
  so_status status = so_website_path(so_http_path(x), &room, &path);
  if (so_is(status, SO_MALFORMED)) {
    return reply_text(x, 400, "The path is not well-formed.\n");
  }
  if (so_is(status, SO_LIMIT)) {
    return reply_text(x, 414, "The path is too long.\n");
  }
  if (so_ok(status)) {
    status = so_pages_get(&w->pages, path, &page);
  }
  if (so_ok(status)) {
    status = send_page(w, x, page, 200);
    so_pages_put(&w->pages, page);
    return status;
  }
  if (so_is(status, SO_CONFLICT)) {
    return to_slash(x);
  }
  if (so_is(status, SO_NOT_FOUND) || so_is(status, SO_MALFORMED)) {
    return not_found(w, x);
  }
  return so_is(status, SO_LIMIT) ? reply_text(x, 503, "There is no memory; try again.\n")
                                 : reply_text(x, 500, "The file cannot be read.\n");
}

static so_status answer_request(so_website *w, so_http_exchange *x) {
  so_status sent;
  const so_bytes method = so_http_method(x);
  if (so_bytes_equal(method, so_str("OPTIONS"))) {
    return reply_allow(x, 204);
  }
  if (!so_bytes_equal(method, so_str("GET")) && !so_bytes_equal(method, so_str("HEAD"))) {
    return reply_allow(x, 405);
  }
  return redirect(w, x, &sent) ? sent : answer_path(w, x);
}

so_status so_website_handle(void *ctx, so_http_exchange *x) {
  so_website *const w = ctx;
  if (w->quiet) {
    return answer_request(w, x);
  }
  const uint64_t before = so_clock_now(&w->world->clock);
  const so_status status = answer_request(w, x);
  so_access_log(w->world, x, status, so_clock_now(&w->world->clock) - before, NO_BYTES);
  return status;
}

// is_host: what may stand in a URL; a Host field is the client's word.
static bool is_host(so_bytes host) {
  for (size_t i = 0; i < host.len; i++) {
    const uint8_t b = host.ptr[i];
    const bool alnum = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
    if (!alnum && b != '.' && b != '-' && b != '[' && b != ']' && b != ':') {
      return false;
    }
  }
  return host.len != 0;
}

static so_bytes without_port(so_bytes host) {
  for (size_t i = host.len; i > 0; i--) {
    const uint8_t b = host.ptr[i - 1];
    if (b == ':') {
      return so_bytes_first(host, i - 1);
    }
    if (b < '0' || b > '9') {
      break;
    }
  }
  return host;
}

so_status so_website_to_https(void *ctx, so_http_exchange *x) {
  so_website *const w = ctx;
  uint8_t location[LOCATION_LEN_MAX];
  so_writer to = so_writer_of(location, sizeof location);
  so_bytes host;
  if (!so_http_header(x, "host", &host) || !is_host(host)) {
    host = w->https.host;
  }
  so_write_str(&to, "https://");
  so_write_bytes(&to, without_port(host));
  if (w->https.port != 443) {
    so_write_printf(&to, ":%u", w->https.port);
  }
  so_write_bytes(&to, so_http_path(x));
  write_query(&to, so_http_query(x));
  const bool simple = so_bytes_equal(so_http_method(x), so_str("GET")) ||
                      so_bytes_equal(so_http_method(x), so_str("HEAD"));
  return to.failed ? reply_text(x, 414, "The path is too long.\n")
                   : reply_location(x, simple ? 301 : 308, so_writer_bytes(&to));
}

// --- life ----------------------------------------------------------------------------------------

void so_website_init(so_website *w, const so_world *world, const so_site *site, size_t cache_len,
                     uint64_t max_age_s, bool quiet) {
  memset(w, 0, sizeof *w);
  w->world = world;
  w->quiet = quiet;
  so_pages_init(&w->pages, world, site, cache_len);
  so_arena_init(&w->rules_arena, world->heap, RULES_LEN_MAX);
  so_writer c = so_writer_of(w->cache_control, sizeof w->cache_control);
  if (max_age_s == 0) {
    so_write_str(&c, "no-cache");
  } else {
    so_write_printf(&c, "public, max-age=%llu", (unsigned long long)max_age_s);
  }
  w->cache_control_len = c.len;
}

void so_website_release(so_website *w) {
  forget_rules(w);
  so_pages_release(&w->pages);
}
