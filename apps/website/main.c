// website: a static site over HTTPS. This is the whole program over the ports of
// kernel/ports/world.h; a target is a platform that makes such a world.

#include "apps/lib/identity/identity.h"
#include "apps/lib/service/service.h"
#include "apps/lib/service/tls.h"
#include "apps/website/handle.h"
#include "apps/website/options.h"
#include "apps/website/site.h"
#include "base/fmt.h"
#include "base/hex.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_REFUSED = 3, EXIT_NETWORK = 5 };

#define TEXT_LEN_MAX 16384

// Everything of a running site that outlives a function.
typedef struct program {
  const so_world *world;
  so_website_options options;
  so_website website;
  so_site site;
  so_identity identity;
  so_service_tls tls;
  so_service_config https;
  so_service_config http;
  so_service_listeners http_listeners;
  bool http_running;
  bool http_ended_well;
  so_event http_ended;
} program;

static void say(const so_world *world, so_buf *text) {
  so_buf_append_u8(text, '\n');
  so_console_write(&world->console, so_buf_bytes(text));
  so_buf_clear(text);
}

static int fail(const so_world *world, so_buf *text, int code) {
  say(world, text);
  return code;
}

// --- starting ------------------------------------------------------------------------------------

static const char *why_no_site(so_status status) {
  if (so_is(status, SO_UNSUPPORTED)) {
    return "this program was built without what serves it";
  }
  if (so_is(status, SO_CONFLICT)) {
    return "another process has it open";
  }
  if (so_is(status, SO_DENIED)) {
    return "not permitted";
  }
  if (so_is(status, SO_LIMIT)) {
    return status.detail != 0 ? "its database was made on a larger disk, or in a file, which is made to grow"
                              : "there is not enough memory";
  }
  return so_is(status, SO_NOT_FOUND) ? "there is none" : so_code_name((so_code)status.code);
}

static bool open_site(program *p, so_buf *text) {
  const so_website_options *o = &p->options;
  const bool folder = o->root.len != 0;
  const so_status status =
      folder ? so_site_open_folder(p->world, o->root, &p->site)
             : so_site_open_store(p->world, o->data, o->repo, o->ref, &p->site);
  if (!so_ok(status)) {
    so_buf_printf(text, "website: cannot serve %.*s: %s", SO_FMT(folder ? o->root : o->data),
                  why_no_site(status));
  }
  return so_ok(status);
}

static bool load_identity(program *p, so_buf *text) {
  so_identity_request request = {.common_name = so_str("website")};
  uint8_t hex[2 * SO_X509_FINGERPRINT_LEN];
  bool made;
  for (size_t i = 0; i < p->options.listens.count; i++) {
    request.names[request.name_count++] = p->options.listens.at[i].host;
  }
  for (size_t i = 0; i < p->options.name_count; i++) {
    request.names[request.name_count++] = p->options.names[i];
  }
  const so_status status = so_identity_load_pem(p->world, p->options.cert, p->options.key, &request,
                                                &p->identity, &made);
  if (!so_ok(status)) {
    so_buf_printf(text, "website: cannot use %.*s and %.*s: %s", SO_FMT(p->options.cert),
                  SO_FMT(p->options.key),
                  so_is(status, SO_CONFLICT)      ? "the key is not the certificate's"
                  : so_is(status, SO_UNSUPPORTED) ? "keys are P-256 or Ed25519, not encrypted"
                                                  : so_code_name((so_code)status.code));
    return false;
  }
  so_writer w = so_writer_of(hex, sizeof hex);
  so_hex_write(&w, so_bytes_of(p->identity.fingerprint, sizeof p->identity.fingerprint));
  so_buf_printf(text, "certificate SHA-256 %.*s%s", SO_FMT(so_writer_bytes(&w)),
                made ? " (made now)" : "");
  say(p->world, text);
  return true;
}

// --- serving -------------------------------------------------------------------------------------

