// Handshakes that succeed, data, closing, keys, resumption. What must fail is in refusal_test.cc.

#include "tls/engine/testing.h"

namespace {

using namespace so_test;

void ExpectConnected(Peer *client, Peer *server) {
  ASSERT_TRUE(client->connected()) << so_tls_alert_name(client->tls.alert_sent);
  ASSERT_TRUE(server->connected()) << so_tls_alert_name(server->tls.alert_sent);
  SO_ASSERT_OK(client->Send("ping"));
  SO_ASSERT_OK(server->Send("pong"));
  Pump(client, server);
  EXPECT_EQ(server->data, "ping");
  EXPECT_EQ(client->data, "pong");
}

class EngineMatrixTest : public ::testing::TestWithParam<int> {};

TEST_P(EngineMatrixTest, EverySuiteGroupAndKeyConnects) {
  static const uint16_t suites[] = {SO_TLS_AES_128_GCM_SHA256, SO_TLS_AES_256_GCM_SHA384,
                                    SO_TLS_CHACHA20_POLY1305_SHA256};
  const int n = GetParam();
  Peer client = NewClient();
  Peer server = NewServer();
  const Identity &id = n % 2 != 0 ? Ed25519() : P256();
  server.config.identities = &id.get();
  client.config.anchors = id.der();
  server.config.suites[0] = suites[n / 2 % 3];
  server.config.suite_count = 1;
  const uint16_t first = n / 6 % 2 != 0 ? SO_TLS_SECP256R1 : SO_TLS_X25519;
  client.config.groups[0] = first;
  client.config.groups[1] = first == SO_TLS_X25519 ? SO_TLS_SECP256R1 : SO_TLS_X25519;
  client.config.group_count = 2;
  const bool retry = n / 12 % 2 != 0;
  server.config.groups[0] = retry ? client.config.groups[1] : first;
  server.config.group_count = 1;
  Handshake(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_EQ(client.tls.suite, server.config.suites[0]);
  EXPECT_EQ(client.tls.group, server.config.groups[0]);
  EXPECT_EQ(client.tls.hello_retried, retry);
  EXPECT_EQ(server.tls.hello_retried, retry);
}

INSTANTIATE_TEST_SUITE_P(All, EngineMatrixTest, ::testing::Range(0, 24));

TEST(EngineTest, TheServerPicksTheIdentityThatTheClientCanCheck) {
  const so_tls_identity both[2] = {Ed25519().get(), P256().get()};
  Peer client = NewClient();
  Peer server = NewServer();
  server.config.identities = both;
  server.config.identity_count = 2;
  client.config.anchors = Ed25519().der();  // We offer both, so the server's first is used.
  Handshake(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_EQ(client.tls.peer_key.kind, SO_KEY_ED25519);
}

TEST(EngineTest, TheResultDoesNotDependOnHowTheInputIsCut) {
  Peer client = NewClient();
  Peer server = NewServer();
  SO_ASSERT_OK(client.Start());
  const std::string hello = client.Drain();
  Peer whole = server;
  whole.Take(hello);
  const std::string flight = whole.Drain();
  for (size_t cut = 0; cut <= hello.size(); cut++) {
    Peer s = server;
    s.Take(hello.substr(0, cut));
    s.Take(hello.substr(cut));
    EXPECT_EQ(s.Drain(), flight) << cut;
  }
  Peer reference = client;
  reference.Take(flight);
  ASSERT_TRUE(reference.connected());
  const std::string last = reference.Drain();
  for (size_t cut = 0; cut <= flight.size(); cut += 7) {
    Peer c = client;
    c.Take(flight.substr(0, cut));
    c.Take(flight.substr(cut));
    EXPECT_TRUE(c.connected()) << cut;
    EXPECT_EQ(c.Drain(), last) << cut;
  }
}

TEST(EngineTest, ACopyOfTheMachineGoesTheSameWay) {
  Peer client = NewClient();
  Peer server = NewServer();
  SO_ASSERT_OK(client.Start());
  Peer client2 = client;
  Peer server2 = server;
  Pump(&client, &server);
  Pump(&client2, &server2);
  SO_ASSERT_OK(client.Send("same"));
  SO_ASSERT_OK(client2.Send("same"));
  EXPECT_EQ(client.Drain(), client2.Drain());
  EXPECT_EQ(memcmp(&client.tls, &client2.tls, sizeof client.tls), 0);
}

TEST(EngineTest, MessagesCutIntoSmallRecordsArePutTogether) {
  Peer client = NewClient();
  Peer server = NewServer();
  client.config.record_size_limit = SO_TLS_RECORD_SIZE_LIMIT_MIN;
  server.config.record_size_limit = 100;
  Handshake(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_GT(client.progress, 8);  // The certificate alone is longer than 300 bytes.
  const std::string text(1000, 'x');
  SO_ASSERT_OK(server.Send(text));
  const std::string bytes = server.Drain();
  EXPECT_GE(bytes.size(), 1000u + 16u * SO_TLS_RECORD_OVERHEAD);
  client.Take(bytes);
  EXPECT_EQ(client.data, "pong" + text);
}

TEST(EngineTest, HelloCutIntoRecordsOfOneByteIsUnderstood) {
  Peer client = NewClient();
  Peer server = NewServer();
  SO_ASSERT_OK(client.Start());
  const std::string hello = client.Drain().substr(SO_TLS_RECORD_HEAD);
  for (char c : hello) {
    ASSERT_TRUE(server.Take(Plain(SO_TLS_CONTENT_HANDSHAKE, std::string(1, c))));
  }
  Pump(&client, &server);
  ExpectConnected(&client, &server);
}

TEST(EngineTest, AlpnTakesTheServersPreference) {
  Peer client = NewClient();
  Peer server = NewServer();
  client.config.alpn[0] = so_str("h2");
  client.config.alpn[1] = so_str("http/1.1");
  client.config.alpn_count = 2;
  server.config.alpn[0] = so_str("http/1.1");
  server.config.alpn[1] = so_str("h2");
  server.config.alpn_count = 2;
  Handshake(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_EQ(Text(so_tls_alpn(&client.tls, &client.config)), "http/1.1");
  EXPECT_EQ(Text(so_tls_alpn(&server.tls, &server.config)), "http/1.1");
}

TEST(EngineTest, TheServerLearnsTheNameButNoAddress) {
  for (const char *name : {"localhost", "127.0.0.1"}) {
    Peer client = NewClient();
    Peer server = NewServer();
    client.config.server_name = so_str(name);
    Handshake(&client, &server);
    ExpectConnected(&client, &server);
    const so_bytes got = so_bytes_of(server.tls.server_name, server.tls.server_name_len);
    EXPECT_EQ(Text(got), std::string(name) == "localhost" ? "localhost" : "");
  }
}

TEST(EngineTest, BothSidesExportTheSame) {
  Peer client = NewClient();
  Peer server = NewServer();
  uint8_t a[40];
  uint8_t b[40];
  SO_EXPECT_CODE(SO_CONFLICT, so_tls_export(&client.tls, &client.config, so_str("l"), so_str("c"),
                                            a, sizeof a));
  Handshake(&client, &server);
  SO_ASSERT_OK(so_tls_export(&client.tls, &client.config, so_str("l"), so_str("c"), a, sizeof a));
  SO_ASSERT_OK(so_tls_export(&server.tls, &server.config, so_str("l"), so_str("c"), b, sizeof b));
  EXPECT_EQ(memcmp(a, b, sizeof a), 0);
  SO_ASSERT_OK(so_tls_export(&server.tls, &server.config, so_str("l"), so_str("d"), b, sizeof b));
  EXPECT_NE(memcmp(a, b, sizeof a), 0);
}

// --- resumption -------------------------------------------------------------------------------

class ResumptionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    keys_ = TicketKeys();
    Peer client = NewClient();
    Peer server = NewServer();
    server.config.ticket_keys = &keys_;
    Handshake(&client, &server);
    ASSERT_TRUE(client.ticket);
    session_ = client.session;
  }
  void Resume(Peer *client, Peer *server) {
    client->config.resume = &session_;
    server->config.ticket_keys = &keys_;
    Handshake(client, server);
  }
  so_tls_ticket_keys keys_;
  so_tls_session session_;
};

TEST_F(ResumptionTest, ASessionIsResumedWithoutCertificateAndGivesANewTicket) {
  Peer client = NewClient(4);
  Peer server = NewServer(5);
  Resume(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_TRUE(client.tls.resumed);
  EXPECT_TRUE(server.tls.resumed);
  EXPECT_EQ(client.tls.peer_key.kind, SO_KEY_UNSUPPORTED);
  EXPECT_TRUE(client.ticket);
  EXPECT_NE(memcmp(client.session.ticket, session_.ticket, session_.ticket_len), 0);
}

TEST_F(ResumptionTest, ARetryKeepsTheSession) {
  Peer client = NewClient(4);
  Peer server = NewServer(5);
  server.config.groups[0] = SO_TLS_SECP256R1;
  server.config.group_count = 1;
  Resume(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_TRUE(client.tls.resumed && client.tls.hello_retried);
}

TEST_F(ResumptionTest, AnotherHashMeansAFullHandshake) {
  Peer client = NewClient(4);
  Peer server = NewServer(5);
  server.config.suites[0] = SO_TLS_AES_256_GCM_SHA384;
  server.config.suite_count = 1;
  Resume(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_FALSE(client.tls.resumed);
}

TEST_F(ResumptionTest, TicketsOfARetiredKeyMeanAFullHandshake) {
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN] = {9};
  so_tls_ticket_keys_replace(&keys_, fresh, kNowMs);
  {
    Peer client = NewClient(4);
    Peer server = NewServer(5);
    Resume(&client, &server);
    EXPECT_TRUE(client.tls.resumed);  // The previous key still opens.
  }
  fresh[0] = 10;
  so_tls_ticket_keys_replace(&keys_, fresh, kNowMs);
  Peer client = NewClient(4);
  Peer server = NewServer(5);
  Resume(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_FALSE(client.tls.resumed);
}

TEST_F(ResumptionTest, OldSessionsAndThoseOfOtherNamesAreNotOffered) {
  Peer late = NewClient(4);
  Peer server = NewServer(5);
  late.now_ms = kNowMs + INT64_C(1000) * SO_TLS_TICKET_LIFETIME_S;
  Resume(&late, &server);
  EXPECT_FALSE(server.tls.resumed);

  Peer other = NewClient(4);
  Peer server2 = NewServer(5);
  other.config.server_name = so_str("127.0.0.1");
  Resume(&other, &server2);
  ExpectConnected(&other, &server2);
  EXPECT_FALSE(other.tls.resumed);
}

TEST_F(ResumptionTest, AnAgeThatTheServerDoesNotBelieveMeansAFullHandshake) {
  Peer client = NewClient(4);
  Peer server = NewServer(5);
  server.now_ms = kNowMs + SO_TLS_TICKET_SKEW_MS + 1;
  Resume(&client, &server);
  ExpectConnected(&client, &server);
  EXPECT_FALSE(server.tls.resumed);
}

TEST_F(ResumptionTest, AWrongBinderIsFatal) {
  Peer client = NewClient(4);
  Peer server = NewServer(5);
  session_.psk[0] ^= 1;
  Resume(&client, &server);
  EXPECT_EQ(server.tls.alert_sent, SO_TLS_ALERT_DECRYPT_ERROR);
  EXPECT_EQ(client.tls.alert_received, SO_TLS_ALERT_DECRYPT_ERROR);
}

// --- keys and closing -------------------------------------------------------------------------

class ConnectedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client = NewClient();
    server = NewServer();
    Handshake(&client, &server);
    ASSERT_TRUE(client.connected() && server.connected());
  }
  Peer client;
  Peer server;
};

TEST_F(ConnectedTest, KeysAreUpdatedInEitherDirection) {
  for (Peer *from : {&client, &server}) {
    Peer *to = from == &client ? &server : &client;
    uint8_t before[SO_TLS_SECRET_LEN_MAX];
    memcpy(before, from->tls.client_secret, sizeof before);
    so_tls_update_keys(&from->tls, false);
    SO_ASSERT_OK(from->Send("x"));
    Pump(&client, &server);
    EXPECT_EQ(to->data.back(), 'x');
    EXPECT_EQ(from->tls.write.sequence, 1u);  // Counted from zero again.
    EXPECT_EQ(to->tls.write.sequence, to == &server ? 0u : 1u);
  }
  EXPECT_EQ(memcmp(client.tls.client_secret, server.tls.client_secret, 32), 0);
  EXPECT_EQ(memcmp(client.tls.server_secret, server.tls.server_secret, 32), 0);
}

TEST_F(ConnectedTest, ARequestForNewKeysIsAnsweredBeforeTheNextDataAndOnce) {
  so_tls_update_keys(&client.tls, true);
  SO_ASSERT_OK(client.Send("1"));
  so_tls_update_keys(&client.tls, true);
  SO_ASSERT_OK(client.Send("2"));
  Pump(&client, &server);
  EXPECT_EQ(server.data, "12");
  EXPECT_TRUE(server.tls.key_update_due);
  SO_ASSERT_OK(server.Send("3"));
  EXPECT_FALSE(server.tls.key_update_due);
  Pump(&client, &server);
  EXPECT_EQ(client.data, "3");
  EXPECT_FALSE(client.tls.key_update_asked);
  EXPECT_FALSE(client.tls.key_update_due);  // An answer asks for nothing.
}

TEST_F(ConnectedTest, KeysAreReplacedBeforeTheyAreWornOut) {
  client.config.key_records_max = 4;
  server.config.key_records_max = 4;
  for (int i = 0; i < 20; i++) {
    SO_ASSERT_OK(client.Send("u"));
    if (i % 5 == 4) {
      SO_ASSERT_OK(server.Send("d"));
    }
    Pump(&client, &server);
    EXPECT_LE(client.tls.write.sequence, 4u);
  }
  EXPECT_EQ(server.data, std::string(20, 'u'));
  EXPECT_EQ(client.data, std::string(4, 'd'));
}

TEST_F(ConnectedTest, LargeDataGoesThrough) {
  std::string big(200000, 0);
  for (size_t i = 0; i < big.size(); i++) {
    big[i] = static_cast<char>(i * 7);
  }
  SO_ASSERT_OK(client.Send(big));
  Pump(&client, &server);
  EXPECT_TRUE(server.data == big);
}

TEST_F(ConnectedTest, DataIsSealedWhereItWasWritten) {
  std::vector<uint8_t> out(100);
  so_writer w = so_writer_of(out.data(), out.size());
  so_tls_slot slot;
  SO_ASSERT_OK(so_tls_send_begin(&client.tls, &client.config, &w, &slot));
  EXPECT_EQ(slot.ptr, out.data() + SO_TLS_RECORD_HEAD);
  EXPECT_EQ(slot.cap, 100u - SO_TLS_RECORD_OVERHEAD);
  memcpy(slot.ptr, "in place", 8);
  so_tls_send_end(&client.tls, &w, &slot, 8);
  server.Take(Text(so_writer_bytes(&w)));
  EXPECT_EQ(server.data, "in place");
  SO_ASSERT_OK(so_tls_send_begin(&client.tls, &client.config, &w, &slot));
  so_tls_send_end(&client.tls, &w, &slot, 0);
  EXPECT_EQ(w.len, 8u + SO_TLS_RECORD_OVERHEAD);
  w.len = out.size() - SO_TLS_RECORD_OVERHEAD;
  SO_EXPECT_CODE(SO_AGAIN, so_tls_send_begin(&client.tls, &client.config, &w, &slot));
}

TEST_F(ConnectedTest, EachDirectionIsClosedByItself) {
  client.Close();
  Pump(&client, &server);
  EXPECT_TRUE(server.closed);
  SO_EXPECT_OK(so_tls_eof(&server.tls));
  SO_EXPECT_CODE(SO_CONFLICT, client.Send("late"));
  SO_ASSERT_OK(server.Send("still"));
  Pump(&client, &server);
  EXPECT_EQ(client.data, "still");
  server.Close();
  Pump(&client, &server);
  EXPECT_TRUE(client.closed);
}

TEST_F(ConnectedTest, AnEndWithoutCloseNotifyIsATruncation) {
  SO_EXPECT_CODE(SO_MALFORMED, so_tls_eof(&client.tls));
  SO_EXPECT_CODE(SO_MALFORMED, client.Send("x"));
}

TEST_F(ConnectedTest, WhatComesAfterCloseNotifyIsIgnored) {
  client.Close();
  server.Take(client.Drain());
  EXPECT_TRUE(server.Take("rubbish that is no record at all"));
  EXPECT_EQ(server.data, "");
}

TEST_F(ConnectedTest, FailureIsStickyAndSecretsAreGone) {
  server.Take(Plain(SO_TLS_CONTENT_DATA, std::string(40, 'x')));
  EXPECT_EQ(server.tls.alert_sent, SO_TLS_ALERT_BAD_RECORD_MAC);
  const std::string alert = server.Drain();
  EXPECT_EQ(alert.size(), 2u + SO_TLS_RECORD_OVERHEAD);
  EXPECT_FALSE(server.Take(""));
  SO_EXPECT_CODE(SO_MALFORMED, server.Send("x"));
  EXPECT_EQ(server.Drain(), "");
  EXPECT_FALSE(server.tls.write.on);
  const uint8_t zeros[SO_TLS_SECRET_LEN_MAX] = {0};
  EXPECT_EQ(memcmp(server.tls.client_secret, zeros, sizeof zeros), 0);
  EXPECT_EQ(memcmp(server.tls.resumption_secret, zeros, sizeof zeros), 0);
  EXPECT_FALSE(client.Take(alert));
  EXPECT_EQ(client.tls.alert_received, SO_TLS_ALERT_BAD_RECORD_MAC);
}

TEST_F(ConnectedTest, TheCallerMayAbort) {
  (void)so_ok(server.With([&](so_tls_io *io) {
    so_tls_abort(&server.tls, io->out, SO_TLS_ALERT_ACCESS_DENIED);
    return so_done();
  }));
  EXPECT_FALSE(client.Take(server.Drain()));
  EXPECT_EQ(client.tls.alert_received, SO_TLS_ALERT_ACCESS_DENIED);
}

TEST(EngineTest, ALongChainFitsTheRoomThatIsPromisedInTheSmallestRecords) {
  const std::string filler(SO_TLS_CHAIN_LEN_MAX - P256().der()->len, 'c');
  const so_bytes chain[2] = {*P256().der(), View(filler)};
  so_tls_identity id = P256().get();
  id.chain = chain;
  id.chain_count = 2;
  Peer client = NewClient();
  Peer server = NewServer();
  client.config.record_size_limit = SO_TLS_RECORD_SIZE_LIMIT_MIN;
  server.config.identities = &id;
  SO_ASSERT_OK(client.Start());
  server.Take(client.Drain());
  EXPECT_LE(server.sent.size(), size_t{SO_TLS_OUT_MIN});
  EXPECT_GT(server.sent.size(), size_t{SO_TLS_CHAIN_LEN_MAX});
  Pump(&client, &server);
  EXPECT_TRUE(client.connected()) << so_tls_alert_name(client.tls.alert_sent);
}

TEST(EngineTest, TooLittleRoomForOutputConsumesNothing) {
  Peer client = NewClient();
  Peer server = NewServer();
  SO_ASSERT_OK(client.Start());
  std::string hello = client.Drain();
  std::vector<uint8_t> out(SO_TLS_OUT_MIN - 1);
  so_writer w = so_writer_of(out.data(), out.size());
  so_tls_io io = {};
  so_tls_received got;
  io.config = &server.config;
  io.now_ms = kNowMs;
  io.out = &w;
  const so_status s = so_tls_receive(&server.tls, &io, reinterpret_cast<uint8_t *>(&hello[0]),
                                     hello.size(), &got);
  SO_EXPECT_CODE(SO_AGAIN, s);
  EXPECT_EQ(s.detail, SO_TLS_AGAIN_OUT);
  EXPECT_EQ(got.consumed, 0u);
  EXPECT_TRUE(server.Take(hello));
}

}  // namespace
