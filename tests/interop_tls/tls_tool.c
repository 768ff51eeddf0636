// An echo server and a client that sends a file and keeps what comes back: our side of the
// interoperation tests, on tls_stream over host sockets.
//
//   tls_tool server PORT CERT.pem KEY.pem [CERT2.pem KEY2.pem] [--alpn NAME]... [--once]
//   tls_tool client PORT HOST (--ca FILE | --pin HEX | --no-trust) [--alpn NAME]... [--send FILE]
//            [--out FILE] [--session FILE] [--update-keys] [--wait]
//
// What was agreed is printed as one line of key=value pairs. Exit codes: 0 done, 1 usage or files,
// 3 the handshake failed, 4 the connection failed later.

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/lib/tls_stream/tls_stream.h"
#include "kernel/unix/unix.h"
#include "tls/key/key.h"
#include "tls/x509/x509.h"

#define FILE_MAX (64u << 20)
#define FILES_MAX 8
#define CHAIN_MAX 4
#define ANCHORS_MAX 16
#define DEADLINE_S 60

typedef struct args {
  int argc;
  const char *const *argv;
} args;

typedef struct identity_files {
  uint8_t memory[16384];
  so_bytes chain[CHAIN_MAX];
} identity_files;

typedef struct server {
  const so_world *world;
  so_tls_ticket_keys ticket_keys;
  so_tls_identity identities[2];
  so_tls_server_options options;
  identity_files files[2];
} server;

typedef struct session_task {
  server *server;
  so_stream below;
} session_task;

static uint64_t deadline_of(const so_world *world) {
  return so_clock_now(&world->clock) + DEADLINE_S * SO_NS_PER_S;
}

// What was read is needed until the program ends.
static so_bytes read_file(const char *path) {
  static uint8_t *kept[FILES_MAX];
  static size_t kept_count;
  FILE *f = fopen(path, "rb");
  size_t len = 0;
  if (f == NULL) {
    return so_bytes_of(NULL, 0);
  }
  uint8_t *const buf = kept_count < FILES_MAX ? malloc(FILE_MAX) : NULL;
  if (buf != NULL) {
    kept[kept_count++] = buf;
    len = fread(buf, 1, FILE_MAX, f);
  }
  fclose(f);
  return so_bytes_of(buf, len);
}

static const char *option(const args *a, const char *name) {
  for (int i = 3; i + 1 < a->argc; i++) {
    if (strcmp(a->argv[i], name) == 0) {
      return a->argv[i + 1];
    }
  }
  return NULL;
}

static bool flag(const args *a, const char *name) {
  for (int i = 3; i < a->argc; i++) {
    if (strcmp(a->argv[i], name) == 0) {
      return true;
    }
  }
  return false;
}

static size_t alpn_options(const args *a, so_bytes out[SO_TLS_ALPN_COUNT_MAX]) {
  size_t count = 0;
  for (int i = 3; i + 1 < a->argc && count < SO_TLS_ALPN_COUNT_MAX; i++) {
    if (strcmp(a->argv[i], "--alpn") == 0) {
      out[count++] = so_str(a->argv[i + 1]);
    }
  }
  return count;
}

static void describe(const char *what, const so_stream *stream) {
  so_tls_stream_info info;
  so_tls_stream_describe(stream, &info);
  printf("%s suite=%s group=%s alpn=%.*s name=%.*s resumed=%s\n", what, info.suite_name,
         info.group_name, (int)info.alpn.len, (const char *)info.alpn.ptr,
         (int)info.server_name.len, (const char *)info.server_name.ptr,
         info.resumed ? "yes" : "no");
  fflush(stdout);
}

// --- server -----------------------------------------------------------------------------------

static void echo(const so_world *world, const so_stream *stream) {
  uint8_t buf[4096];
  for (;;) {
    size_t n = 0;
    const so_status got = so_stream_read(stream, buf, sizeof buf, deadline_of(world), &n);
    if (!so_ok(got)) {
      printf("read-failed code=%s detail=%d\n", so_code_name((so_code)got.code), got.detail);
      fflush(stdout);
      return;
    }
    if (n == 0) {
      (void)so_stream_shutdown(stream, deadline_of(world));
      printf("closed\n");
      fflush(stdout);
      return;
    }
    if (!so_ok(so_stream_write(stream, so_bytes_of(buf, n), deadline_of(world)))) {
      return;
    }
  }
}

