// Our TLS engine against OpenSSL's libssl, in memory, in one process and in turns: handshakes a
// second and bulk data, each side timed by itself. Prints medians and ratios (above 1: we are
// faster).
//
//   bazel run -c opt //bench/tls

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tls/engine/engine.h"
#include "tls/key/key.h"
#include "tls/x509/x509.h"

namespace {

constexpr int kRounds = 9;
constexpr int kHandshakes = 100;
constexpr size_t kBulk = 16u << 20;
constexpr int64_t kNowMs = INT64_C(1767225600000);

void Require(bool ok, const char *what) {
  if (!ok) {
    fprintf(stderr, "bench: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
  }
}

double Now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Adds the time from its making to its end.
class Timer {
 public:
  explicit Timer(double *sum) : sum_(sum), start_(Now()) {}
  ~Timer() { *sum_ += Now() - start_; }

 private:
  double *sum_;
  double start_;
};

struct Times {
  double client = 0;
  double server = 0;
};

struct Material {
  so_tls_identity identity;
  std::vector<uint8_t> der;
  so_bytes chain;
  so_tls_ticket_keys tickets;
};

Material *MakeMaterial() {
  auto *m = new Material;
  uint8_t seed[32] = {1};
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN] = {2};
  so_rng rng;
  so_x509_name name;
  const so_cpu cpu = so_cpu_detect();
  so_rng_init(&rng, seed);
  Require(so_ok(so_private_key_generate(SO_KEY_P256, &rng, &m->identity.key)), "key");
  Require(so_ok(so_x509_name_read(so_str("localhost"), &name)), "name");
  const int64_t now_s = time(nullptr);
  const so_x509_template t = {so_str("bench"), &name, 1, now_s - 3600, now_s + 3600, {1}};
  m->der.resize(1024);
  so_writer w = so_writer_of(m->der.data(), m->der.size());
  Require(so_ok(so_x509_self_sign(&cpu, &m->identity.key, &t, &w)), "certificate");
  m->chain = so_writer_bytes(&w);
  m->identity.chain = &m->chain;
  m->identity.chain_count = 1;
  so_tls_ticket_keys_init(&m->tickets, fresh, kNowMs);
  return m;
}

// --- ours -------------------------------------------------------------------------------------

struct Ours {
  so_tls tls;
  so_tls_config config = {};
  so_tls_session session;
  std::vector<uint8_t> out = std::vector<uint8_t>(40000);
  so_writer w;

  so_status Receive(uint8_t *in, size_t len, so_tls_received *got) {
    so_tls_io io = {};
    io.config = &config;
    io.now_ms = int64_t{time(nullptr)} * 1000;
    io.out = &w;
    io.session = &session;
    return so_tls_receive(&tls, &io, in, len, got);
  }
};

class OurPair {
 public:
  OurPair(const Material *m, uint16_t suite, bool tickets) {
    const so_cpu cpu = so_cpu_detect();
    for (Ours *o : {&client, &server}) {
      o->config.cpu = cpu;
      o->config.suites[0] = suite;
      o->config.suite_count = 1;
    }
    client.config.server_name = so_str("localhost");
    client.config.anchors = &m->chain;
    client.config.anchor_count = 1;
    server.config.identities = &m->identity;
    server.config.identity_count = 1;
    server.config.ticket_keys = tickets ? &m->tickets : nullptr;
  }

  void Handshake(Times *t) {
    static uint64_t seed = 0;
    uint8_t bytes[32] = {0};
    seed++;
    memcpy(bytes, &seed, sizeof seed);
    {
      Timer timer(&t->client);
      so_tls_io io = {};
      client.w = so_writer_of(client.out.data(), client.out.size());
      io.config = &client.config;
      io.now_ms = int64_t{time(nullptr)} * 1000;
      io.out = &client.w;
      so_tls_client_init(&client.tls, bytes);
      Require(so_ok(so_tls_client_start(&client.tls, &io)), "start");
    }
    {
      Timer timer(&t->server);
      server.w = so_writer_of(server.out.data(), server.out.size());
      so_tls_server_init(&server.tls, bytes);
    }
    Give(&client, &server, &t->server);
    Give(&server, &client, &t->client);
    Give(&client, &server, &t->server);
    Give(&server, &client, &t->client);
    Require(so_tls_connected(&client.tls) && so_tls_connected(&server.tls), "our handshake");
  }

