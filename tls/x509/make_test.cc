#include <vector>

#include "tests/support/support.h"
#include "tests/support/vectors.h"
#include "tls/x509/x509.h"

namespace {

using so_test::Text;
using so_test::ToHex;
using so_test::View;

const int64_t kFrom = 1790000000;
const int64_t kTo = 2600000000;  // Past 2050: the other form of time.

so_private_key Key(so_key_kind kind) {
  const uint8_t secret[32] = {1, 2, 3};
  so_private_key key;
  SO_EXPECT_OK(so_private_key_of(kind, secret, &key));
  return key;
}

struct Made {
  explicit Made(std::vector<std::string> texts) : names(texts.size()), texts(std::move(texts)) {
    for (size_t i = 0; i < names.size(); i++) {
      SO_EXPECT_OK(so_x509_name_read(View(this->texts[i]), &names[i]));
    }
    t = {View(common_name), names.data(), names.size(), kFrom, kTo, {0xff, 1, 2}};
  }
  Made(const Made &) = delete;
  so_status Run(so_key_kind kind, size_t cap = 4096) {
    const so_cpu cpu = so_cpu_portable();
    const so_private_key key = Key(kind);
    std::vector<uint8_t> buf(cap);
    so_writer w = so_writer_of(buf.data(), buf.size());
    const so_status s = so_x509_self_sign(&cpu, &key, &t, &w);
    der = Text(so_writer_bytes(&w));
    return s;
  }
  std::string common_name = "stored";
  std::vector<so_x509_name> names;
  std::vector<std::string> texts;
  so_x509_template t;
  std::string der;
};

so_x509_reason Verify(const std::string &der, const std::string &host, int64_t now) {
  const so_cpu cpu = so_cpu_portable();
  const so_bytes cert = View(der);
  so_x509_name name;
  SO_EXPECT_OK(so_x509_name_read(View(host), &name));
  const so_x509_request request = {&cpu, &cert, 1, &cert, 1, SO_X509_FOR_SERVER, &name, now};
  so_x509_result result;
  return so_ok(so_x509_verify(&request, &result)) ? SO_X509_VERIFIED : result.reason;
}

TEST(SelfSignTest, WhatIsMadeParsesAndIsItsOwnAnchor) {
  for (so_key_kind kind : {SO_KEY_P256, SO_KEY_ED25519}) {
    Made m({"localhost", "store.example", "127.0.0.1", "::1"});
    SO_ASSERT_OK(m.Run(kind));
    so_x509 cert;
    SO_ASSERT_OK(so_x509_parse(View(m.der), &cert));
    EXPECT_EQ(cert.not_before_s, kFrom);
    EXPECT_EQ(cert.not_after_s, kTo);
    EXPECT_TRUE(so_bytes_equal(cert.issuer, cert.subject));
    EXPECT_EQ(cert.key.kind, kind);
    EXPECT_EQ(ToHex(Text(cert.serial)), "7f010200000000000000000000000000");
    EXPECT_FALSE(cert.is_ca);
    EXPECT_EQ(cert.key_usage, SO_X509_DIGITAL_SIGNATURE);
    EXPECT_EQ(cert.extended_key_usage, SO_X509_SERVER_AUTH);
    EXPECT_EQ(cert.subject_key_id.len, 20u);
    EXPECT_FALSE(cert.unknown_critical);
    for (const char *host : {"localhost", "store.example", "127.0.0.1", "::1"}) {
      EXPECT_EQ(Verify(m.der, host, kFrom), SO_X509_VERIFIED) << host;
    }
    EXPECT_EQ(Verify(m.der, "127.0.0.2", kFrom), SO_X509_WRONG_NAME);
    EXPECT_EQ(Verify(m.der, "localhost", kTo + 1), SO_X509_EXPIRED);
    EXPECT_EQ(Verify(m.der, "localhost", kFrom - 1), SO_X509_NOT_YET_VALID);
  }
}

TEST(SelfSignTest, TheSignatureIsThatOfItsKey) {
  const so_cpu cpu = so_cpu_portable();
  for (so_key_kind kind : {SO_KEY_P256, SO_KEY_ED25519}) {
    Made m({"localhost"});
    SO_ASSERT_OK(m.Run(kind));
    so_x509 cert;
    SO_ASSERT_OK(so_x509_parse(View(m.der), &cert));
    SO_EXPECT_OK(so_key_verify(&cpu, &cert.key, cert.signature_alg, cert.tbs, cert.signature));
  }
}

TEST(SelfSignTest, TheSameInputGivesTheSameBytes) {
  Made a({"localhost"}), b({"localhost"});
  SO_ASSERT_OK(a.Run(SO_KEY_P256));
  SO_ASSERT_OK(b.Run(SO_KEY_P256));
  EXPECT_EQ(a.der, b.der);
}

TEST(SelfSignTest, AnySerialIsPositiveAndOf16Bytes) {
  for (int first : {0x00, 0x80, 0xff, 0x01}) {
    Made m({"localhost"});
    memset(m.t.serial, 0, sizeof m.t.serial);
    m.t.serial[0] = static_cast<uint8_t>(first);
    SO_ASSERT_OK(m.Run(SO_KEY_ED25519));
    so_x509 cert;
    SO_ASSERT_OK(so_x509_parse(View(m.der), &cert));
    EXPECT_EQ(cert.serial.len, 16u);
  }
}

TEST(SelfSignTest, CountsAndLengthsAreLimited) {
  Made none({});
  SO_EXPECT_CODE(SO_LIMIT, none.Run(SO_KEY_P256));
  const std::vector<std::string> most(SO_X509_NAMES_MAX, "a.example");
  Made full(most);
  SO_EXPECT_OK(full.Run(SO_KEY_P256));
  std::vector<std::string> more = most;
  more.push_back("a.example");
  Made over(more);
  SO_EXPECT_CODE(SO_LIMIT, over.Run(SO_KEY_P256));

  Made m({"localhost"});
  const std::string longest(64, 'n');
  m.t.common_name = View(longest);
  SO_EXPECT_OK(m.Run(SO_KEY_P256));
  const std::string longer(65, 'n');
  m.t.common_name = View(longer);
  SO_EXPECT_CODE(SO_LIMIT, m.Run(SO_KEY_P256));
  m.t.common_name = so_bytes_of(nullptr, 0);
  SO_EXPECT_CODE(SO_LIMIT, m.Run(SO_KEY_P256));
  m.t.common_name = View(longest);
  m.names[0].dns = so_str("not a name");
  SO_EXPECT_CODE(SO_LIMIT, m.Run(SO_KEY_P256));
  m.names[0].dns = so_str("localhost");
  m.t.not_after_s = INT64_MAX;
  SO_EXPECT_CODE(SO_LIMIT, m.Run(SO_KEY_P256));
}

TEST(SelfSignTest, TooLittleRoomIsALimitAtAnyLength) {
  Made m({"localhost", "127.0.0.1"});
  SO_ASSERT_OK(m.Run(SO_KEY_P256));
  const size_t len = m.der.size();
  for (size_t cap = 0; cap < len; cap++) {
    SO_EXPECT_CODE(SO_LIMIT, m.Run(SO_KEY_P256, cap));
  }
  SO_EXPECT_OK(m.Run(SO_KEY_P256, len));
}

TEST(SelfSignTest, TheDeclaredRoomIsEnough) {
  std::vector<std::string> names(SO_X509_NAMES_MAX, std::string(63, 'a') + ".example");
  Made m(names);
  const std::string longest(64, 'n');
  m.t.common_name = View(longest);
  SO_EXPECT_OK(m.Run(SO_KEY_P256, SO_X509_MADE_LEN + names.size() * (names[0].size() + 5)));
}

TEST(FingerprintTest, IsTheSha256OfTheDer) {
  const so_cpu cpu = so_cpu_portable();
  uint8_t out[SO_X509_FINGERPRINT_LEN];
  so_x509_fingerprint(&cpu, so_str("abc"), out);
  EXPECT_EQ(ToHex(out, sizeof out),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