static void serve_one(void *arg) {
  session_task *task = arg;
  const so_world *world = task->server->world;
  so_tls_failure why;
  so_stream stream;
  const so_status status = so_tls_stream_server(world, &task->server->options, task->below,
                                                deadline_of(world), &stream, &why);
  if (!so_ok(status)) {
    printf("failed code=%s text=%s\n", so_code_name((so_code)status.code), why.text);
    fflush(stdout);
  } else {
    describe("connected", &stream);
    echo(world, &stream);
    so_stream_close(&stream);
  }
  free(task);
}

static bool load_identity(server *s, size_t i, const char *cert, const char *key) {
  const so_bytes cert_text = read_file(cert);
  const so_bytes key_text = read_file(key);
  so_writer memory = so_writer_of(s->files[i].memory, sizeof s->files[i].memory);
  s->identities[i].chain = s->files[i].chain;
  const bool ok = so_ok(so_x509_chain_read_pem(cert_text, &memory, s->files[i].chain, CHAIN_MAX,
                                               &s->identities[i].chain_count)) &&
                  so_ok(so_private_key_read_pem(key_text, &s->identities[i].key));
  free((void *)(uintptr_t)cert_text.ptr);
  free((void *)(uintptr_t)key_text.ptr);
  return ok;
}

static int run_server(const so_world *world, const args *a) {
  static server s;
  so_listener listener;
  so_endpoint at = {4, {127, 0, 0, 1}, (uint16_t)atoi(a->argv[2])};
  s.world = world;
  s.options.identities = s.identities;
  s.options.ticket_keys = &s.ticket_keys;
  s.options.alpn_count = alpn_options(a, s.options.alpn);
  so_tls_ticket_keys_fresh(&s.ticket_keys, world);
  for (int i = 3; i + 1 < a->argc && a->argv[i][0] != '-' && s.options.identity_count < 2; i += 2) {
    if (!load_identity(&s, s.options.identity_count++, a->argv[i], a->argv[i + 1])) {
      fprintf(stderr, "cannot use %s\n", a->argv[i]);
      return 1;
    }
  }
  if (!so_ok(world->net.listen(world->net.ctx, &at, &listener)) ||
      !so_ok(so_listener_local(&listener, &at))) {
    fprintf(stderr, "cannot listen\n");
    return 1;
  }
  printf("listening %d\n", at.port);
  fflush(stdout);
  for (;;) {
    session_task *task = malloc(sizeof *task);
    so_endpoint peer;
    if (task == NULL || !so_ok(so_listener_accept(&listener, SO_NEVER, &task->below, &peer))) {
      free(task);
      return 0;
    }
    task->server = &s;
    if (!so_ok(so_fiber_spawn(world->sched, "session", serve_one, task))) {
      so_stream_close(&task->below);
      free(task);
    }
  }
}

// --- client -----------------------------------------------------------------------------------

typedef struct sender {
  const so_world *world;
  const so_stream *stream;
  so_bytes bytes;
  bool close;
  bool update_keys;
  so_status status;
  bool done;
  so_event finished;
} sender;

static void send_all(void *arg) {
  sender *s = arg;
  const size_t half = s->bytes.len / 2;
  s->status = so_stream_write(s->stream, so_bytes_first(s->bytes, half), deadline_of(s->world));
  if (s->update_keys) {
    so_tls_stream_update_keys(s->stream, true);
  }
  if (so_ok(s->status)) {
    s->status = so_stream_write(s->stream, so_bytes_from(s->bytes, half), deadline_of(s->world));
  }
  if (so_ok(s->status) && s->close) {
    s->status = so_stream_shutdown(s->stream, deadline_of(s->world));
  }
  s->done = true;
  so_event_signal(s->world->sched, &s->finished);
}