  // Send and receive `len` bytes in records of full size; the client sends.
  void Bulk(size_t len, Times *t) {
    while (len > 0) {
      so_tls_slot slot;
      so_tls_received got;
      {
        Timer timer(&t->client);
        client.w.len = 0;
        Require(so_ok(so_tls_send_begin(&client.tls, &client.config, &client.w, &slot)), "send");
        so_tls_send_end(&client.tls, &client.w, &slot, slot.cap);
      }
      {
        Timer timer(&t->server);
        Require(so_ok(server.Receive(client.out.data(), client.w.len, &got)) &&
                    got.data.len == slot.cap,
                "receive");
      }
      len -= std::min(len, slot.cap);
    }
  }

  Ours client;
  Ours server;

 private:
  static void Give(Ours *from, Ours *to, double *time) {
    Timer timer(time);
    uint8_t *in = from->out.data();
    size_t len = from->w.len;
    while (len > 0) {
      so_tls_received got;
      Require(so_ok(to->Receive(in, len, &got)), "step");
      in += got.consumed;
      len -= got.consumed;
    }
    from->w.len = 0;
  }
};

// --- theirs -----------------------------------------------------------------------------------

class TheirPair {
 public:
  TheirPair(const Material *m, const char *suite, bool tickets) {
    server_ctx_ = SSL_CTX_new(TLS_server_method());
    client_ctx_ = SSL_CTX_new(TLS_client_method());
    const uint8_t *p = m->der.data();
    X509 *cert = d2i_X509(nullptr, &p, static_cast<long>(m->chain.len));
    uint8_t pkcs8[SO_KEY_PKCS8_LEN_MAX];
    so_writer w = so_writer_of(pkcs8, sizeof pkcs8);
    so_private_key_write(&m->identity.key, &w);
    p = pkcs8;
    EVP_PKEY *key = d2i_AutoPrivateKey(nullptr, &p, static_cast<long>(w.len));
    Require(cert != nullptr && key != nullptr, "decoding our certificate");
    Require(SSL_CTX_use_certificate(server_ctx_, cert) == 1 &&
                SSL_CTX_use_PrivateKey(server_ctx_, key) == 1,
            "using our certificate");
    X509_STORE_add_cert(SSL_CTX_get_cert_store(client_ctx_), cert);
    SSL_CTX_set_verify(client_ctx_, SSL_VERIFY_PEER, nullptr);
    for (SSL_CTX *ctx : {client_ctx_, server_ctx_}) {
      SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
      SSL_CTX_set_ciphersuites(ctx, suite);
      SSL_CTX_set1_groups_list(ctx, "X25519");
    }
    SSL_CTX_set_num_tickets(server_ctx_, tickets ? 1 : 0);
    SSL_CTX_set_session_cache_mode(server_ctx_, SSL_SESS_CACHE_OFF);
    // With a cache it would use each ticket only once.
    SSL_CTX_set_session_cache_mode(client_ctx_, SSL_SESS_CACHE_OFF);
    X509_free(cert);
    EVP_PKEY_free(key);
  }
  ~TheirPair() {
    Free();
    SSL_SESSION_free(session_);
    SSL_CTX_free(client_ctx_);
    SSL_CTX_free(server_ctx_);
  }

  void Handshake(Times *t) {
    Free();
    BIO *a = nullptr;
    BIO *b = nullptr;
    BIO_new_bio_pair(&a, 40000, &b, 40000);
    {
      Timer timer(&t->client);
      client_ = SSL_new(client_ctx_);
      SSL_set_bio(client_, a, a);
      SSL_set_tlsext_host_name(client_, "localhost");
      SSL_set1_host(client_, "localhost");
      if (session_ != nullptr) {
        SSL_set_session(client_, session_);
      }
      SSL_set_connect_state(client_);
    }
    {
      Timer timer(&t->server);
      server_ = SSL_new(server_ctx_);
      SSL_set_bio(server_, b, b);
      SSL_set_accept_state(server_);
    }
    uint8_t byte;
    for (int i = 0; i < 3; i++) {
      {
        Timer timer(&t->client);
        SSL_do_handshake(client_);
      }
      Timer timer(&t->server);
      SSL_do_handshake(server_);
    }
    {
      Timer timer(&t->client);
      SSL_read(client_, &byte, 1);  // Takes the ticket.
    }
    Require(SSL_is_init_finished(client_) && SSL_is_init_finished(server_), "their handshake");
  }

