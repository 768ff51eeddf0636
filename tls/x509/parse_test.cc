#include <functional>

#include "tests/support/support.h"
#include "tests/support/vectors.h"
#include "tls/asn1/asn1.h"
#include "tls/x509/test_certificates.h"
#include "tls/x509/x509.h"

namespace {

using so_test::Certificate;
using so_test::FromHex;
using so_test::Text;
using so_test::ToHex;
using so_test::View;

// --- building certificates that OpenSSL would not ------------------------------------------

std::string Der(uint8_t tag, const std::string &content) {
  std::vector<uint8_t> buf(content.size() + 8);
  so_writer w = so_writer_of(buf.data(), buf.size());
  so_der_write(&w, tag, View(content));
  return Text(so_writer_bytes(&w));
}

std::string Seq(const std::string &content) { return Der(SO_DER_SEQUENCE, content); }

std::string Extension(const std::string &oid_hex, const std::string &value, bool critical = false) {
  return Seq(Der(SO_DER_OID, FromHex(oid_hex)) + (critical ? FromHex("0101ff") : "") +
             Der(SO_DER_OCTET_STRING, value));
}

const char kKeyUsage[] = "551d0f";
const char kAltName[] = "551d11";
const char kBasicConstraints[] = "551d13";
const char kNameConstraints[] = "551d1e";
const char kAuthorityKeyId[] = "551d23";
const char kUsages[] = "551d25";

// The parts of a certificate, each of which a test may replace. What comes out parses.
struct Parts {
  std::string version = FromHex("a003020102");
  std::string serial = FromHex("020105");
  std::string inner_alg = Seq(FromHex("06082a8648ce3d040302"));
  std::string issuer = Seq(Der(SO_DER_SET, Seq(FromHex("0603550403") + Der(0x0c, "issuer"))));
  std::string validity = Seq(Der(0x17, "260101000000Z") + Der(0x18, "20600101000000Z"));
  std::string subject = Seq("");
  std::string spki = Seq(Seq(FromHex("06032b6570")) + Der(3, std::string(33, '\0')));
  std::string unique_ids;
  std::string extensions =
      Extension(kAltName, Seq(Der(0x82, "host.example") + Der(0x87, "\x7f\x01\x01\x01")), true);
  std::string outer_alg = inner_alg;
  std::string signature = FromHex("03020055");
  std::string trailer_tbs, trailer;