static void run_http(void *arg) {
  program *const p = arg;
  p->http_ended_well = so_service_run(p->world, &p->http, &p->http_listeners);
  so_service_close(&p->http_listeners);
  p->http_running = false;
  so_event_signal(p->world->sched, &p->http_ended);
}

static bool start_http(program *p, so_buf *text) {
  const so_website_options *o = &p->options;
  p->http_ended_well = true;
  if (o->http_listens.count == 0) {
    return true;
  }
  so_buf_append_str(text, "website: ");
  if (!so_ok(so_service_listen(p->world, &o->http_listens, &p->http_listeners, text))) {
    return false;
  }
  so_buf_clear(text);
  so_service_write_urls(&p->http_listeners, "redirecting", "http", text);
  say(p->world, text);
  p->http.http.handle = so_website_to_https;
  p->http.http.refuse = so_website_refuse;
  p->http.http.ctx = &p->website;
  p->http_running = true;
  if (!so_ok(so_fiber_spawn(p->world->sched, "http", run_http, p))) {
    so_service_close(&p->http_listeners);
    p->http_running = false;
    so_buf_append_str(text, "website: no memory");
  }
  return p->http_running;
}

static bool serve(program *p, const so_service_listeners *listeners) {
  so_service_tls_init(p->world, &p->identity.tls, &p->tls);
  p->https.http.handle = so_website_handle;
  p->https.http.refuse = so_website_refuse;
  p->https.http.ctx = &p->website;
  p->https.wrap = so_service_tls_wrap;
  p->https.wrap_ctx = &p->tls;
  const bool ended = so_service_run(p->world, &p->https, listeners);
  while (p->http_running) {
    (void)so_event_wait(p->world->sched, &p->http_ended, SO_NEVER).code;
  }
  return ended && p->http_ended_well;
}

static int listen_and_serve(program *p, so_buf *text, bool *out_ended) {
  const so_website_options *o = &p->options;
  so_service_listeners listeners;
  so_buf_append_str(text, "website: ");
  if (!so_ok(so_service_listen(p->world, &o->listens, &listeners, text))) {
    return fail(p->world, text, EXIT_NETWORK);
  }
  so_buf_clear(text);
  p->website.https = listeners.places[0];
  if (!start_http(p, text)) {
    so_service_close(&listeners);
    return fail(p->world, text, EXIT_NETWORK);
  }
  so_service_write_urls(&listeners, "listening", "https", text);
  say(p->world, text);
  *out_ended = serve(p, &listeners);
  so_service_close(&listeners);
  return EXIT_DONE;
}

static int run(program *p, so_buf *text, bool *out_ended) {
  if (!open_site(p, text)) {
    return fail(p->world, text, EXIT_REFUSED);
  }
  so_website_init(&p->website, p->world, &p->site, (size_t)p->options.cache_mib << 20,
                  p->options.max_age_s, p->options.quiet);
  const int code = load_identity(p, text) ? listen_and_serve(p, text, out_ended)
                                          : fail(p->world, text, EXIT_REFUSED);
  if (*out_ended) {
    so_website_release(&p->website);
    p->site.ops->close(p->site.ctx);
    so_private_key_wipe(&p->identity.tls.key);
  }
  return code;
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  so_buf text;
  bool ended = true;
  int code = EXIT_REFUSED;
  so_buf_init(&text, world->heap, TEXT_LEN_MAX);
  so_buf_append_str(&text, "website: ");
  program *const p = so_heap_alloc_array(world->heap, 1, sizeof *p);
  if (p == NULL) {
    so_buf_append_str(&text, "no memory");
    return fail(world, &text, code);
  }
  p->world = world;
  if (!so_ok(so_website_options_read(argc, argv, &p->options, &text))) {
    code = fail(world, &text, EXIT_USAGE);
  } else if (p->options.help) {
    so_console_write(&world->console, so_website_options_help());
    code = EXIT_DONE;
  } else {
    so_buf_clear(&text);
    code = run(p, &text, &ended);
  }
  so_buf_release(&text);
  if (ended) {
    so_heap_free(world->heap, p, sizeof *p);
  }
  return code;
}
