#ifndef SO_TLS_ENGINE_TESTING_H_
#define SO_TLS_ENGINE_TESTING_H_

// Two machines in memory, for tests: certificates made on the spot, bytes moved by hand.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/support.h"
#include "tls/engine/engine.h"
#include "tls/x509/x509.h"

namespace so_test {

constexpr int64_t kNowMs = INT64_C(1767225600000);  // 2026-01-01T00:00:00Z

inline std::string U8(unsigned v) { return std::string(1, static_cast<char>(v)); }

// A self-signed certificate for "localhost" and 127.0.0.1, and its key.
class Identity {
 public:
  explicit Identity(so_key_kind kind, int64_t not_after_s = kNowMs / 1000 + 86400) {
    uint8_t seed[32];
    so_rng rng;
    so_x509_name names[2];
    const so_cpu cpu = so_cpu_detect();
    memset(seed, static_cast<int>(kind), sizeof seed);
    so_rng_init(&rng, seed);
    SO_EXPECT_OK(so_private_key_generate(kind, &rng, &identity_.key));
    SO_EXPECT_OK(so_x509_name_read(so_str("localhost"), &names[0]));
    SO_EXPECT_OK(so_x509_name_read(so_str("127.0.0.1"), &names[1]));
    const char *name = kind == SO_KEY_P256 ? "test P-256" : "test Ed25519";
    so_x509_template t = {so_str(name), names, 2, kNowMs / 1000 - 86400, not_after_s, {1}};
    der_.resize(2048);
    so_writer w = so_writer_of(der_.data(), der_.size());
    SO_EXPECT_OK(so_x509_self_sign(&cpu, &identity_.key, &t, &w));
    chain_ = so_writer_bytes(&w);
    identity_.chain = &chain_;
    identity_.chain_count = 1;
  }
  Identity(const Identity &) = delete;
  Identity &operator=(const Identity &) = delete;
  const so_tls_identity &get() const { return identity_; }
  const so_bytes *der() const { return &chain_; }

 private:
  std::vector<uint8_t> der_;
  so_bytes chain_;
  so_tls_identity identity_;
};

inline const Identity &P256() {
  static const auto *id = new Identity(SO_KEY_P256);
  return *id;
}
inline const Identity &Ed25519() {
  static const auto *id = new Identity(SO_KEY_ED25519);
  return *id;
}

// One side. Copies are independent of each other: they fork the connection.
struct Peer {
  so_tls tls;
  so_tls_config config;
  so_tls_session session;
  std::string room = std::string(SO_TLS_MESSAGE_LEN_MAX, 0);
  std::string sent;      // By the machine, not yet moved.
  std::string pending;   // Received, not yet taken.
  std::string data;      // What was decrypted for the application.
  int64_t now_ms = kNowMs;
  bool ticket = false;
  bool closed = false;
  int progress = 0;
  so_status status = so_done();

  // Runs `f` with an io whose output is appended to `sent`.
  template <typename F>
  so_status With(F f) {
    std::vector<uint8_t> out(40000);
    so_writer w = so_writer_of(out.data(), out.size());
    so_tls_io io = {};
    io.config = &config;
    io.now_ms = now_ms;
    io.room = reinterpret_cast<uint8_t *>(&room[0]);
    io.room_cap = room.size();
    io.out = &w;
    io.session = &session;
    const so_status s = f(&io);
    sent.append(reinterpret_cast<char *>(out.data()), w.len);
    return s;
  }

  // Takes all whole records; false when the machine failed.
  bool Take(const std::string &bytes) {
    pending += bytes;
    for (;;) {
      std::string in = pending;  // A copy of exact size, for the sanitizer.
      so_tls_received got = {};
      status = With([&](so_tls_io *io) {
        return so_tls_receive(&tls, io, reinterpret_cast<uint8_t *>(&in[0]), in.size(), &got);
      });
      if (so_is(status, SO_AGAIN)) {
        EXPECT_EQ(status.detail, SO_TLS_AGAIN_INPUT);
        EXPECT_GT(got.need, pending.size());
        return true;
      }
      if (!so_ok(status)) {
        return false;
      }
      EXPECT_GT(got.consumed, 0u) << "a step without progress";
      progress++;
      data += Text(got.data);
      ticket = ticket || got.event == SO_TLS_TICKET;
      if (got.event == SO_TLS_CLOSED) {
        closed = true;
        pending.clear();
        return true;
      }
      pending.erase(0, got.consumed);
    }
  }

