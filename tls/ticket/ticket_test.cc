#include "tls/ticket/ticket.h"

#include <vector>

#include "tests/support/support.h"

namespace {

constexpr int64_t kNowMs = INT64_C(1767225600000);

so_tls_ticket_keys Keys(int seed) {
  so_tls_ticket_keys keys;
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN];
  memset(fresh, seed, sizeof fresh);
  so_tls_ticket_keys_init(&keys, fresh, kNowMs);
  return keys;
}

so_tls_ticket Ticket() {
  so_tls_ticket t = {};
  t.suite = SO_TLS_AES_256_GCM_SHA384;
  memset(t.psk, 5, sizeof t.psk);
  t.psk_len = 48;
  t.issued_ms = kNowMs;
  t.age_add = 0xfffffff0;
  return t;
}

std::string Seal(const so_tls_ticket_keys &keys, const so_tls_ticket &ticket) {
  const so_cpu cpu = so_cpu_portable();
  const uint8_t nonce[12] = {1, 2, 3};
  uint8_t out[256];
  so_writer w = so_writer_of(out, sizeof out);
  SO_EXPECT_OK(so_tls_ticket_seal(&keys, &cpu, &ticket, nonce, &w));
  return so_test::Text(so_writer_bytes(&w));
}

so_status Open(const so_tls_ticket_keys &keys, const std::string &sealed, so_tls_ticket *out) {
  const so_cpu cpu = so_cpu_portable();
  const so_test::Guarded g(sealed);
  return so_tls_ticket_open(&keys, &cpu, g.view(), out);
}

TEST(TicketTest, WhatWasSealedIsOpened) {
  const so_tls_ticket_keys keys = Keys(1);
  const std::string sealed = Seal(keys, Ticket());
  so_tls_ticket out;
  SO_ASSERT_OK(Open(keys, sealed, &out));
  EXPECT_EQ(out.suite, Ticket().suite);
  EXPECT_EQ(out.issued_ms, kNowMs);
  EXPECT_EQ(out.age_add, 0xfffffff0u);
  EXPECT_EQ(memcmp(out.psk, Ticket().psk, 48), 0);
  EXPECT_EQ(sealed.find(std::string(8, 5)), std::string::npos) << "the key shows";
}

TEST(TicketTest, EveryChangeAndEveryTruncationIsRefused) {
  const so_tls_ticket_keys keys = Keys(1);
  const std::string sealed = Seal(keys, Ticket());
  so_tls_ticket out;
  for (size_t bit = 0; bit < sealed.size() * 8; bit++) {
    std::string bad = sealed;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    SO_EXPECT_CODE(bit < 16 * 8 ? SO_NOT_FOUND : SO_DENIED, Open(keys, bad, &out));
  }
  for (size_t n = 0; n < sealed.size(); n++) {
    EXPECT_FALSE(so_ok(Open(keys, sealed.substr(0, n), &out))) << n;
  }
  EXPECT_FALSE(so_ok(Open(keys, sealed + "x", &out)));
  EXPECT_FALSE(so_ok(Open(keys, std::string(400, 1), &out)));
}

TEST(TicketTest, TheKeyBeforeTheNewestStillOpensAndNoOlderOne) {
  so_tls_ticket_keys keys = Keys(1);
  const std::string sealed = Seal(keys, Ticket());
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN] = {2};
  so_tls_ticket out;
  so_tls_ticket_keys_replace(&keys, fresh, kNowMs);
  SO_EXPECT_OK(Open(keys, sealed, &out));
  fresh[0] = 3;
  so_tls_ticket_keys_replace(&keys, fresh, kNowMs);
  SO_EXPECT_CODE(SO_NOT_FOUND, Open(keys, sealed, &out));
}

TEST(TicketTest, KeysThatWereNeverMadeDoNothing) {
  const so_tls_ticket_keys none = {};
  const so_cpu cpu = so_cpu_portable();
  const so_tls_ticket ticket = Ticket();
  const uint8_t nonce[12] = {0};
  uint8_t buf[256];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_tls_ticket out;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_tls_ticket_seal(&none, &cpu, &ticket, nonce, &w));
  EXPECT_EQ(w.len, 0u);
  SO_EXPECT_CODE(SO_NOT_FOUND, Open(none, std::string(100, 0), &out));
  EXPECT_TRUE(so_tls_ticket_keys_due(&none, kNowMs));
}

TEST(TicketTest, KeysAreDueAtTheirAgeOrWhenTheClockWentBack) {
  const so_tls_ticket_keys keys = Keys(1);
  const int64_t lifetime_ms = INT64_C(1000) * SO_TLS_TICKET_KEY_LIFETIME_S;
  EXPECT_FALSE(so_tls_ticket_keys_due(&keys, kNowMs));
  EXPECT_FALSE(so_tls_ticket_keys_due(&keys, kNowMs + lifetime_ms - 1));
  EXPECT_TRUE(so_tls_ticket_keys_due(&keys, kNowMs + lifetime_ms));
  EXPECT_TRUE(so_tls_ticket_keys_due(&keys, kNowMs - 1));
}

