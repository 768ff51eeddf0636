#include "tls/record/record.h"

#include <vector>

#include "tests/support/support.h"
#include "tls/wire/wire.h"

namespace {

so_tls_record_keys Keys() {
  const so_cpu cpu = so_cpu_portable();
  uint8_t key[16];
  so_tls_record_keys keys;
  memset(&keys, 0, sizeof keys);
  memset(key, 7, sizeof key);
  memset(keys.iv, 9, sizeof keys.iv);
  so_aead_init(&keys.aead, SO_AES_128_GCM, &cpu, key);
  keys.on = true;
  return keys;
}

std::vector<uint8_t> Seal(so_tls_record_keys *keys, uint8_t type, const std::string &content) {
  std::vector<uint8_t> record(content.size() + SO_TLS_RECORD_OVERHEAD);
  memcpy(record.data() + SO_TLS_RECORD_HEAD, content.data(), content.size());
  so_tls_record_seal(keys, type, record.data(), content.size());
  return record;
}

// A record whose inner plaintext is exactly `inner`: padding and type are the test's business.
std::vector<uint8_t> SealInner(so_tls_record_keys *keys, const std::string &inner) {
  const std::string content = inner.substr(0, inner.size() - 1);
  return Seal(keys, static_cast<uint8_t>(inner.back()), content);
}

TEST(RecordTest, SealedRecordsOpenInOrder) {
  so_tls_record_keys out = Keys();
  so_tls_record_keys in = Keys();
  for (int i = 0; i < 3; i++) {
    const std::string text = "record " + std::to_string(i);
    std::vector<uint8_t> record = Seal(&out, SO_TLS_CONTENT_DATA, text);
    so_tls_record_head head;
    uint8_t type = 0;
    so_bytes content;
    SO_ASSERT_OK(so_tls_record_head_parse(so_bytes_of(record.data(), record.size()), &head));
    EXPECT_EQ(head.record_len, record.size());
    SO_ASSERT_OK(so_tls_record_open(&in, record.data(), record.size(), SO_TLS_PLAINTEXT_LEN_MAX,
                                    &type, &content));
    EXPECT_EQ(type, SO_TLS_CONTENT_DATA);
    EXPECT_EQ(so_test::Text(content), text);
  }
}

TEST(RecordTest, EveryFlippedBitIsABadRecordMac) {
  so_tls_record_keys out = Keys();
  const std::vector<uint8_t> good = Seal(&out, SO_TLS_CONTENT_DATA, "abc");
  for (size_t bit = 0; bit < good.size() * 8; bit++) {
    std::vector<uint8_t> record = good;
    record[bit / 8] = static_cast<uint8_t>(record[bit / 8] ^ (1u << (bit % 8)));
    so_tls_record_keys in = Keys();
    uint8_t type = 0;
    so_bytes content;
    const so_status s = so_tls_record_open(&in, record.data(), record.size(), 100, &type, &content);
    EXPECT_EQ(s.detail, SO_TLS_ALERT_BAD_RECORD_MAC) << bit;
    EXPECT_EQ(in.sequence, 0u);
    EXPECT_EQ(record[SO_TLS_RECORD_HEAD], 0);  // Nothing readable is left.
  }
}

TEST(RecordTest, ReplayedAndReorderedRecordsAreRefused) {
  so_tls_record_keys out = Keys();
  std::vector<uint8_t> first = Seal(&out, SO_TLS_CONTENT_DATA, "first");
  std::vector<uint8_t> second = Seal(&out, SO_TLS_CONTENT_DATA, "second");
  std::vector<uint8_t> again = first;
  so_tls_record_keys in = Keys();
  uint8_t type = 0;
  so_bytes content;
  SO_EXPECT_CODE(SO_MALFORMED, so_tls_record_open(&in, second.data(), second.size(), 100, &type,
                                                  &content));
  SO_EXPECT_OK(so_tls_record_open(&in, first.data(), first.size(), 100, &type, &content));
  SO_EXPECT_CODE(SO_MALFORMED, so_tls_record_open(&in, again.data(), again.size(), 100, &type,
                                                  &content));
}

TEST(RecordTest, PaddingIsStripped) {
  so_tls_record_keys out = Keys();
  so_tls_record_keys in = Keys();
  std::vector<uint8_t> record =
      SealInner(&out, std::string("hello\x16", 6) + std::string(100, '\0'));
  uint8_t type = 0;
  so_bytes content;
  SO_ASSERT_OK(so_tls_record_open(&in, record.data(), record.size(), 200, &type, &content));
  EXPECT_EQ(type, SO_TLS_CONTENT_HANDSHAKE);
  EXPECT_EQ(so_test::Text(content), "hello");
}

TEST(RecordTest, NothingButPaddingIsUnexpected) {
  so_tls_record_keys out = Keys();
  so_tls_record_keys in = Keys();
  std::vector<uint8_t> record = SealInner(&out, std::string(20, '\0'));
  uint8_t type = 0;
  so_bytes content;
  EXPECT_EQ(so_tls_record_open(&in, record.data(), record.size(), 200, &type, &content).detail,
            SO_TLS_ALERT_UNEXPECTED_MESSAGE);
}

TEST(RecordTest, TheLimitOfContentIsExact) {
  for (size_t len : {100u, 101u}) {
    so_tls_record_keys out = Keys();
    so_tls_record_keys in = Keys();
    std::vector<uint8_t> record = Seal(&out, SO_TLS_CONTENT_DATA, std::string(len, 'x'));
    uint8_t type = 0;
    so_bytes content;
    const so_status s = so_tls_record_open(&in, record.data(), record.size(), 100, &type, &content);
    if (len == 100) {
      SO_EXPECT_OK(s);
    } else {
      EXPECT_EQ(s.detail, SO_TLS_ALERT_RECORD_OVERFLOW);
    }
  }
}

TEST(RecordTest, RecordsTooShortForATagAreRefused) {
  for (size_t len = SO_TLS_RECORD_HEAD; len < SO_TLS_RECORD_OVERHEAD; len++) {
    std::vector<uint8_t> record(len, 0);
    so_tls_record_keys in = Keys();
    uint8_t type = 0;
    so_bytes content;
    EXPECT_EQ(so_tls_record_open(&in, record.data(), record.size(), 100, &type, &content).detail,
              SO_TLS_ALERT_BAD_RECORD_MAC);
  }
}

TEST(RecordTest, EveryTruncatedHeadWantsMore) {
  const std::string head("\x17\x03\x03\x00\x10", 5);
  so_tls_record_head out;
  for (size_t n = 0; n < head.size(); n++) {
    const so_test::Guarded g(head.data(), n);
    SO_EXPECT_CODE(SO_AGAIN, so_tls_record_head_parse(g.view(), &out));
  }
  const so_test::Guarded g(head);
  SO_ASSERT_OK(so_tls_record_head_parse(g.view(), &out));
  EXPECT_EQ(out.record_len, 21u);
}

TEST(RecordTest, WhatIsNotTlsIsToldByItsFirstBytes) {
  so_tls_record_head out;
  EXPECT_EQ(so_tls_record_head_parse(so_str("GET / HTTP/1.1"), &out).detail,
            SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  EXPECT_EQ(so_tls_record_head_parse(so_str("G"), &out).detail, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  EXPECT_EQ(so_tls_record_head_parse(so_bytes_of("\x16\x02\x03\x00\x10", 5), &out).detail,
            SO_TLS_ALERT_PROTOCOL_VERSION);
  EXPECT_EQ(so_tls_record_head_parse(so_bytes_of("\x16\x03\x03\x41\x01", 5), &out).detail,
            SO_TLS_ALERT_RECORD_OVERFLOW);
  SO_EXPECT_OK(so_tls_record_head_parse(so_bytes_of("\x16\x03\x03\x41\x00", 5), &out));
}

}  // namespace
