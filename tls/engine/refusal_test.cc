// What must fail, and with which alert: every message in every state, broken hellos, broken
// records, certificates that are not to be believed, floods.

#include <functional>
#include <map>
#include <set>

#include "tls/engine/testing_states.h"

namespace {

using namespace so_test;

// RFC 8446 appendix A, written down once more, by hand.
const std::set<std::pair<int, int>> &Legal() {
  static const auto *legal = new std::set<std::pair<int, int>>{
      {SO_TLS_CLIENT_WAIT_SERVER_HELLO, 2},
      {SO_TLS_CLIENT_WAIT_SERVER_HELLO_AGAIN, 2},
      {SO_TLS_CLIENT_WAIT_EXTENSIONS, 8},
      {SO_TLS_CLIENT_WAIT_CERTIFICATE_OR_REQUEST, 11},
      {SO_TLS_CLIENT_WAIT_CERTIFICATE_OR_REQUEST, 13},
      {SO_TLS_CLIENT_WAIT_CERTIFICATE, 11},
      {SO_TLS_CLIENT_WAIT_VERIFY, 15},
      {SO_TLS_CLIENT_WAIT_FINISHED, 20},
      {SO_TLS_CLIENT_CONNECTED, 4},
      {SO_TLS_CLIENT_CONNECTED, 24},
      {SO_TLS_SERVER_WAIT_HELLO, 1},
      {SO_TLS_SERVER_WAIT_HELLO_AGAIN, 1},
      {SO_TLS_SERVER_WAIT_FINISHED, 20},
      {SO_TLS_SERVER_CONNECTED, 24},
  };
  return *legal;
}

TEST(StatesTest, EveryStateIsReached) {
  for (int state = SO_TLS_IDLE + 1; state < SO_TLS_STATE_COUNT; state++) {
    ASSERT_TRUE(TheWorld().states.count(state)) << state;
    EXPECT_EQ(TheWorld().states.at(state).tls.state, state);
  }
}

TEST(StatesTest, EveryMessageInEveryStateIsExpectedOrRefused) {
  int refused = 0;
  for (const auto &entry : TheWorld().states) {
    for (int type = 0; type < 256; type++) {
      const auto genuine = TheWorld().messages.find(type);
      const std::string message = genuine != TheWorld().messages.end()
                                      ? genuine->second
                                      : U8(static_cast<unsigned>(type)) + std::string(3, 0);
      Peer victim = entry.second;
      const bool went = InjectMessage(&victim, message);
      if (Legal().count({entry.first, type})) {
        EXPECT_NE(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE)
            << entry.first << " " << type;
        continue;
      }
      refused++;
      EXPECT_FALSE(went);
      EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE)
          << "state " << entry.first << " message " << type;
      EXPECT_EQ(victim.tls.state, entry.second.tls.state);
      EXPECT_GT(victim.sent.size(), entry.second.sent.size()) << "no alert";
    }
  }
  EXPECT_EQ(refused, 12 * 256 - 14);
}

TEST(StatesTest, TheHeadOfAnUnexpectedMessageIsEnoughToRefuseIt) {
  for (const auto &entry : TheWorld().states) {
    Peer victim = entry.second;
    EXPECT_FALSE(InjectMessage(&victim, U8(99)));
    EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  }
}

TEST(StatesTest, NothingFollowsAMessageThatChangesTheKeys) {
  const std::map<int, int> changing = {
      {SO_TLS_CLIENT_WAIT_SERVER_HELLO, SO_TLS_SERVER_HELLO},
      {SO_TLS_CLIENT_CONNECTED, SO_TLS_KEY_UPDATE},
      {SO_TLS_SERVER_CONNECTED, SO_TLS_KEY_UPDATE},
      {SO_TLS_SERVER_WAIT_HELLO, SO_TLS_CLIENT_HELLO},
      {SO_TLS_CLIENT_WAIT_FINISHED, SO_TLS_FINISHED},
  };
  for (const auto &c : changing) {
    Peer victim = TheWorld().states.at(c.first);
    const std::string message = TheWorld().messages.at(c.second);
    EXPECT_FALSE(InjectMessage(&victim, message + U8(24)));
    EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE) << c.first;
  }
}

