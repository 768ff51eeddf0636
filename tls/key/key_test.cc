#include "tls/key/key.h"

#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "base/hex.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::FromHex;
using so_test::Text;
using so_test::ToHex;
using so_test::View;

// The text behind each "name: " line of keys.pem.
const std::string &KeyText(const std::string &name) {
  static const auto *all = [] {
    auto *map = new std::map<std::string, std::string>;
    std::ifstream in("tls/key/testdata/keys.pem");
    std::string line, at;
    while (std::getline(in, line)) {
      if (line.compare(0, 6, "name: ") == 0) {
        at = line.substr(6);
      } else {
        (*map)[at] += line + "\n";
      }
    }
    return map;
  }();
  const auto it = all->find(name);
  if (it == all->end()) {
    ADD_FAILURE() << "no key " << name;
    static const std::string none;
    return none;
  }
  return it->second;
}

std::string Base64(const std::string &text) {
  uint8_t buf[512];
  so_writer w = so_writer_of(buf, sizeof buf);
  SO_EXPECT_OK(so_base64_read(SO_BASE64, View(text), &w));
  return Text(so_writer_bytes(&w));
}

so_private_key Key(so_key_kind kind, uint8_t seed = 1) {
  uint8_t bytes[32];
  memset(bytes, seed, sizeof bytes);
  so_private_key key;
  SO_EXPECT_OK(so_private_key_of(kind, bytes, &key));
  return key;
}

