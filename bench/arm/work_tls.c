#include <string.h>

#include "bench/arm/work.h"
#include "tls/engine/engine.h"
#include "tls/key/key.h"
#include "tls/x509/x509.h"

#define NOW_MS INT64_C(1767225600000)  // 2026-01-01T00:00:00Z

typedef struct side {
  so_tls tls;
  so_tls_config config;
  uint8_t room[SO_TLS_MESSAGE_LEN_MAX];
  uint8_t out[2 * SO_TLS_OUT_MIN];
  size_t out_len;
} side;

// What one side said, in the order in which the other took it.
typedef struct flights {
  uint8_t bytes[2][2048];
  size_t len[2];
} flights;

static side client, server;
static so_tls_identity identity;
static so_bytes chain;

static so_tls_io io_of(side *s, so_writer *w) {
  *w = so_writer_of(s->out, sizeof s->out);
  return (so_tls_io){
      .config = &s->config,
      .now_ms = NOW_MS,
      .room = s->room,
      .room_cap = sizeof s->room,
      .out = w,
  };
}

// Takes every record of `in`, which is overwritten.
static void take(side *s, uint8_t *in, size_t len) {
  so_writer w;
  const so_tls_io io = io_of(s, &w);
  while (len != 0) {
    so_tls_received got;
    work_require(so_ok(so_tls_receive(&s->tls, &io, in, len, &got)), "TLS");
    in += got.consumed;
    len -= got.consumed;
  }
  s->out_len = so_writer_bytes(&w).len;
}

static void make_identity(const so_cpu *cpu) {
  static uint8_t der[1024];
  const uint8_t seed[32] = {1};
  so_rng rng;
  so_x509_name name;
  so_rng_init(&rng, seed);
  work_require(so_ok(so_private_key_generate(SO_KEY_P256, &rng, &identity.key)), "key");
  work_require(so_ok(so_x509_name_read(so_str("localhost"), &name)), "name");
  const so_x509_template t = {
      so_str("bench"), &name, 1, NOW_MS / 1000 - 3600, NOW_MS / 1000 + 3600, {1}};
  so_writer w = so_writer_of(der, sizeof der);
  work_require(so_ok(so_x509_self_sign(cpu, &identity.key, &t, &w)), "certificate");
  chain = so_writer_bytes(&w);
  identity.chain = &chain;
  identity.chain_count = 1;
}

static void configure(const so_cpu *cpu) {
  make_identity(cpu);
  client.config = (so_tls_config){.cpu = *cpu, .server_name = so_str("localhost")};
  client.config.anchors = &chain;
  client.config.anchor_count = 1;
  client.config.suites[0] = SO_TLS_AES_128_GCM_SHA256;
  client.config.suite_count = 1;
  client.config.groups[0] = SO_TLS_X25519;
  client.config.group_count = 1;
  server.config = (so_tls_config){.cpu = *cpu, .identities = &identity, .identity_count = 1};
}

static void keep(flights *f, unsigned which) {
  work_require(client.out_len <= sizeof f->bytes[which], "room for a flight");
  memcpy(f->bytes[which], client.out, client.out_len);
  f->len[which] = client.out_len;
}

static void serve_flight(const flights *f, unsigned which) {
  uint8_t in[sizeof f->bytes[which]];
  memcpy(in, f->bytes[which], f->len[which]);
  take(&server, in, f->len[which]);
}

static void start_server(void) {
  const uint8_t seed[32] = {3};
  so_tls_server_init(&server.tls, seed);
}

static void whole_handshake(flights *f) {
  const uint8_t seed[32] = {2};
  so_writer w;
  const so_tls_io io = io_of(&client, &w);
  so_tls_client_init(&client.tls, seed);
  work_require(so_ok(so_tls_client_start(&client.tls, &io)), "TLS client");
  client.out_len = so_writer_bytes(&w).len;
  keep(f, 0);
  start_server();
  serve_flight(f, 0);
  take(&client, server.out, server.out_len);
  keep(f, 1);
  serve_flight(f, 1);
  work_require(so_tls_connected(&client.tls) && so_tls_connected(&server.tls), "TLS handshake");
}

void work_tls_server(const so_cpu *cpu, long count) {
  static flights f;
  configure(cpu);
  whole_handshake(&f);
  for (long i = 0; i < count; i++) {
    start_server();
    serve_flight(&f, 0);
    serve_flight(&f, 1);
    work_require(so_tls_connected(&server.tls), "TLS server");
  }
}