TEST(StatesTest, OtherContentInEveryState) {
  for (const auto &entry : TheWorld().states) {
    const bool connected = entry.first == SO_TLS_CLIENT_CONNECTED ||
                           entry.first == SO_TLS_SERVER_CONNECTED;
    const bool first = entry.first == SO_TLS_SERVER_WAIT_HELLO;
    Peer data = entry.second;
    EXPECT_EQ(Inject(&data, SO_TLS_CONTENT_DATA, "x"), connected) << entry.first;
    Peer empty = entry.second;
    EXPECT_FALSE(Inject(&empty, SO_TLS_CONTENT_HANDSHAKE, ""));
    EXPECT_EQ(empty.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
    Peer ccs = entry.second;
    EXPECT_EQ(ccs.Take(Plain(SO_TLS_CONTENT_CCS, U8(1))), !connected && !first) << entry.first;
    Peer bad_ccs = entry.second;
    EXPECT_FALSE(bad_ccs.Take(Plain(SO_TLS_CONTENT_CCS, U8(2))));
    EXPECT_EQ(bad_ccs.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
    Peer no_ccs = entry.second;
    EXPECT_FALSE(no_ccs.Take(Plain(SO_TLS_CONTENT_CCS, "")));
    Peer alert = entry.second;
    EXPECT_FALSE(Inject(&alert, SO_TLS_CONTENT_ALERT, std::string("\x02\x28", 2)));
    EXPECT_EQ(alert.tls.alert_received, SO_TLS_ALERT_HANDSHAKE_FAILURE);
    EXPECT_EQ(alert.sent, entry.second.sent) << "an alert is not answered";
    Peer warning = entry.second;
    EXPECT_FALSE(Inject(&warning, SO_TLS_CONTENT_ALERT, std::string("\x01\x28", 2)));
    Peer close = entry.second;
    EXPECT_EQ(Inject(&close, SO_TLS_CONTENT_ALERT, std::string("\x01\x00", 2)), connected);
    Peer cut = entry.second;
    EXPECT_FALSE(Inject(&cut, SO_TLS_CONTENT_ALERT, U8(1)));
    EXPECT_EQ(cut.tls.alert_sent, SO_TLS_ALERT_DECODE_ERROR);
    Peer long_alert = entry.second;
    EXPECT_FALSE(Inject(&long_alert, SO_TLS_CONTENT_ALERT, std::string(3, 1)));
  }
}

TEST(StatesTest, AProtectedRecordOfAStrangeTypeIsUnexpected) {
  for (int type : {0x14, 0x18, 0xff}) {
    Peer victim = TheWorld().states.at(SO_TLS_SERVER_CONNECTED);
    EXPECT_FALSE(Inject(&victim, static_cast<uint8_t>(type), U8(1)));
    EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  }
}

TEST(StatesTest, UnprotectedRecordsAreRefusedOnceThereAreKeys) {
  for (int state : {SO_TLS_CLIENT_WAIT_EXTENSIONS, SO_TLS_SERVER_WAIT_FINISHED,
                    SO_TLS_SERVER_CONNECTED}) {
    Peer victim = TheWorld().states.at(state);
    EXPECT_FALSE(victim.Take(Plain(SO_TLS_CONTENT_HANDSHAKE, "abcd")));
    EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  }
  // Except the alert of a peer that could not follow the key change, and that only at first.
  Peer waiting = TheWorld().states.at(SO_TLS_SERVER_WAIT_FINISHED);
  EXPECT_FALSE(waiting.Take(Plain(SO_TLS_CONTENT_ALERT, std::string("\x02\x2f", 2))));
  EXPECT_EQ(waiting.tls.alert_received, SO_TLS_ALERT_ILLEGAL_PARAMETER);
  Peer connected = TheWorld().states.at(SO_TLS_SERVER_CONNECTED);
  EXPECT_FALSE(connected.Take(Plain(SO_TLS_CONTENT_ALERT, std::string("\x02\x2f", 2))));
  EXPECT_EQ(connected.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST(StatesTest, NothingComesBetweenThePiecesOfAMessage) {
  const std::string ticket = TheWorld().messages.at(SO_TLS_NEW_SESSION_TICKET);
  Peer victim = TheWorld().states.at(SO_TLS_CLIENT_CONNECTED);
  EXPECT_TRUE(InjectMessage(&victim, ticket.substr(0, 20)));
  EXPECT_FALSE(Inject(&victim, SO_TLS_CONTENT_DATA, "x"));
  EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
}

// --- floods -----------------------------------------------------------------------------------

void ExpectLimit(Peer victim, uint8_t type, const std::string &content, int limit) {
  for (int i = 0; i < limit; i++) {
    ASSERT_TRUE(Inject(&victim, type, content)) << i;
  }
  EXPECT_FALSE(Inject(&victim, type, content));
  SO_EXPECT_CODE(SO_LIMIT, victim.status);
  EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST(FloodTest, EachLimitIsKeptExactly) {
  const World &w = TheWorld();
  const Peer &server = w.states.at(SO_TLS_SERVER_CONNECTED);
  const Peer &client = w.states.at(SO_TLS_CLIENT_CONNECTED);
  ExpectLimit(server, SO_TLS_CONTENT_DATA, "", SO_TLS_EMPTY_RECORDS_MAX);
  ExpectLimit(server, SO_TLS_CONTENT_ALERT, std::string("\x01\x5a", 2), SO_TLS_WARNINGS_MAX);
  ExpectLimit(server, SO_TLS_CONTENT_HANDSHAKE, w.messages.at(SO_TLS_KEY_UPDATE),
              SO_TLS_KEY_UPDATES_MAX);
  ExpectLimit(client, SO_TLS_CONTENT_HANDSHAKE, w.messages.at(SO_TLS_NEW_SESSION_TICKET),
              SO_TLS_TICKETS_MAX);
  Peer waiting = w.states.at(SO_TLS_SERVER_WAIT_FINISHED);
  for (int i = 0; i < SO_TLS_CCS_MAX; i++) {
    ASSERT_TRUE(waiting.Take(Plain(SO_TLS_CONTENT_CCS, U8(1))));
  }
  EXPECT_FALSE(waiting.Take(Plain(SO_TLS_CONTENT_CCS, U8(1))));
}

TEST(FloodTest, DataBetweenResetsTheCounts) {
  Peer victim = TheWorld().states.at(SO_TLS_SERVER_CONNECTED);
  for (int i = 0; i < 3 * SO_TLS_EMPTY_RECORDS_MAX; i++) {
    ASSERT_TRUE(Inject(&victim, SO_TLS_CONTENT_DATA, i % 30 == 0 ? "x" : ""));
    ASSERT_TRUE(i % 4 != 0 || InjectMessage(&victim, TheWorld().messages.at(SO_TLS_KEY_UPDATE)));
  }
}

TEST(FloodTest, AMessageLongerThanTheLimitIsRefusedByItsHead) {
  Peer victim = TheWorld().states.at(SO_TLS_SERVER_WAIT_HELLO);
  EXPECT_FALSE(InjectMessage(&victim, std::string("\x01\x00\xff\xfd", 4)));
  SO_EXPECT_CODE(SO_LIMIT, victim.status);
  Peer fits = TheWorld().states.at(SO_TLS_SERVER_WAIT_HELLO);
  EXPECT_TRUE(InjectMessage(&fits, std::string("\x01\x00\xff\xfc", 4)));
}

TEST(FloodTest, AMessageLongerThanTheRoomIsRefused) {
  Peer victim = TheWorld().states.at(SO_TLS_SERVER_WAIT_HELLO);
  victim.room.resize(100);
  const std::string hello = TheWorld().messages.at(SO_TLS_CLIENT_HELLO);
  EXPECT_TRUE(InjectMessage(&victim, hello.substr(0, 100)));
  EXPECT_FALSE(InjectMessage(&victim, hello.substr(100)));
  SO_EXPECT_CODE(SO_LIMIT, victim.status);
  Peer whole = TheWorld().states.at(SO_TLS_SERVER_WAIT_HELLO);
  whole.room.clear();
  EXPECT_TRUE(InjectMessage(&whole, hello));  // One record needs no room.
}

// --- early data -------------------------------------------------------------------------------

std::string HelloWith(const std::function<void(so_tls_client_hello *)> &change,
                      const std::string &message) {
  so_tls_client_hello hello;
  std::vector<uint8_t> out(4000);
  const so_bytes body = so_bytes_from(View(message), 4);
  SO_EXPECT_OK(so_tls_client_hello_parse(body, &hello));
  change(&hello);
  so_writer w = so_writer_of(out.data(), out.size());
  so_tls_client_hello_write(&hello, &w);
  return Text(so_writer_bytes(&w));
}

TEST(EarlyDataTest, IsSkippedUpToALimit) {
  const std::string hello = HelloWith([](so_tls_client_hello *h) { h->early_data = true; },
                                      TheWorld().messages.at(SO_TLS_CLIENT_HELLO));
  Peer server = TheWorld().states.at(SO_TLS_SERVER_WAIT_HELLO);
  ASSERT_TRUE(InjectMessage(&server, hello));
  for (int i = 0; i < 4; i++) {
    ASSERT_TRUE(server.Take(Plain(SO_TLS_CONTENT_DATA, std::string(16000, 'e'))));
  }
  Peer flooded = server;
  EXPECT_FALSE(flooded.Take(Plain(SO_TLS_CONTENT_DATA, std::string(2000, 'e'))));
  SO_EXPECT_CODE(SO_LIMIT, flooded.status);
  // The first record that can be read ends the tolerance.
  ASSERT_TRUE(InjectMessage(&server, U8(SO_TLS_FINISHED)));
  EXPECT_FALSE(server.Take(Plain(SO_TLS_CONTENT_DATA, std::string(100, 'e'))));
  EXPECT_EQ(server.tls.alert_sent, SO_TLS_ALERT_BAD_RECORD_MAC);
}

TEST(EarlyDataTest, IsNotSkippedWhenNobodyAnnouncedIt) {
  Peer server = TheWorld().states.at(SO_TLS_SERVER_WAIT_FINISHED);
  EXPECT_FALSE(server.Take(Plain(SO_TLS_CONTENT_DATA, std::string(100, 'e'))));
  EXPECT_EQ(server.tls.alert_sent, SO_TLS_ALERT_BAD_RECORD_MAC);
}

// --- hellos of clients ------------------------------------------------------------------------

uint8_t AlertForHello(const std::function<void(so_tls_client_hello *)> &change) {
  Peer server = TheWorld().states.at(SO_TLS_SERVER_WAIT_HELLO);
  InjectMessage(&server, HelloWith(change, TheWorld().messages.at(SO_TLS_CLIENT_HELLO)));
  return server.tls.alert_sent;
}

constexpr so_bytes kNone = {nullptr, 0};

TEST(ServerRefusalTest, EachFaultOfAHelloHasItsAlert) {
  using H = so_tls_client_hello;
  EXPECT_EQ(AlertForHello([](H *) {}), 0);
  EXPECT_EQ(AlertForHello([](H *h) { h->versions = kNone; }), SO_TLS_ALERT_PROTOCOL_VERSION);
  EXPECT_EQ(AlertForHello([](H *h) { h->versions = so_bytes_of("\x03\x03", 2); }),
            SO_TLS_ALERT_PROTOCOL_VERSION);
  EXPECT_EQ(AlertForHello([](H *h) { h->legacy_version = 0x0304; }),
            SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(AlertForHello([](H *h) { h->suites = so_bytes_of("\x13\x04", 2); }),
            SO_TLS_ALERT_HANDSHAKE_FAILURE);
  EXPECT_EQ(AlertForHello([](H *h) { h->groups = kNone; }), SO_TLS_ALERT_MISSING_EXTENSION);
  EXPECT_EQ(AlertForHello([](H *h) { h->shares = kNone; }), SO_TLS_ALERT_MISSING_EXTENSION);
  EXPECT_EQ(AlertForHello([](H *h) { h->signature_schemes = kNone; }),
            SO_TLS_ALERT_MISSING_EXTENSION);
  EXPECT_EQ(AlertForHello([](H *h) { h->signature_schemes = so_bytes_of("\x08\x04", 2); }),
            SO_TLS_ALERT_HANDSHAKE_FAILURE);
  EXPECT_EQ(AlertForHello([](H *h) {
              h->groups = so_bytes_of("\x00\x18", 2);
              h->shares = so_bytes_of("", 0);
            }),
            SO_TLS_ALERT_HANDSHAKE_FAILURE);
  EXPECT_EQ(AlertForHello([](H *h) { h->groups = so_bytes_of("\x00\x17", 2); }),
            SO_TLS_ALERT_ILLEGAL_PARAMETER);  // A share for a group that is not offered.
  EXPECT_EQ(AlertForHello([](H *h) { h->record_size_limit = 63; }),
            SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(AlertForHello([](H *h) {
              h->psk_identities = so_bytes_of("\x00\x01i\x00\x00\x00\x00", 7);
              static const std::string binder = U8(32) + std::string(32, 'b');
              h->psk_binders = View(binder);
              h->psk_modes = kNone;
            }),
            SO_TLS_ALERT_MISSING_EXTENSION);
}

std::string Share(uint16_t group, const std::string &key) {
  std::vector<uint8_t> out(200);
  so_writer w = so_writer_of(out.data(), out.size());
  so_tls_write_share(group, View(key), &w);
  return Text(so_writer_bytes(&w));
}

TEST(ServerRefusalTest, BadSharesAreIllegal) {
  const std::string bad[] = {
      Share(SO_TLS_X25519, std::string(32, 0)),  // Low order: the secret would be zero.
      Share(SO_TLS_X25519, std::string(31, 9)),
      Share(SO_TLS_X25519, std::string(33, 9)),
      Share(SO_TLS_SECP256R1, U8(4) + std::string(64, 1)),  // Not on the curve.
      Share(SO_TLS_SECP256R1, std::string(65, 0)),
      Share(SO_TLS_SECP256R1, U8(2) + std::string(32, 1)),
      Share(SO_TLS_X25519, std::string(32, 9)) + Share(SO_TLS_X25519, std::string(32, 9)),
  };
  for (const std::string &share : bad) {
    EXPECT_EQ(AlertForHello([&](so_tls_client_hello *h) { h->shares = View(share); }),
              SO_TLS_ALERT_ILLEGAL_PARAMETER)
        << share.size();
  }
}

TEST(ServerRefusalTest, NoCommonAlpnNameIsRefusedWhenBothHaveNames) {
  Peer client = NewClient();
  Peer server = NewServer();
  client.config.alpn[0] = so_str("a");
  client.config.alpn_count = 1;
  server.config.alpn[0] = so_str("b");
  server.config.alpn_count = 1;
  Handshake(&client, &server);
  EXPECT_EQ(server.tls.alert_sent, SO_TLS_ALERT_NO_APPLICATION_PROTOCOL);
  EXPECT_EQ(client.tls.alert_received, SO_TLS_ALERT_NO_APPLICATION_PROTOCOL);
}

TEST(ServerRefusalTest, ASecondHelloMustRepeatTheFirst) {
  Peer client = TheWorld().states.at(SO_TLS_CLIENT_WAIT_SERVER_HELLO_AGAIN);
  const Peer &server = TheWorld().states.at(SO_TLS_SERVER_WAIT_HELLO_AGAIN);
  const std::string second = client.Drain().substr(6 + SO_TLS_RECORD_HEAD);  // After the CCS.
  using H = so_tls_client_hello;
  const std::string random(32, 'r');
  // The suite that was not chosen: which one is depends on the processor.
  const std::string other = server.tls.retry_suite == SO_TLS_CHACHA20_POLY1305_SHA256 ? "\x13\x01" : "\x13\x03";
  const std::string x25519 = Share(SO_TLS_X25519, std::string(32, 9));
  const std::vector<std::function<void(H *)>> changes = {
      [&](H *h) { h->random = View(random); },
      [&](H *h) { h->session_id = kNone; },
      [&](H *h) { h->early_data = true; },
      [&](H *h) { h->shares = View(x25519); },
      [&](H *h) { h->shares = so_bytes_of("", 0); },
      [&](H *h) { h->suites = View(other); },
  };
  for (size_t i = 0; i < changes.size(); i++) {
    Peer victim = server;
    EXPECT_FALSE(InjectMessage(&victim, HelloWith(changes[i], second)));
    EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_ILLEGAL_PARAMETER) << i;
  }
  Peer good = server;
  EXPECT_TRUE(InjectMessage(&good, second));
}

TEST(ServerRefusalTest, AWrongFinishedIsADecryptError) {
  Peer victim = TheWorld().states.at(SO_TLS_SERVER_WAIT_FINISHED);
  EXPECT_FALSE(InjectMessage(&victim, std::string("\x14\x00\x00\x20", 4) + std::string(32, 'f')));
  EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_DECRYPT_ERROR);
}

// --- answers of servers -----------------------------------------------------------------------

uint8_t AlertForServerHello(int state, const std::function<void(so_tls_server_hello *)> &change) {
  so_tls_server_hello hello;
  std::vector<uint8_t> out(4000);
  Peer victim = TheWorld().states.at(state);
  const std::string message = TheWorld().messages.at(SO_TLS_SERVER_HELLO);
  SO_EXPECT_OK(so_tls_server_hello_parse(so_bytes_from(View(message), 4), &hello));
  change(&hello);
  so_writer w = so_writer_of(out.data(), out.size());
  so_tls_server_hello_write(&hello, &w);
  InjectMessage(&victim, Text(so_writer_bytes(&w)));
  return victim.tls.alert_sent;
}

TEST(ClientRefusalTest, EachFaultOfAServerHelloHasItsAlert) {
  using H = so_tls_server_hello;
  const auto alert = [](const std::function<void(H *)> &f) {
    return AlertForServerHello(SO_TLS_CLIENT_WAIT_SERVER_HELLO, f);
  };
  static const std::string zeros(32, 0);
  static const std::string downgrade = std::string(24, 'r') + std::string("DOWNGRD\x01", 8);
  EXPECT_EQ(alert([](H *) {}), 0);
  EXPECT_EQ(alert([](H *h) { h->suite = 0x1304; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->session_id = kNone; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->legacy_version = 0x0304; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->version = 0; }), SO_TLS_ALERT_PROTOCOL_VERSION);
  EXPECT_EQ(alert([](H *h) {
              h->version = 0;
              h->random = View(downgrade);
            }),
            SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->version = 0x0303; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->group = 0; }), SO_TLS_ALERT_MISSING_EXTENSION);
  EXPECT_EQ(alert([](H *h) { h->group = SO_TLS_SECP256R1; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->share = View(zeros); }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->psk = 0; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  // Retries that change nothing, or ask for what we cannot do.
  EXPECT_EQ(alert([](H *h) { h->retry = true; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->retry = true, h->group = 0x18; }),
            SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->retry = true, h->group = 0; }), SO_TLS_ALERT_ILLEGAL_PARAMETER);
  EXPECT_EQ(alert([](H *h) { h->retry = true, h->group = SO_TLS_SECP256R1; }), 0);
  EXPECT_EQ(alert([](H *h) {
              h->retry = true;
              h->group = 0;
              h->cookie = so_str("cookie");
            }),
            0);
}

TEST(ClientRefusalTest, ASecondRetryOrAnotherSuiteAfterOneIsRefused) {
  const int again = SO_TLS_CLIENT_WAIT_SERVER_HELLO_AGAIN;
  EXPECT_EQ(AlertForServerHello(again,
                                [](so_tls_server_hello *h) {
                                  h->retry = true;
                                  h->group = SO_TLS_X25519;
                                }),
            SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  EXPECT_EQ(AlertForServerHello(again,
                                [](so_tls_server_hello *h) {
                                  h->suite = SO_TLS_CHACHA20_POLY1305_SHA256;
                                }),
            SO_TLS_ALERT_ILLEGAL_PARAMETER);
}

std::string Extensions(const std::function<void(so_writer *)> &body) {
  std::vector<uint8_t> out(1000);
  so_writer w = so_writer_of(out.data(), out.size());
  so_write_u8(&w, SO_TLS_ENCRYPTED_EXTENSIONS);
  const size_t message = so_open24(&w);
  const size_t all = so_open16(&w);
  body(&w);
  so_close16(&w, all);
  so_close24(&w, message);
  return Text(so_writer_bytes(&w));
}

TEST(ClientRefusalTest, ExtensionsThatWereNotAskedForAreRefused) {
  const std::map<uint16_t, uint8_t> alerts = {
      {SO_TLS_EXT_EARLY_DATA, SO_TLS_ALERT_UNSUPPORTED_EXTENSION},
      {0x1234, SO_TLS_ALERT_UNSUPPORTED_EXTENSION},
      {SO_TLS_EXT_KEY_SHARE, SO_TLS_ALERT_ILLEGAL_PARAMETER},
      {SO_TLS_EXT_SUPPORTED_VERSIONS, SO_TLS_ALERT_ILLEGAL_PARAMETER},
      {SO_TLS_EXT_PRE_SHARED_KEY, SO_TLS_ALERT_ILLEGAL_PARAMETER},
  };
  for (const auto &a : alerts) {
    Peer victim = TheWorld().states.at(SO_TLS_CLIENT_WAIT_EXTENSIONS);
    EXPECT_FALSE(InjectMessage(&victim, Extensions([&](so_writer *w) {
                                 so_write_u16be(w, a.first);
                                 so_write_u16be(w, 0);
                               })));
    EXPECT_EQ(victim.tls.alert_sent, a.second) << a.first;
  }
  for (const char *name : {"http/1.1", "other"}) {
    so_tls_encrypted_extensions ee = {false, so_str(name), 0};
    std::vector<uint8_t> out(100);
    so_writer w = so_writer_of(out.data(), out.size());
    so_tls_encrypted_extensions_write(&ee, &w);
    Peer victim = TheWorld().states.at(SO_TLS_CLIENT_WAIT_EXTENSIONS);
    victim.config.alpn[0] = so_str("http/1.1");
    victim.config.alpn_count = 1;
    EXPECT_EQ(InjectMessage(&victim, Text(so_writer_bytes(&w))), std::string(name) != "other");
    Peer silent = TheWorld().states.at(SO_TLS_CLIENT_WAIT_EXTENSIONS);
    EXPECT_FALSE(InjectMessage(&silent, Text(so_writer_bytes(&w))));
    EXPECT_EQ(silent.tls.alert_sent, SO_TLS_ALERT_UNSUPPORTED_EXTENSION);
  }
}

// --- whom to believe --------------------------------------------------------------------------

uint8_t AlertForCertificate(const std::function<void(Peer *client, Peer *server)> &change) {
  Peer client = NewClient();
  Peer server = NewServer();
  change(&client, &server);
  Handshake(&client, &server);
  EXPECT_EQ(client.connected(), client.tls.alert_sent == 0);
  EXPECT_EQ(server.tls.alert_received, client.tls.alert_sent);
  return client.tls.alert_sent;
}

TEST(CertificateTest, OnlyWhatCanBeVerifiedIsBelieved) {
  uint8_t pin[32];
  const so_cpu cpu = so_cpu_portable();
  so_x509_fingerprint(&cpu, *P256().der(), pin);
  EXPECT_EQ(AlertForCertificate([](Peer *, Peer *) {}), 0);
  EXPECT_EQ(AlertForCertificate([](Peer *c, Peer *) { c->config.anchors = Ed25519().der(); }),
            SO_TLS_ALERT_UNKNOWN_CA);
  EXPECT_EQ(AlertForCertificate([](Peer *c, Peer *) { c->config.anchor_count = 0; }),
            SO_TLS_ALERT_UNKNOWN_CA);
  EXPECT_NE(AlertForCertificate([](Peer *c, Peer *) {
              c->config.server_name = so_str("other.example");
            }),
            0);
  EXPECT_EQ(AlertForCertificate([](Peer *c, Peer *) { c->now_ms += INT64_C(86400000) * 2; }),
            SO_TLS_ALERT_CERTIFICATE_EXPIRED);
  EXPECT_NE(AlertForCertificate([](Peer *c, Peer *) { c->now_ms -= INT64_C(86400000) * 2; }), 0);
  const auto pinned = [&](Peer *c) {
    c->config.anchors = nullptr;
    c->config.anchor_count = 0;
    c->config.pin = pin;
  };
  EXPECT_EQ(AlertForCertificate([&](Peer *c, Peer *) {
              pinned(c);
              c->config.server_name = so_str("any.example");
              c->now_ms += INT64_C(86400000) * 365;
            }),
            0);
  EXPECT_EQ(AlertForCertificate([&](Peer *c, Peer *s) {
              pinned(c);
              s->config.identities = &Ed25519().get();
            }),
            SO_TLS_ALERT_BAD_CERTIFICATE);
}

TEST(CertificateTest, ACertificateWithoutItsKeyIsWorthNothing) {
  so_tls_identity stolen = P256().get();
  uint8_t seed[32] = {77};
  so_rng rng;
  so_rng_init(&rng, seed);
  SO_ASSERT_OK(so_private_key_generate(SO_KEY_P256, &rng, &stolen.key));
  EXPECT_EQ(AlertForCertificate([&](Peer *, Peer *s) { s->config.identities = &stolen; }),
            SO_TLS_ALERT_DECRYPT_ERROR);
}

TEST(CertificateTest, TheSchemeMustBeThatOfTheKey) {
  Peer victim = TheWorld().states.at(SO_TLS_CLIENT_WAIT_VERIFY);
  std::string verify = TheWorld().messages.at(SO_TLS_CERTIFICATE_VERIFY);
  verify[4] = 8;
  verify[5] = 7;
  EXPECT_FALSE(InjectMessage(&victim, verify));
  EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_ILLEGAL_PARAMETER);
}

TEST(CertificateTest, AnEmptyChainIsADecodeError) {
  Peer victim = TheWorld().states.at(SO_TLS_CLIENT_WAIT_CERTIFICATE);
  EXPECT_FALSE(InjectMessage(&victim, std::string("\x0b\x00\x00\x04\x00\x00\x00\x00", 8)));
  EXPECT_EQ(victim.tls.alert_sent, SO_TLS_ALERT_DECODE_ERROR);
}

TEST(CertificateTest, EveryChangedBitOfTheServersFlightIsFatal) {
  const World &w = TheWorld();
  const std::map<int, int> steps = {
      {SO_TLS_CLIENT_WAIT_EXTENSIONS, SO_TLS_ENCRYPTED_EXTENSIONS},
      {SO_TLS_CLIENT_WAIT_CERTIFICATE, SO_TLS_CERTIFICATE},
      {SO_TLS_CLIENT_WAIT_VERIFY, SO_TLS_CERTIFICATE_VERIFY},
      {SO_TLS_CLIENT_WAIT_FINISHED, SO_TLS_FINISHED}};
  for (const auto &step : steps) {
    const std::string good = w.messages.at(step.second);
    for (size_t bit = 0; bit < good.size() * 8; bit += 5) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      Peer victim = w.states.at(step.first);
      InjectMessage(&victim, bad);
      // A longer length may leave it waiting; it must not go on to be connected.
      EXPECT_FALSE(victim.connected()) << step.first << " " << bit;
    }
  }
}

TEST(ConfigurationTest, OneWayOfTrustIsNeeded) {
  uint8_t pin[32] = {0};
  Peer none = NewClient();
  none.config.anchors = nullptr;
  SO_EXPECT_CODE(SO_INTERNAL, none.Start());
  Peer both = NewClient();
  both.config.pin = pin;
  SO_EXPECT_CODE(SO_INTERNAL, both.Start());
  Peer twice = NewClient();
  SO_EXPECT_OK(twice.Start());
  SO_EXPECT_CODE(SO_CONFLICT, twice.Start());
}

}  // namespace