std::string Pkcs8(const so_private_key &key) {
  uint8_t buf[SO_KEY_PKCS8_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_private_key_write(&key, &w);
  EXPECT_FALSE(w.failed);
  return Text(so_writer_bytes(&w));
}

std::string Spki(const so_public_key &key) {
  uint8_t buf[SO_KEY_SPKI_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_public_key_write(&key, &w);
  EXPECT_FALSE(w.failed);
  return Text(so_writer_bytes(&w));
}

so_status Parse(const std::string &der) {
  so_test::Guarded g(der);
  so_private_key key;
  return so_private_key_parse(g.view(), &key);
}

// RFC 8410 section 10: the same key with and without attributes and the public key.
const char kRfc8410[] = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
const char kRfc8410Version2[] =
    "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhCoB8wHQYKKoZIhvcNAQkJFDEP"
    "DA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
const char kRfc8410Public[] = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

TEST(KeyTest, TheExamplesOfRfc8410AreOneKey) {
  so_private_key one, two;
  SO_ASSERT_OK(so_private_key_parse(View(Base64(kRfc8410)), &one));
  SO_ASSERT_OK(so_private_key_parse(View(Base64(kRfc8410Version2)), &two));
  EXPECT_EQ(memcmp(one.secret, two.secret, sizeof one.secret), 0);
  EXPECT_EQ(ToHex(Spki(one.public_key)), ToHex(Base64(kRfc8410Public)));
  EXPECT_EQ(ToHex(Pkcs8(two)), ToHex(Base64(kRfc8410)));
}

TEST(KeyTest, FormsOfOneKeyOfOpensslAreEqual) {
  so_private_key first;
  SO_ASSERT_OK(so_private_key_read_pem(View(KeyText("p256_sec1")), &first));
  EXPECT_EQ(first.kind, SO_KEY_P256);
  for (const char *name : {"p256_pkcs8", "p256_sec1_without_public", "p256_compressed"}) {
    so_private_key other;
    SO_ASSERT_OK(so_private_key_read_pem(View(KeyText(name)), &other));
    EXPECT_EQ(memcmp(first.secret, other.secret, sizeof first.secret), 0) << name;
    EXPECT_TRUE(so_public_key_equal(&first.public_key, &other.public_key)) << name;
  }
}

TEST(KeyTest, WritesWhatOpensslWrites) {
  for (const char *name : {"p256_pkcs8", "ed25519_pkcs8"}) {
    so_private_key key;
    SO_ASSERT_OK(so_private_key_read_pem(View(KeyText(name)), &key));
    uint8_t buf[SO_KEY_PEM_LEN_MAX];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_private_key_write_pem(&key, &w);
    EXPECT_EQ(Text(so_writer_bytes(&w)), KeyText(name));
  }
}

TEST(KeyTest, KeysOfGnutlsAreRead) {
  for (const char *name : {"gnutls_p256_1", "gnutls_p256_2", "gnutls_p256_3", "gnutls_p256_4",
                           "gnutls_ed25519"}) {
    so_private_key key;
    SO_EXPECT_OK(so_private_key_read_pem(View(KeyText(name)), &key));
  }
}

TEST(KeyTest, OtherKeysAreUnsupportedNotMalformed) {
  for (const char *name : {"p384_pkcs8", "p384_sec1", "rsa_pkcs8", "rsa_pkcs1", "p256_encrypted",
                           "p256_encrypted_old", "gnutls_p256_pkcs8"}) {
    so_private_key key;
    SCOPED_TRACE(name);
    SO_EXPECT_CODE(SO_UNSUPPORTED, so_private_key_read_pem(View(KeyText(name)), &key));
  }
  so_private_key key;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_private_key_read_pem(View("no key here"), &key));
}

TEST(KeyTest, EveryTruncationAndTrailingByteFails) {
  for (so_key_kind kind : {SO_KEY_P256, SO_KEY_ED25519}) {
    const std::string der = Pkcs8(Key(kind));
    SO_EXPECT_OK(Parse(der));
    for (size_t n = 0; n < der.size(); n++) {
      SO_EXPECT_CODE(SO_MALFORMED, Parse(der.substr(0, n)));
    }
    SO_EXPECT_CODE(SO_MALFORMED, Parse(der + '\0'));
  }
}

TEST(KeyTest, APublicKeyOfAnotherKeyIsDenied) {
  const std::string a = Pkcs8(Key(SO_KEY_P256, 1));
  std::string b = a;
  b.back() = static_cast<char>(b.back() ^ 1);
  SO_EXPECT_CODE(SO_DENIED, Parse(b));
  std::string v2 = Base64(kRfc8410Version2);
  v2.back() = static_cast<char>(v2.back() ^ 1);
  SO_EXPECT_CODE(SO_DENIED, Parse(v2));
}

TEST(KeyTest, ScalarsOutOfRangeAreDenied) {
  so_private_key key;
  const std::string order =
      FromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  std::string last = order;
  last.back() = static_cast<char>(last.back() - 1);
  SO_EXPECT_CODE(SO_DENIED, so_private_key_of(SO_KEY_P256, so_test::Ptr(order), &key));
  SO_EXPECT_OK(so_private_key_of(SO_KEY_P256, so_test::Ptr(last), &key));
  const std::string zero(32, '\0');
  SO_EXPECT_CODE(SO_DENIED, so_private_key_of(SO_KEY_P256, so_test::Ptr(zero), &key));
  SO_EXPECT_OK(so_private_key_of(SO_KEY_ED25519, so_test::Ptr(zero), &key));
  SO_EXPECT_CODE(SO_UNSUPPORTED, so_private_key_of(SO_KEY_UNSUPPORTED, so_test::Ptr(zero), &key));
}

TEST(KeyTest, SecretsHaveTheirLength) {
  // SEC 1 with the curve and a scalar of the given bytes.
  const auto sec1 = [](const std::string &scalar) {
    uint8_t buf[128];
    so_writer w = so_writer_of(buf, sizeof buf);
    const size_t seq = so_der_open(&w, SO_DER_SEQUENCE);
    so_der_write_u32(&w, 1);
    so_der_write(&w, SO_DER_OCTET_STRING, View(scalar));
    const size_t params = so_der_open(&w, SO_DER_CONTEXT_OF(0));
    so_der_write(&w, SO_DER_OID, View(FromHex("2a8648ce3d030107")));
    so_der_close(&w, params);
    so_der_close(&w, seq);
    return Parse(Text(so_writer_bytes(&w)));
  };
  SO_EXPECT_OK(sec1(std::string(32, 1)));
  SO_EXPECT_OK(sec1(std::string(31, 1)));
  SO_EXPECT_OK(sec1(std::string(1, 0) + std::string(32, 1)));
  SO_EXPECT_CODE(SO_MALFORMED, sec1(std::string(33, 1)));
  SO_EXPECT_CODE(SO_MALFORMED, sec1(std::string(1, 0) + std::string(33, 1)));
  SO_EXPECT_CODE(SO_MALFORMED, sec1(""));
}

TEST(KeyTest, GeneratedKeysDifferAndComeBack) {
  uint8_t seed[32] = {7};
  so_rng rng;
  so_rng_init(&rng, seed);
  for (so_key_kind kind : {SO_KEY_P256, SO_KEY_ED25519}) {
    so_private_key a, b, back;
    SO_ASSERT_OK(so_private_key_generate(kind, &rng, &a));
    SO_ASSERT_OK(so_private_key_generate(kind, &rng, &b));
    EXPECT_NE(ToHex(a.secret, 32), ToHex(b.secret, 32));
    SO_ASSERT_OK(so_private_key_parse(View(Pkcs8(a)), &back));
    EXPECT_EQ(ToHex(a.secret, 32), ToHex(back.secret, 32));
    EXPECT_TRUE(so_public_key_equal(&a.public_key, &back.public_key));
    so_private_key_wipe(&a);
    EXPECT_EQ(std::string(reinterpret_cast<char *>(&a), sizeof a), std::string(sizeof a, '\0'));
  }
}

TEST(PublicKeyTest, ParsedAndWrittenAgainIsTheSame) {
  for (so_key_kind kind : {SO_KEY_P256, SO_KEY_ED25519}) {
    const so_public_key key = Key(kind).public_key;
    const std::string der = Spki(key);
    so_der d = so_der_of(View(der));
    so_public_key back;
    ASSERT_TRUE(so_public_key_parse(&d, &back) && so_der_done(&d));
    EXPECT_TRUE(so_public_key_equal(&key, &back));
    EXPECT_EQ(Spki(back), der);
  }
}

TEST(PublicKeyTest, FormsThatAreNotOursAreUnsupportedOrMalformed) {
  // -1: malformed, else the kind.
  const auto parse = [](const std::string &hex) {
    so_test::Guarded g(FromHex(hex));
    so_der d = so_der_of(g.view());
    so_public_key key;
    const bool ok = so_public_key_parse(&d, &key);
    EXPECT_EQ(ok, so_der_done(&d));
    return ok ? static_cast<int>(key.kind) : -1;
  };
  const std::string point(128, '1');
  const std::string ec = "301306072a8648ce3d020106082a8648ce3d030107";
  EXPECT_EQ(parse("3059" + ec + "03420004" + point), SO_KEY_P256);
  EXPECT_EQ(parse("3039" + ec + "03220002" + point.substr(64)), SO_KEY_UNSUPPORTED);
  EXPECT_EQ(parse("3059" + ec + "03420006" + point), -1) << "hybrid";
  EXPECT_EQ(parse("3058" + ec + "03410004" + point.substr(2)), -1) << "a byte short";
  EXPECT_EQ(parse("3017" + ec + "03020000"), -1) << "infinity";
  EXPECT_EQ(parse("3059" + ec + "03420104" + point), -1) << "unused bits";
  EXPECT_EQ(parse("302a300506032b6570032100" + point.substr(64)), SO_KEY_ED25519);
  EXPECT_EQ(parse("302c300706032b65700500032100" + point.substr(64)), -1) << "parameters";
  EXPECT_EQ(parse("3029300506032b6570032000" + point.substr(66)), -1);
  EXPECT_EQ(parse("302a300506032b6571032100" + point.substr(64)), SO_KEY_UNSUPPORTED) << "Ed448";
}

TEST(SignatureTest, WhatIsSignedVerifies) {
  const so_cpu cpu = so_cpu_portable();
  const std::string message = "a message";
  const struct {
    so_key_kind kind;
    so_signature_alg alg;
  } cases[] = {{SO_KEY_P256, SO_ECDSA_SHA256},
               {SO_KEY_P256, SO_ECDSA_SHA384},
               {SO_KEY_P256, SO_ECDSA_SHA512},
               {SO_KEY_ED25519, SO_ED25519}};
  for (const auto &c : cases) {
    const so_private_key key = Key(c.kind);
    uint8_t buf[SO_KEY_SIGNATURE_LEN_MAX];
    so_writer w = so_writer_of(buf, sizeof buf);
    SO_ASSERT_OK(so_key_sign(&cpu, &key, c.alg, View(message), &w));
    const std::string sig = Text(so_writer_bytes(&w));
    const auto verify = [&](const so_public_key &k, so_signature_alg alg, const std::string &m,
                            const std::string &s) {
      so_test::Guarded g(s);
      return so_key_verify(&cpu, &k, alg, View(m), g.view());
    };
    SO_EXPECT_OK(verify(key.public_key, c.alg, message, sig));
    SO_EXPECT_CODE(SO_DENIED, verify(key.public_key, c.alg, "another", sig));
    SO_EXPECT_CODE(SO_DENIED, verify(Key(c.kind, 2).public_key, c.alg, message, sig));
    for (size_t n = 0; n < sig.size(); n++) {
      SO_EXPECT_CODE(SO_MALFORMED, verify(key.public_key, c.alg, message, sig.substr(0, n)));
    }
    SO_EXPECT_CODE(SO_MALFORMED, verify(key.public_key, c.alg, message, sig + '\0'));
    const so_signature_alg other = c.kind == SO_KEY_P256 ? SO_ED25519 : SO_ECDSA_SHA256;
    SO_EXPECT_CODE(SO_UNSUPPORTED, verify(key.public_key, other, message, sig));
    SO_EXPECT_CODE(SO_UNSUPPORTED,
                   verify(key.public_key, SO_SIGNATURE_UNSUPPORTED, message, sig));
    SO_EXPECT_CODE(SO_UNSUPPORTED, so_key_sign(&cpu, &key, other, View(message), &w));
  }
}

TEST(SignatureTest, OnlyStrictDerOfNumbersInRangeVerifies) {
  const so_cpu cpu = so_cpu_portable();
  const so_private_key key = Key(SO_KEY_P256);
  const auto verify = [&](const std::string &hex) {
    return so_key_verify(&cpu, &key.public_key, SO_ECDSA_SHA256, View("m"), View(FromHex(hex)));
  };
  SO_EXPECT_CODE(SO_DENIED, verify("3006020101020101"));
  SO_EXPECT_CODE(SO_DENIED, verify("3006020100020100"));
  SO_EXPECT_CODE(SO_MALFORMED, verify("300702020001020101"));        // r with a needless zero
  SO_EXPECT_CODE(SO_MALFORMED, verify("308106020101020101"));        // a needless length byte
  SO_EXPECT_CODE(SO_MALFORMED, verify("30060201ff020101"));          // negative
  SO_EXPECT_CODE(SO_MALFORMED, verify("3009020101020101020101"));    // a third number
  SO_EXPECT_CODE(SO_MALFORMED, verify("3003020101"));                // one number
  SO_EXPECT_CODE(SO_MALFORMED, verify("3027022201" + std::string(66, '0') + "020101"));
}

TEST(SignatureTest, RoomIsALimit) {
  const so_cpu cpu = so_cpu_portable();
  for (so_key_kind kind : {SO_KEY_P256, SO_KEY_ED25519}) {
    const so_private_key key = Key(kind);
    uint8_t buf[16];
    so_writer w = so_writer_of(buf, sizeof buf);
    SO_EXPECT_CODE(SO_LIMIT, so_key_sign(&cpu, &key, so_signature_alg_of(kind), View("m"), &w));
  }
}

TEST(SignatureAlgTest, ParsedAndWrittenAgainIsTheSame) {
  for (so_signature_alg alg : {SO_ECDSA_SHA256, SO_ECDSA_SHA384, SO_ECDSA_SHA512, SO_ED25519}) {
    uint8_t buf[32];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_signature_alg_write(alg, &w);
    so_der d = so_der_of(so_writer_bytes(&w));
    so_signature_alg back;
    ASSERT_TRUE(so_signature_alg_parse(&d, &back) && so_der_done(&d));
    EXPECT_EQ(back, alg);
  }
  const std::string rsa = FromHex("300d06092a864886f70d01010b0500");
  so_der d = so_der_of(View(rsa));
  so_signature_alg alg;
  ASSERT_TRUE(so_signature_alg_parse(&d, &alg));
  EXPECT_EQ(alg, SO_SIGNATURE_UNSUPPORTED);
  const std::string with_null = FromHex("300c06082a8648ce3d0403020500");
  d = so_der_of(View(with_null));
  EXPECT_FALSE(so_signature_alg_parse(&d, &alg));
}

}  // namespace