TEST(TicketTest, AgesAreJudgedModulo32Bits) {
  const so_tls_ticket t = Ticket();
  const uint32_t hour = 3600000;
  const auto fresh = [&](uint32_t claimed_ms, int64_t real_ms) {
    return so_tls_ticket_fresh(&t, claimed_ms + t.age_add, kNowMs + real_ms);
  };
  EXPECT_TRUE(fresh(0, 0));
  EXPECT_TRUE(fresh(hour, hour));
  EXPECT_TRUE(fresh(hour, hour + SO_TLS_TICKET_SKEW_MS));
  EXPECT_FALSE(fresh(hour, hour + SO_TLS_TICKET_SKEW_MS + 1));
  EXPECT_TRUE(fresh(hour + SO_TLS_TICKET_SKEW_MS, hour));
  EXPECT_FALSE(fresh(hour + SO_TLS_TICKET_SKEW_MS + 1, hour));
  EXPECT_TRUE(fresh(12 * hour, 12 * int64_t{hour}));
  EXPECT_FALSE(fresh(12 * hour + 1, 12 * int64_t{hour} + 1));
  EXPECT_FALSE(fresh(0, -1));
}

so_tls_session Session() {
  so_tls_session s = {};
  s.suite = SO_TLS_AES_128_GCM_SHA256;
  s.psk_len = 32;
  memset(s.psk, 1, 32);
  memset(s.binding, 2, 32);
  s.not_after_s = kNowMs / 1000 + 1000;
  s.received_ms = kNowMs;
  s.lifetime_s = 100;
  s.age_add = 7;
  s.ticket_len = 20;
  memset(s.ticket, 3, 20);
  return s;
}

std::string Encode(const so_tls_session &s) {
  uint8_t out[SO_TLS_SESSION_LEN_MAX];
  so_writer w = so_writer_of(out, sizeof out);
  so_tls_session_write(&s, &w);
  EXPECT_FALSE(w.failed);
  return so_test::Text(so_writer_bytes(&w));
}

TEST(SessionTest, WhatWasWrittenIsReadBackStrictly) {
  const std::string text = Encode(Session());
  so_tls_session out;
  SO_ASSERT_OK(so_tls_session_parse(so_test::View(text), &out));
  EXPECT_EQ(Encode(out), text);
  EXPECT_EQ(out.ticket_len, 20);
  for (size_t n = 0; n < text.size(); n++) {
    const so_test::Guarded g(text.data(), n);
    SO_EXPECT_CODE(SO_MALFORMED, so_tls_session_parse(g.view(), &out));
  }
  const std::string longer = text + "x";
  SO_EXPECT_CODE(SO_MALFORMED, so_tls_session_parse(so_test::View(longer), &out));
}

TEST(SessionTest, TheLongestTicketFitsAndNoLongerOne) {
  so_tls_session s = Session();
  s.psk_len = 48;
  s.suite = SO_TLS_AES_256_GCM_SHA384;
  s.ticket_len = SO_TLS_TICKET_LEN_MAX;
  std::string text = Encode(s);
  so_tls_session out;
  SO_EXPECT_OK(so_tls_session_parse(so_test::View(text), &out));
  const size_t at = text.size() - SO_TLS_TICKET_LEN_MAX - 2;
  text += "x";
  text[at] = static_cast<char>((SO_TLS_TICKET_LEN_MAX + 1) >> 8);
  text[at + 1] = static_cast<char>(SO_TLS_TICKET_LEN_MAX + 1);
  SO_EXPECT_CODE(SO_MALFORMED, so_tls_session_parse(so_test::View(text), &out));
}

TEST(SessionTest, EndsWithItsLifetimeOrItsCertificate) {
  so_tls_session s = Session();
  EXPECT_TRUE(so_tls_session_usable(&s, kNowMs));
  EXPECT_TRUE(so_tls_session_usable(&s, kNowMs + 99999));
  EXPECT_FALSE(so_tls_session_usable(&s, kNowMs + 100000));
  EXPECT_FALSE(so_tls_session_usable(&s, kNowMs - 1));
  s.not_after_s = kNowMs / 1000 + 10;
  EXPECT_TRUE(so_tls_session_usable(&s, kNowMs + 10000));
  EXPECT_FALSE(so_tls_session_usable(&s, kNowMs + 11000));
  const so_tls_session none = {};
  EXPECT_FALSE(so_tls_session_usable(&none, kNowMs));
}

}  // namespace