static int transfer(const so_world *world, const args *a, const so_stream *stream) {
  static uint8_t buf[65536];
  const char *send_path = option(a, "--send");
  const char *out_path = option(a, "--out");
  FILE *out = out_path != NULL ? fopen(out_path, "wb") : stdout;
  sender s = {.world = world,
              .stream = stream,
              .bytes = send_path != NULL ? read_file(send_path) : so_bytes_of("", 0),
              .close = !flag(a, "--wait"),
              .update_keys = flag(a, "--update-keys")};
  so_status status = so_fiber_spawn(world->sched, "sender", send_all, &s);
  size_t n = 1;
  while (so_ok(status) && n != 0) {
    status = so_stream_read(stream, buf, sizeof buf, deadline_of(world), &n);
    fwrite(buf, 1, n, out);
  }
  while (!s.done) {
    (void)so_event_wait(world->sched, &s.finished, deadline_of(world));
  }
  fflush(out);
  if (!so_ok(status)) {
    printf("read-failed code=%s detail=%d\n", so_code_name((so_code)status.code), status.detail);
    return 4;
  }
  printf("closed sent=%s\n", so_code_name((so_code)s.status.code));
  return so_ok(s.status) ? 0 : 4;
}

static void save_session(const args *a, const so_stream *stream) {
  so_bytes session;
  const char *path = option(a, "--session");
  FILE *f = NULL;
  if (path != NULL && so_ok(so_tls_stream_session(stream, &session))) {
    f = fopen(path, "wb");
  }
  if (f != NULL) {
    fwrite(session.ptr, 1, session.len, f);
    fclose(f);
  }
}

static bool read_pin(const char *hex, uint8_t pin[32]) {
  for (size_t i = 0; i < 32; i++) {
    unsigned v = 0;
    if (sscanf(hex + 2 * i, "%2x", &v) != 1) {
      return false;
    }
    pin[i] = (uint8_t)v;
  }
  return true;
}

static int run_client(const so_world *world, const args *a) {
  static uint8_t memory[65536];
  static so_bytes anchors[ANCHORS_MAX];
  uint8_t pin[32];
  so_stream below;
  so_stream stream;
  so_tls_failure why;
  so_tls_client_options options = {.host = so_str(a->argv[3]), .anchors = anchors};
  so_writer w = so_writer_of(memory, sizeof memory);
  const so_endpoint to = {4, {127, 0, 0, 1}, (uint16_t)atoi(a->argv[2])};
  if (option(a, "--ca") != NULL &&
      !so_ok(so_x509_chain_read_pem(read_file(option(a, "--ca")), &w, anchors, ANCHORS_MAX,
                                    &options.anchor_count))) {
    fprintf(stderr, "cannot use the CA file\n");
    return 1;
  }
  if (option(a, "--pin") != NULL) {
    options.pin = pin;
    if (!read_pin(option(a, "--pin"), pin)) {
      return 1;
    }
  }
  options.alpn_count = alpn_options(a, options.alpn);
  if (option(a, "--session") != NULL) {
    options.session = read_file(option(a, "--session"));
  }
  if (!so_ok(world->net.connect(world->net.ctx, &to, deadline_of(world), &below))) {
    fprintf(stderr, "cannot connect\n");
    return 1;
  }
  const so_status status =
      so_tls_stream_client(world, &options, below, deadline_of(world), &stream, &why);
  if (!so_ok(status)) {
    printf("failed code=%s text=%s\n", so_code_name((so_code)status.code), why.text);
    return 3;
  }
  describe("connected", &stream);
  const int result = transfer(world, a, &stream);
  save_session(a, &stream);
  so_stream_close(&stream);
  return result;
}

static int run(const so_world *world, void *arg) {
  const args *a = arg;
  if (a->argc >= 5 && strcmp(a->argv[1], "server") == 0) {
    return run_server(world, a);
  }
  if (a->argc >= 5 && strcmp(a->argv[1], "client") == 0) {
    return run_client(world, a);
  }
  fprintf(stderr, "usage: see the head of tls_tool.c\n");
  return 1;
}

int main(int argc, char **argv) {
  args a = {argc, (const char *const *)argv};
  return so_unix_run(NULL, run, &a);
}