  std::string Build() const {
    const std::string ext =
        extensions.empty() ? "" : Der(SO_DER_CONTEXT_OF(3), Seq(extensions));
    return Seq(Seq(version + serial + inner_alg + issuer + validity + subject + spki +
                   unique_ids + ext + trailer_tbs) +
               outer_alg + signature + trailer);
  }
};

so_x509_reason Reason(const std::string &der, so_x509 *out = nullptr) {
  so_test::Guarded g(der);
  so_x509 cert;
  const so_status s = so_x509_parse(g.view(), out != nullptr ? out : &cert);
  EXPECT_EQ(so_ok(s), s.detail == 0);
  return static_cast<so_x509_reason>(s.detail);
}

so_x509_reason With(const std::function<void(Parts *)> &change, so_x509 *out = nullptr) {
  Parts p;
  change(&p);
  return Reason(p.Build(), out);
}

so_x509_reason WithExtensions(const std::string &extensions, so_x509 *out = nullptr) {
  return With([&](Parts *p) { p->extensions = extensions; }, out);
}

// --- tests ----------------------------------------------------------------------------------

TEST(X509ParseTest, EveryCertificateOfOpensslParsesButVersion1) {
  for (const char *name : {"root", "root_ed25519", "root_rsa", "inter", "leaf", "leaf_p384",
                           "leaf_critical", "names_ok", "inter_directory", "self_default"}) {
    EXPECT_EQ(Reason(Certificate(name)), SO_X509_NOT_DONE) << name;
  }
  so_x509 cert;
  const so_status s = so_x509_parse(View(Certificate("leaf_version_1")), &cert);
  SO_EXPECT_CODE(SO_UNSUPPORTED, s);
  EXPECT_EQ(s.detail, SO_X509_BAD_VERSION);
}

TEST(X509ParseTest, FieldsAreThoseOfTheCertificate) {
  so_x509 leaf, inter, root;
  SO_ASSERT_OK(so_x509_parse(View(Certificate("leaf")), &leaf));
  SO_ASSERT_OK(so_x509_parse(View(Certificate("inter")), &inter));
  SO_ASSERT_OK(so_x509_parse(View(Certificate("root_ed25519")), &root));
  EXPECT_EQ(Text(leaf.der), Certificate("leaf"));
  EXPECT_TRUE(so_bytes_equal(leaf.issuer, inter.subject));
  EXPECT_TRUE(so_bytes_equal(leaf.authority_key_id, inter.subject_key_id));
  EXPECT_EQ(leaf.subject_key_id.len, 20u);
  EXPECT_EQ(leaf.key.kind, SO_KEY_P256);
  EXPECT_EQ(root.key.kind, SO_KEY_ED25519);
  EXPECT_EQ(root.signature_alg, SO_ED25519);
  EXPECT_EQ(leaf.signature_alg, SO_ECDSA_SHA256);
  EXPECT_EQ(leaf.not_after_s - leaf.not_before_s, INT64_C(18000) * 86400);
  EXPECT_TRUE(leaf.has_basic_constraints);
  EXPECT_FALSE(leaf.is_ca);
  EXPECT_EQ(leaf.key_usage, SO_X509_DIGITAL_SIGNATURE);
  EXPECT_EQ(leaf.extended_key_usage, SO_X509_SERVER_AUTH);
  EXPECT_TRUE(inter.is_ca);
  EXPECT_TRUE(inter.has_path_len);
  EXPECT_EQ(inter.path_len, 0u);
  EXPECT_EQ(inter.key_usage, SO_X509_KEY_CERT_SIGN | 0x0040);
  EXPECT_FALSE(inter.has_extended_key_usage);
}

TEST(X509ParseTest, AlternativeNamesAreWalked) {
  so_x509 leaf;
  SO_ASSERT_OK(so_x509_parse(View(Certificate("leaf")), &leaf));
  so_bytes list = leaf.alt_names;
  so_x509_name name;
  ASSERT_TRUE(so_x509_alt_name_next(&list, &name));
  EXPECT_EQ(Text(name.dns), "host.example");
  ASSERT_TRUE(so_x509_alt_name_next(&list, &name));
  EXPECT_EQ(Text(name.dns), "*.wild.example");
  ASSERT_TRUE(so_x509_alt_name_next(&list, &name));
  EXPECT_EQ(name.kind, SO_X509_NAME_IP);
  EXPECT_EQ(ToHex(name.ip, name.ip_len), "c0000201");
  ASSERT_TRUE(so_x509_alt_name_next(&list, &name));
  EXPECT_EQ(ToHex(name.ip, name.ip_len), "20010db8000000000000000000000001");
  EXPECT_FALSE(so_x509_alt_name_next(&list, &name));
  EXPECT_FALSE(so_x509_alt_name_next(&list, &name));

  SO_ASSERT_OK(so_x509_parse(View(Certificate("leaf_email")), &leaf));
  list = leaf.alt_names;
  ASSERT_TRUE(so_x509_alt_name_next(&list, &name));
  EXPECT_EQ(Text(name.dns), "host.example") << "other kinds are passed over";
  EXPECT_FALSE(so_x509_alt_name_next(&list, &name));
}

TEST(X509ParseTest, EveryTruncationAndTrailingByteFails) {
  for (const char *cert : {"leaf", "inter_names", "leaf_rsa"}) {
    const std::string &der = Certificate(cert);
    for (size_t n = 0; n < der.size(); n++) {
      EXPECT_EQ(Reason(der.substr(0, n)), SO_X509_BAD_ENCODING) << n;
    }
    EXPECT_EQ(Reason(der + '\0'), SO_X509_BAD_ENCODING);
  }
}

TEST(X509ParseTest, AFailureLeavesTheOutputAlone) {
  so_x509 cert;
  memset(&cert, 0x5a, sizeof cert);
  const std::string before(reinterpret_cast<char *>(&cert), sizeof cert);
  std::string late = Parts().Build();
  late.pop_back();
  EXPECT_EQ(Reason(late, &cert), SO_X509_BAD_ENCODING);
  EXPECT_EQ(std::string(reinterpret_cast<char *>(&cert), sizeof cert), before);
}

TEST(X509ParseTest, TheBuilderOfThisTestBuildsWhatParses) {
  so_x509 cert;
  const std::string der = Parts().Build();
  SO_ASSERT_OK(so_x509_parse(View(der), &cert));
  EXPECT_EQ(ToHex(Text(cert.serial)), "05");
  EXPECT_EQ(cert.not_before_s, 1767225600);
  EXPECT_FALSE(cert.unknown_critical);
}

TEST(X509ParseTest, OnlyVersion3) {
  EXPECT_EQ(With([](Parts *p) { p->version = ""; }), SO_X509_BAD_VERSION);
  EXPECT_EQ(With([](Parts *p) { p->version = FromHex("a003020101"); }), SO_X509_BAD_VERSION);
  EXPECT_EQ(With([](Parts *p) { p->version = FromHex("a003020103"); }), SO_X509_BAD_VERSION);
  EXPECT_EQ(With([](Parts *p) { p->version = FromHex("a0030201ff"); }), SO_X509_BAD_ENCODING);
  EXPECT_EQ(With([](Parts *p) { p->version = FromHex("a0060201020500"); }), SO_X509_BAD_ENCODING);
}

TEST(X509ParseTest, SerialNumbersAreNotNegativeAndNotEndless) {
  const auto serial = [](const std::string &content) {
    return With([&](Parts *p) { p->serial = Der(2, content); });
  };
  EXPECT_EQ(serial(std::string(1, 0)), SO_X509_NOT_DONE);
  EXPECT_EQ(serial(std::string(SO_X509_SERIAL_LEN_MAX, 1)), SO_X509_NOT_DONE);
  EXPECT_EQ(serial(std::string(SO_X509_SERIAL_LEN_MAX + 1, 1)), SO_X509_BAD_ENCODING);
  EXPECT_EQ(serial("\x80"), SO_X509_BAD_ENCODING);
  EXPECT_EQ(serial(""), SO_X509_BAD_ENCODING);
  EXPECT_EQ(serial(std::string("\0\1", 2)), SO_X509_BAD_ENCODING);
}

TEST(X509ParseTest, TheTwoAlgorithmsAgree) {
  EXPECT_EQ(With([](Parts *p) { p->outer_alg = Seq(FromHex("06082a8648ce3d040303")); }),
            SO_X509_BAD_ENCODING);
  EXPECT_EQ(With([](Parts *p) {
              p->inner_alg = p->outer_alg = Seq(FromHex("06082a8648ce3d0403020500"));
            }),
            SO_X509_BAD_ENCODING)
      << "ECDSA has no parameters";
}

TEST(X509ParseTest, NamesAreSetsOfPairs) {
  const auto subject = [](const std::string &v) {
    return With([&](Parts *p) { p->subject = v; });
  };
  const std::string pair = Seq(FromHex("0603550403") + Der(0x0c, "x"));
  EXPECT_EQ(subject(Seq(Der(SO_DER_SET, pair + pair) + Der(SO_DER_SET, pair))), SO_X509_NOT_DONE);
  EXPECT_EQ(subject(Seq(Der(SO_DER_SET, ""))), SO_X509_BAD_ENCODING);
  EXPECT_EQ(subject(Seq(pair)), SO_X509_BAD_ENCODING);
  EXPECT_EQ(subject(Seq(Der(SO_DER_SET, Seq(FromHex("0603550403"))))), SO_X509_BAD_ENCODING);
  EXPECT_EQ(subject(Seq(Der(SO_DER_SET, Seq(FromHex("0603550403" "0500" "0500"))))),
            SO_X509_BAD_ENCODING);
  EXPECT_EQ(subject(FromHex("3100")), SO_X509_BAD_ENCODING);
}

TEST(X509ParseTest, OddPiecesAreRefused) {
  EXPECT_EQ(With([](Parts *p) { p->unique_ids = FromHex("81020011" "82020022"); }),
            SO_X509_NOT_DONE);
  EXPECT_EQ(With([](Parts *p) { p->unique_ids = FromHex("82020022" "81020011"); }),
            SO_X509_BAD_ENCODING);
  EXPECT_EQ(With([](Parts *p) { p->trailer_tbs = FromHex("0500"); }), SO_X509_BAD_ENCODING);
  EXPECT_EQ(With([](Parts *p) { p->trailer = FromHex("0500"); }), SO_X509_BAD_ENCODING);
  EXPECT_EQ(With([](Parts *p) { p->signature = FromHex("03020150"); }), SO_X509_BAD_ENCODING);
  EXPECT_EQ(With([](Parts *p) { p->validity = Seq(Der(0x17, "260101000000Z")); }),
            SO_X509_BAD_ENCODING);
  EXPECT_EQ(With([](Parts *p) { p->spki = Seq(""); }), SO_X509_BAD_ENCODING);
}

TEST(X509ParseTest, LongCertificatesAreALimit) {
  const auto of_len = [](size_t len) {
    Parts p;
    const std::string before = p.extensions;
    const auto build = [&](size_t fill) {
      p.extensions = before + Extension("5504", std::string(fill, 'x'));
      return p.Build();
    };
    // Lengths of this size all take as many bytes.
    const size_t head = build(65000).size() - 65000;
    const std::string der = build(len - head);
    EXPECT_EQ(der.size(), len);
    return Reason(der);
  };
  EXPECT_EQ(of_len(SO_X509_LEN_MAX), SO_X509_NOT_DONE);
  EXPECT_EQ(of_len(SO_X509_LEN_MAX + 1), SO_X509_TOO_LARGE);
}

TEST(X509ExtensionTest, MayBeAbsentButNotEmpty) {
  so_x509 cert;
  EXPECT_EQ(WithExtensions("", &cert), SO_X509_NOT_DONE);
  EXPECT_EQ(cert.alt_names.len, 0u);
  EXPECT_EQ(With([](Parts *p) {
              p->extensions = "";
              p->trailer_tbs = Der(SO_DER_CONTEXT_OF(3), Seq(""));
            }),
            SO_X509_BAD_ENCODING);
}

TEST(X509ExtensionTest, NoneComesTwice) {
  const std::string one = Extension(kBasicConstraints, Seq(""));
  const std::string unknown = Extension("2a03", "x");
  EXPECT_EQ(WithExtensions(one + unknown), SO_X509_NOT_DONE);
  EXPECT_EQ(WithExtensions(one + unknown + one), SO_X509_DUPLICATE_EXTENSION);
  EXPECT_EQ(WithExtensions(unknown + one + unknown), SO_X509_DUPLICATE_EXTENSION);
}

TEST(X509ExtensionTest, TheirNumberIsLimited) {
  std::string many;
  for (int i = 0; i < SO_X509_EXTENSIONS_MAX; i++) {
    char oid[5];
    snprintf(oid, sizeof oid, "2a%02x", static_cast<unsigned>(i));
    many += Extension(oid, "x");
  }
  EXPECT_EQ(WithExtensions(many), SO_X509_NOT_DONE);
  EXPECT_EQ(WithExtensions(many + Extension("2a70", "x")), SO_X509_TOO_LARGE);
}

TEST(X509ExtensionTest, CriticalIsTrueOrAbsent) {
  const std::string oid = FromHex("06022a03"), value = FromHex("040178");
  so_x509 cert;
  EXPECT_EQ(WithExtensions(Seq(oid + FromHex("0101ff") + value), &cert), SO_X509_NOT_DONE);
  EXPECT_TRUE(cert.unknown_critical);
  EXPECT_EQ(WithExtensions(Seq(oid + value), &cert), SO_X509_NOT_DONE);
  EXPECT_FALSE(cert.unknown_critical);
  EXPECT_EQ(WithExtensions(Seq(oid + FromHex("010100") + value)), SO_X509_BAD_ENCODING);
  EXPECT_EQ(WithExtensions(Seq(oid + value + FromHex("0500"))), SO_X509_BAD_ENCODING);
  EXPECT_EQ(WithExtensions(Seq(oid)), SO_X509_BAD_ENCODING);
}

// Each value of an extension alone, with a byte behind it, and without its last byte.
void ExpectForm(const char *oid, const std::string &value, bool good) {
  EXPECT_EQ(WithExtensions(Extension(oid, value)), good ? SO_X509_NOT_DONE : SO_X509_BAD_EXTENSION)
      << oid << " " << ToHex(value);
  if (good) {
    EXPECT_EQ(WithExtensions(Extension(oid, value + '\0')), SO_X509_BAD_EXTENSION);
    EXPECT_EQ(WithExtensions(Extension(oid, value.substr(0, value.size() - 1))),
              SO_X509_BAD_EXTENSION);
  }
}

TEST(X509ExtensionTest, BasicConstraints) {
  for (const char *good : {"3000", "30030101ff", "30060101ff020100", "30060101ff02017f"}) {
    ExpectForm(kBasicConstraints, FromHex(good), true);
  }
  for (const char *bad : {"3003010100", "3003020100", "30060101ff0201ff", "30080101ff0201000500",
                          "3003010101", "0500", "", "300b0101ff02060100000000" "00"}) {
    ExpectForm(kBasicConstraints, FromHex(bad), false);
  }
}

TEST(X509ExtensionTest, KeyUsage) {
  for (const char *good : {"03020780", "03020106", "030200ff", "0303070080"}) {
    ExpectForm(kKeyUsage, FromHex(good), true);
  }
  for (const char *bad : {"030100", "03020700", "03020080", "030406000080", "0303060080"}) {
    ExpectForm(kKeyUsage, FromHex(bad), false);
  }
  so_x509 cert;
  EXPECT_EQ(WithExtensions(Extension(kKeyUsage, FromHex("0303070480")), &cert), SO_X509_NOT_DONE);
  EXPECT_EQ(cert.key_usage, SO_X509_KEY_CERT_SIGN | 0x0100);
}

TEST(X509ExtensionTest, ExtendedKeyUsage) {
  ExpectForm(kUsages, FromHex("300a06082b06010505070301"), true);
  ExpectForm(kUsages, FromHex("30030601" "2a"), true);
  ExpectForm(kUsages, FromHex("3000"), false);
  ExpectForm(kUsages, FromHex("30020500"), false);
  so_x509 cert;
  EXPECT_EQ(WithExtensions(Extension(kUsages, FromHex("3010" "06082b06010505070302" "0604551d2500")),
                           &cert),
            SO_X509_NOT_DONE);
  EXPECT_EQ(cert.extended_key_usage, SO_X509_CLIENT_AUTH | SO_X509_ANY_USAGE);
}

TEST(X509ExtensionTest, AlternativeNames) {
  ExpectForm(kAltName, Seq(Der(0x82, "a")), true);
  ExpectForm(kAltName, Seq(Der(0x87, "1234")), true);
  ExpectForm(kAltName, Seq(Der(0x87, "1234567890123456")), true);
  ExpectForm(kAltName, Seq(Der(0xa0, "") + Der(0x81, "") + Der(0xa4, "") + Der(0x88, "*")), true);
  ExpectForm(kAltName, Seq(""), false);
  ExpectForm(kAltName, Seq(Der(0x82, "\xc3\xa4")), false);
  ExpectForm(kAltName, Seq(Der(0x87, "12345")), false);
  ExpectForm(kAltName, Seq(Der(0x87, "")), false);
  ExpectForm(kAltName, Seq(Der(0x89, "a")), false);
  ExpectForm(kAltName, Seq(Der(0xa2, "a")), false);
  ExpectForm(kAltName, Seq(Der(0x80, "a")), false);
  ExpectForm(kAltName, Seq(Der(0x0c, "a")), false);
}

TEST(X509ExtensionTest, NameConstraints) {
  const auto subtree = [](uint8_t tag, const std::string &base) { return Seq(Der(tag, base)); };
  const auto lists = [](const std::string &permitted, const std::string &excluded) {
    return Seq((permitted.empty() ? "" : Der(0xa0, permitted)) +
               (excluded.empty() ? "" : Der(0xa1, excluded)));
  };
  const std::string dns = subtree(0x82, "a.example");
  const std::string ip = subtree(0x87, FromHex("0a000000ff800000"));
  ExpectForm(kNameConstraints, lists(dns + ip, ""), true);
  ExpectForm(kNameConstraints, lists("", dns), true);
  ExpectForm(kNameConstraints, lists(subtree(0x82, ".a.example"), dns), true);
  ExpectForm(kNameConstraints, lists(subtree(0x82, ""), ""), true);
  ExpectForm(kNameConstraints, lists(subtree(0x87, FromHex("0000000000000000")), ""), true);
  ExpectForm(kNameConstraints, Seq(""), false);
  ExpectForm(kNameConstraints, Seq(Der(0xa0, "")), false);
  ExpectForm(kNameConstraints, Seq(Der(0xa1, dns) + Der(0xa0, dns)), false);
  ExpectForm(kNameConstraints, lists(subtree(0x82, "*.example"), ""), false);
  ExpectForm(kNameConstraints, lists(subtree(0x82, "a..example"), ""), false);
  ExpectForm(kNameConstraints, lists(subtree(0x82, "."), ""), false);
  ExpectForm(kNameConstraints, lists(subtree(0x87, "1234"), ""), false);
  ExpectForm(kNameConstraints, lists(subtree(0x87, FromHex("0a000000ff00ff00")), ""), false);
  ExpectForm(kNameConstraints, lists(Seq(Der(0x82, "a") + FromHex("800100")), ""), false);
  so_x509 cert;
  EXPECT_EQ(WithExtensions(Extension(kNameConstraints, lists(subtree(0x81, "a"), "")), &cert),
            SO_X509_NOT_DONE);
  EXPECT_TRUE(cert.unknown_critical) << "even when the extension is not critical";
}

TEST(X509ExtensionTest, KeyIdentifiers) {
  so_x509 cert;
  ExpectForm("551d0e", FromHex("0402aabb"), true);
  ExpectForm("551d0e", FromHex("3000"), false);
  ExpectForm(kAuthorityKeyId, FromHex("3000"), true);
  ExpectForm(kAuthorityKeyId, FromHex("30048002aabb"), true);
  ExpectForm(kAuthorityKeyId, FromHex("3009a1008201058002aabb"), true);
  EXPECT_EQ(WithExtensions(Extension(kAuthorityKeyId, FromHex("30048002aabb")), &cert),
            SO_X509_NOT_DONE);
  EXPECT_EQ(cert.authority_key_id.len, 2u);
}

TEST(BundleTest, TakesTheCertificatesOfATextWithOthers) {
  const std::string pem = so_test::ReadFile("tls/x509/testdata/certificates.pem");
  std::vector<uint8_t> memory(pem.size());
  std::vector<so_bytes> chain(100);
  size_t count;
  so_writer w = so_writer_of(memory.data(), memory.size());
  const std::string text = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                           "-----END EC PARAMETERS-----\n" + pem;
  SO_ASSERT_OK(so_x509_chain_read_pem(View(text), &w, chain.data(), chain.size(), &count));
  EXPECT_GT(count, 50u);
  EXPECT_EQ(Text(chain[0]), Certificate("root"));
  EXPECT_EQ(Text(chain[count - 1]), Certificate("self_ed25519"));

  w = so_writer_of(memory.data(), memory.size());
  SO_EXPECT_CODE(SO_LIMIT,
                 so_x509_chain_read_pem(View(text), &w, chain.data(), count - 1, &count));
  w = so_writer_of(memory.data(), 1000);
  SO_EXPECT_CODE(SO_LIMIT,
                 so_x509_chain_read_pem(View(text), &w, chain.data(), chain.size(), &count));
  SO_EXPECT_CODE(SO_NOT_FOUND,
                 so_x509_chain_read_pem(View(""), &w, chain.data(), chain.size(), &count));
  w = so_writer_of(memory.data(), memory.size());
  SO_EXPECT_CODE(SO_MALFORMED,
                 so_x509_chain_read_pem(so_bytes_first(View(text), text.size() - 40), &w,
                                        chain.data(), chain.size(), &count));
}

}  // namespace