  std::string Drain() {
    std::string s;
    s.swap(sent);
    return s;
  }

  bool connected() const { return so_tls_connected(&tls); }

  so_status Start() {
    return With([&](so_tls_io *io) { return so_tls_client_start(&tls, io); });
  }
  so_status Send(const std::string &text) {
    so_status s = so_done();
    for (size_t off = 0; so_ok(s) && off < text.size();) {
      size_t taken = 0;
      s = With([&](so_tls_io *io) {
        return so_tls_send(&tls, &config, io->out, so_bytes_of(text.data() + off, text.size() - off),
                           &taken);
      });
      off += taken;
    }
    return s;
  }
  void Close() {
    (void)so_ok(With([&](so_tls_io *io) {
      so_tls_close(&tls, io->out);
      return so_done();
    }));
  }
};

inline Peer NewClient(int seed = 1) {
  Peer p;
  uint8_t bytes[32];
  memset(bytes, seed, sizeof bytes);
  memset(&p.config, 0, sizeof p.config);
  memset(&p.session, 0, sizeof p.session);
  so_tls_client_init(&p.tls, bytes);
  p.config.cpu = so_cpu_detect();
  p.config.server_name = so_str("localhost");
  p.config.anchors = P256().der();
  p.config.anchor_count = 1;
  return p;
}

inline Peer NewServer(int seed = 2) {
  Peer p;
  uint8_t bytes[32];
  memset(bytes, seed, sizeof bytes);
  memset(&p.config, 0, sizeof p.config);
  memset(&p.session, 0, sizeof p.session);
  so_tls_server_init(&p.tls, bytes);
  p.config.cpu = so_cpu_detect();
  p.config.identities = &P256().get();
  p.config.identity_count = 1;
  return p;
}

inline so_tls_ticket_keys TicketKeys(int seed = 3) {
  so_tls_ticket_keys keys;
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN];
  memset(fresh, seed, sizeof fresh);
  so_tls_ticket_keys_init(&keys, fresh, kNowMs);
  return keys;
}

// Moves bytes both ways until nothing is left, or somebody failed and the other has heard.
inline void Pump(Peer *client, Peer *server) {
  for (int i = 0; i < 50; i++) {
    const std::string up = client->Drain();
    const std::string down = server->Drain();
    if (up.empty() && down.empty()) {
      return;
    }
    if (!up.empty() && so_ok(server->tls.failure)) {
      server->Take(up);
    }
    if (!down.empty() && so_ok(client->tls.failure)) {
      client->Take(down);
    }
  }
}

inline void Handshake(Peer *client, Peer *server) {
  SO_ASSERT_OK(client->Start());
  Pump(client, server);
}

// An unprotected record.
inline std::string Plain(uint8_t type, const std::string &content) {
  return U8(type) + std::string("\x03\x03", 2) + U8(static_cast<unsigned>(content.size() >> 8)) +
         U8(static_cast<unsigned>(content.size() & 255)) + content;
}

// A record protected with the keys that `as` sends with next: what a peer that holds our keys, but
// does not keep to the protocol, could send.
inline std::string Sealed(Peer *as, uint8_t type, const std::string &content) {
  std::string record(content.size() + SO_TLS_RECORD_OVERHEAD, 0);
  memcpy(&record[SO_TLS_RECORD_HEAD], content.data(), content.size());
  so_tls_record_seal(&as->tls.write, type, reinterpret_cast<uint8_t *>(&record[0]),
                     content.size());
  return record;
}

// A record in whatever protection `as` sends with now.
inline std::string Record(Peer *as, uint8_t type, const std::string &content) {
  return as->tls.write.on ? Sealed(as, type, content) : Plain(type, content);
}

}  // namespace so_test

#endif  // SO_TLS_ENGINE_TESTING_H_
