// stored: a branchable, content-addressed store behind HTTPS. This is the whole program over the
// ports of kernel/ports/world.h; a target is a platform that makes such a world.

#include "apps/stored/data.h"
#include "apps/stored/identity.h"
#include "apps/stored/options.h"
#include "apps/stored/serve.h"
#include "apps/stored/server.h"
#include "base/fmt.h"
#include "base/hex.h"

#define SO_STORED_VERSION "0.1.0"

// Exit codes, as docs/stored.md has them.
enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_REFUSED = 3, EXIT_DAMAGED = 4, EXIT_NETWORK = 5 };

#define TEXT_LEN_MAX 16384

static void say(const so_world *world, so_buf *text) {
  so_buf_append_u8(text, '\n');
  so_console_write(&world->console, so_buf_bytes(text));
  so_buf_clear(text);
}

static int fail(const so_world *world, so_buf *text, int code) {
  say(world, text);
  return code;
}

// --- start ----------------------------------------------------------------------------------

static void say_identity(const so_world *world, const so_identity *identity, so_buf *text) {
  uint8_t hex[2 * SO_X509_FINGERPRINT_LEN];
  so_writer w = so_writer_of(hex, sizeof hex);
  so_hex_write(&w, so_bytes_of(identity->fingerprint, sizeof identity->fingerprint));
  so_buf_printf(text, "certificate SHA-256 %.*s", SO_FMT(so_writer_bytes(&w)));
  say(world, text);
}

static so_status start_identity(so_server *s, const so_options *options, so_identity *identity,
                                so_buf *text) {
  bool made;
  SO_TRY(so_identity_load(s, options, identity, &made));
  if (made || options->init) {
    so_buf_clear(text);
    so_identity_write_pem(identity, text);
    SO_TRY(so_data_write_beside(s->world, options->data, ".crt", so_buf_bytes(text)));
    so_buf_clear(text);
  }
  say_identity(s->world, identity, text);
  for (size_t i = 0; i < options->listens.count; i++) {
    const so_bytes host = options->listens.at[i].host;
    if (!so_identity_covers(identity, host)) {
      so_buf_printf(text,
                    "note: the certificate does not name %.*s, so clients will refuse it unless "
                    "they pin its fingerprint; --new-certificate makes one that does",
                    SO_FMT(host));
      say(s->world, text);
    }
  }
  return so_done();
}

static int listen_and_serve(so_server *s, const so_options *options, const so_identity *identity,
                            so_buf *text, bool *out_ended) {
  so_service_listeners listeners;
  so_buf_append_str(text, "stored: ");
  if (!so_ok(so_service_listen(s->world, &options->listens, &listeners, text))) {
    return fail(s->world, text, EXIT_NETWORK);
  }
  so_buf_clear(text);
  so_service_write_urls(&listeners, "listening", "https", text);
  say(s->world, text);
  const so_serve_config config = {identity, options->quiet};
  *out_ended = so_serve(s, &config, &listeners);
  so_service_close(&listeners);
  return EXIT_DONE;
}

// prepare_and_serve sets `*out_ended` to false when connections still use the server.
static int prepare_and_serve(so_server *s, const so_options *options, so_identity *identity,
                             so_buf *text, bool *out_ended) {
  so_status status = start_identity(s, options, identity, text);
  if (so_ok(status)) {
    status = so_data_first_token(s, options);
  }
  if (so_ok(status)) {
    return listen_and_serve(s, options, identity, text, out_ended);
  }
  so_buf_printf(text, "stored: cannot prepare %.*s: %s", SO_FMT(options->data),
                so_code_name((so_code)status.code));
  return fail(s->world, text, EXIT_REFUSED);
}

static void close_data(const so_world *world, so_db *db, so_buf *text) {
  const so_status status = so_db_close(db);
  if (!so_ok(status)) {
    so_buf_printf(text,
                  "stored: the last checkpoint failed (%s); nothing acknowledged is lost, the next "
                  "start replays it",
                  so_code_name((so_code)status.code));
    say(world, text);
  }
}

// Everything of a running server that outlives a function.
typedef struct program {
  so_server server;
  so_identity identity;
} program;

static int run(const so_world *world, const so_options *options, const so_block *device,
               so_buf *text) {
  so_db *db;
  bool ended = true;
  int code = EXIT_REFUSED;
  const so_status status = so_data_open(world, options, device, &db, text);
  if (!so_ok(status)) {
    return fail(world, text, so_is(status, SO_CORRUPT) ? EXIT_DAMAGED : EXIT_REFUSED);
  }
  program *p = so_heap_alloc_array(world->heap, 1, sizeof *p);
  if (p != NULL) {
    so_server_init(&p->server, world, db, options->public_read);
    code = prepare_and_serve(&p->server, options, &p->identity, text, &ended);
  }
  if (!ended) {
    return code;  // As after a power cut: all that was acknowledged is there.
  }
  if (p != NULL) {
    so_private_key_wipe(&p->identity.tls.key);
    so_heap_free(world->heap, p, sizeof *p);
  }
  close_data(world, db, text);
  return code;
}

static int start(const so_world *world, const so_options *options, so_buf *text) {
  so_block device;
  const so_status status = world->open_block(world->ctx, options->data, options->init, &device);
  if (!so_ok(status)) {
    const char *why = so_is(status, SO_NOT_FOUND)  ? "it is not there; --init makes it"
                      : so_is(status, SO_CONFLICT) ? "another process has it open"
                      : so_is(status, SO_DENIED)   ? "not permitted"
                                                   : "it cannot be opened";
    so_buf_printf(text, "stored: %.*s: %s", SO_FMT(options->data), why);
    return fail(world, text, EXIT_REFUSED);
  }
  const int code = run(world, options, &device, text);
  so_block_close(&device);
  return code;
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  so_options options;
  so_buf text;
  so_buf_init(&text, world->heap, TEXT_LEN_MAX);
  so_buf_append_str(&text, "stored: ");
  int code = EXIT_DONE;
  if (!so_ok(so_options_read(argc, argv, &options, &text))) {
    code = fail(world, &text, EXIT_USAGE);
  } else if (options.help) {
    so_console_write(&world->console, so_options_help());
  } else if (options.version) {
    so_console_write(&world->console, so_str("stored " SO_STORED_VERSION "\n"));
  } else {
    so_buf_clear(&text);
    code = start(world, &options, &text);
  }
  so_buf_release(&text);
  return code;
}