  void KeepSession() {
    session_ = SSL_get1_session(client_);
    Require(SSL_SESSION_is_resumable(session_) == 1, "their ticket");
  }
  bool resumed() const { return SSL_session_reused(client_) == 1; }

  void Bulk(size_t len, Times *t) {
    static uint8_t buf[16384];
    while (len > 0) {
      {
        Timer timer(&t->client);
        Require(SSL_write(client_, buf, sizeof buf) == sizeof buf, "their write");
      }
      Timer timer(&t->server);
      Require(SSL_read(server_, buf, sizeof buf) == sizeof buf, "their read");
      len -= std::min(len, sizeof buf);
    }
  }

 private:
  void Free() {
    for (SSL *ssl : {client_, server_}) {
      if (ssl != nullptr) {
        // Else libssl takes the connection for a broken one and spoils the session.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(ssl);
      }
    }
    client_ = server_ = nullptr;
  }
  SSL_CTX *client_ctx_;
  SSL_CTX *server_ctx_;
  SSL_SESSION *session_ = nullptr;
  SSL *client_ = nullptr;
  SSL *server_ = nullptr;
};

// --- report -----------------------------------------------------------------------------------

double Median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

struct Series {
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> ratio;
  void Add(double our_rate, double their_rate) {
    ours.push_back(our_rate);
    theirs.push_back(their_rate);
    ratio.push_back(our_rate / their_rate);
  }
  void Print(const char *what, const char *unit) const {
    printf("%-46s %9.0f %9.0f %s   ratio %.2f\n", what, Median(ours), Median(theirs), unit,
           Median(ratio));
  }
};

void BenchHandshake(const Material *m, bool resume) {
  OurPair ours(m, SO_TLS_AES_128_GCM_SHA256, resume);
  TheirPair theirs(m, "TLS_AES_128_GCM_SHA256", resume);
  Times warm;
  ours.Handshake(&warm);
  theirs.Handshake(&warm);
  so_tls_session kept = ours.client.session;
  if (resume) {
    ours.client.config.resume = &kept;
    theirs.KeepSession();
  }
  Series client;
  Series server;
  for (int round = 0; round < kRounds; round++) {
    Times a;
    Times b;
    for (int i = 0; i < kHandshakes; i++) {
      ours.Handshake(&a);
    }
    for (int i = 0; i < kHandshakes; i++) {
      theirs.Handshake(&b);
    }
    Require(ours.client.tls.resumed == resume, "our resumption");
    Require(theirs.resumed() == resume, "their resumption");
    client.Add(kHandshakes / a.client, kHandshakes / b.client);
    server.Add(kHandshakes / a.server, kHandshakes / b.server);
  }
  client.Print(resume ? "resumed handshake, client" : "full handshake P-256/X25519, client", "/s  ");
  server.Print(resume ? "resumed handshake, server" : "full handshake P-256/X25519, server", "/s  ");
}

void BenchBulk(const Material *m, uint16_t suite) {
  OurPair ours(m, suite, false);
  TheirPair theirs(m, so_tls_suite_name(suite), false);
  Times warm;
  Series send;
  Series receive;
  ours.Handshake(&warm);
  theirs.Handshake(&warm);
  for (int round = 0; round < kRounds; round++) {
    Times a;
    Times b;
    ours.Bulk(kBulk, &a);
    theirs.Bulk(kBulk, &b);
    const double mb = static_cast<double>(kBulk) / 1e6;
    send.Add(mb / a.client, mb / b.client);
    receive.Add(mb / a.server, mb / b.server);
  }
  send.Print((std::string(so_tls_suite_name(suite)) + " send").c_str(), "MB/s");
  receive.Print((std::string(so_tls_suite_name(suite)) + " receive").c_str(), "MB/s");
}

}  // namespace

int main() {
  const Material *m = MakeMaterial();
  printf("%-46s %9s %9s        (%s)\n", "", "ours", "OpenSSL", OpenSSL_version(OPENSSL_VERSION));
  BenchHandshake(m, false);
  BenchHandshake(m, true);
  BenchBulk(m, SO_TLS_AES_128_GCM_SHA256);
  BenchBulk(m, SO_TLS_AES_256_GCM_SHA384);
  BenchBulk(m, SO_TLS_CHACHA20_POLY1305_SHA256);
  return 0;
}
