#include <ostream>

#include "tests/support/support.h"
#include "tls/x509/test_certificates.h"
#include "tls/x509/x509.h"

// So that a failure shows the sentence.
static void PrintTo(so_x509_reason r, std::ostream *os) { *os << so_x509_reason_text(r); }

namespace {

using so_test::Certificate;

constexpr int64_t kDay = 86400;

so_x509 Parsed(const std::string &name) {
  so_x509 cert;
  SO_EXPECT_OK(so_x509_parse(so_test::View(Certificate(name)), &cert));
  return cert;
}

// A verification with everything set to what succeeds.
struct Check {
  explicit Check(std::vector<std::string> names) {
    for (const std::string &n : names) chain.push_back(so_test::View(Certificate(n)));
    now = Parsed("root").not_before_s + 5 * kDay;
  }
  Check &Trust(std::vector<std::string> names) {
    anchors.clear();
    for (const std::string &n : names) anchors.push_back(so_test::View(Certificate(n)));
    return *this;
  }
  Check &Name(const std::string &text) {
    host = text;
    return *this;
  }
  Check &For(so_x509_purpose p) {
    purpose = p;
    return *this;
  }
  Check &At(int64_t t) {
    now = t;
    return *this;
  }

  so_x509_reason Run() {
    const so_cpu cpu = so_cpu_portable();
    so_x509_name name;
    if (!host.empty()) {
      SO_EXPECT_OK(so_x509_name_read(so_test::View(host), &name));
    }
    const so_x509_request request = {&cpu, chain.data(), chain.size(), anchors.data(),
                                     anchors.size(), purpose,
                                     host.empty() ? nullptr : &name, now};
    const so_status s = so_x509_verify(&request, &result);
    EXPECT_EQ(so_ok(s), result.reason == SO_X509_VERIFIED);
    if (!so_ok(s)) {
      EXPECT_EQ(s.detail, result.reason);
      EXPECT_EQ(result.path_count, 0);
    }
    return result.reason;
  }

  std::vector<so_bytes> chain;
  std::vector<so_bytes> anchors = {so_test::View(Certificate("root"))};
  so_x509_purpose purpose = SO_X509_FOR_SERVER;
  std::string host = "host.example";
  int64_t now;
  so_x509_result result;
};

TEST(VerifyTest, AChainToAnAnchorIsVerified) {
  Check c({"leaf", "inter"});
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.result.path_count, 3);
  EXPECT_EQ(c.result.signatures, 2);
  const so_public_key want = Parsed("leaf").key;
  EXPECT_TRUE(so_public_key_equal(&c.result.key, &want));
  EXPECT_EQ(c.result.key.kind, SO_KEY_P256);
}

TEST(VerifyTest, EveryAlgorithmVerifies) {
  EXPECT_EQ(Check({"leaf_ed25519", "inter"}).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(Check({"leaf_sha384", "inter"}).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(Check({"leaf_sha512", "inter"}).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(Check({"leaf_of_ed25519"}).Trust({"root_ed25519"}).Run(), SO_X509_VERIFIED);
}

TEST(VerifyTest, IntermediatesComeInAnyOrderWithOthersBetween) {
  EXPECT_EQ(Check({"leaf_deep6", "deep3", "deep1", "root_stranger", "deep6", "deep2", "root",
                   "deep5", "inter", "deep4"})
                .Run(),
            SO_X509_VERIFIED);
}

TEST(VerifyTest, WhatDoesNotParseIsPassedOverUnlessItIsTheEndEntity) {
  const std::string junk = "junk";
  Check c({"leaf", "inter"});
  c.chain.insert(c.chain.begin() + 1, so_test::View(junk));
  c.anchors.insert(c.anchors.begin(), so_test::View(junk));
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  c.chain[0] = so_test::View(junk);
  EXPECT_EQ(c.Run(), SO_X509_BAD_ENCODING);
  c.chain[0] = so_bytes_of(nullptr, 0);
  EXPECT_EQ(c.Run(), SO_X509_BAD_ENCODING);
}

TEST(VerifyTest, AnIntermediateMayBeTheAnchor) {
  Check c({"leaf"});
  EXPECT_EQ(c.Trust({"inter"}).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.result.path_count, 2);
}

TEST(VerifyTest, AnEndEntityMayBeItsOwnAnchor) {
  for (const char *name : {"self_default", "self_plain", "self_ed25519"}) {
    Check c({name});
    c.Trust({"root", name});
    EXPECT_EQ(c.Name("localhost").Run(), SO_X509_VERIFIED) << name;
    EXPECT_EQ(c.result.path_count, 1);
    EXPECT_EQ(c.result.signatures, 0);
    EXPECT_EQ(c.Name("127.0.0.1").Run(), SO_X509_VERIFIED) << name;
    EXPECT_EQ(c.Name("127.0.0.2").Run(), SO_X509_WRONG_NAME) << name;
    EXPECT_EQ(c.Name("host.example").Run(), SO_X509_WRONG_NAME) << name;
    c.Name("localhost");
    EXPECT_EQ(Check(c).At(Parsed(name).not_after_s + 1).Run(), SO_X509_EXPIRED) << name;
    EXPECT_EQ(Check(c).Trust({"root"}).Run(), SO_X509_SELF_SIGNED) << name;
    EXPECT_EQ(Check(c).Trust({}).Run(), SO_X509_SELF_SIGNED) << name;
  }
  EXPECT_EQ(Check({"self_plain"}).Trust({"self_plain"}).Name("localhost")
                .For(SO_X509_FOR_CLIENT).Run(), SO_X509_WRONG_USAGE);
}

TEST(VerifyTest, UnknownIssuersAreToldApart) {
  Check c({"leaf"});
  EXPECT_EQ(c.Run(), SO_X509_UNKNOWN_ISSUER);
  EXPECT_EQ(c.result.depth, 0);
  c = Check({"leaf", "inter"}).Trust({"root_stranger"});
  EXPECT_EQ(c.Run(), SO_X509_UNKNOWN_ISSUER);
  EXPECT_EQ(c.result.depth, 1) << "the issuer of the intermediate is missing";
  c = Check({"leaf", "inter", "root"}).Trust({"root_stranger"});
  EXPECT_EQ(c.Run(), SO_X509_SELF_SIGNED);
  EXPECT_EQ(c.result.depth, 2);
  EXPECT_EQ(Check({"leaf", "inter"}).Trust({}).Run(), SO_X509_UNKNOWN_ISSUER);
}

TEST(VerifyTest, EmptyAndOverlongInputsAreRefused) {
  EXPECT_EQ(Check({}).Run(), SO_X509_EMPTY_CHAIN);
  Check c({"leaf", "inter"});
  c.chain.resize(SO_X509_CHAIN_COUNT_MAX, c.chain[1]);
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  c.chain.push_back(c.chain[1]);
  EXPECT_EQ(c.Run(), SO_X509_CHAIN_TOO_LONG);
  c = Check({"leaf", "inter"});
  c.anchors.insert(c.anchors.begin(), SO_X509_ANCHORS_MAX - 1, c.chain[1]);
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  c.anchors.push_back(c.chain[1]);
  EXPECT_EQ(c.Run(), SO_X509_TOO_MANY_ANCHORS);
}

TEST(VerifyTest, ValidityIncludesBothEnds) {
  const so_x509 leaf = Parsed("leaf");
  const so_x509 root = Parsed("root");
  Check c({"leaf", "inter"});
  EXPECT_EQ(c.At(leaf.not_before_s).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.At(leaf.not_before_s - 1).Run(), SO_X509_NOT_YET_VALID);
  EXPECT_EQ(c.At(root.not_after_s).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.At(leaf.not_after_s + 1).Run(), SO_X509_EXPIRED);
  EXPECT_EQ(c.At(INT64_MAX).Run(), SO_X509_EXPIRED);
  EXPECT_EQ(c.At(INT64_MIN).Run(), SO_X509_NOT_YET_VALID);
  EXPECT_EQ(c.result.depth, 0);
}

TEST(VerifyTest, IntermediatesExpireToo) {
  Check c({"leaf_of_short", "inter_short"});
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.At(c.now + 10 * kDay).Run(), SO_X509_EXPIRED);
  EXPECT_EQ(c.result.depth, 1);
  EXPECT_EQ(c.Trust({"inter_short"}).Run(), SO_X509_EXPIRED) << "as an anchor, too";
}

TEST(VerifyTest, NamesMustMatch) {
  const auto run = [](const char *name) { return Check({"leaf", "inter"}).Name(name).Run(); };
  for (const char *good : {"host.example", "HOST.Example", "host.example.", "a.wild.example",
                           "192.0.2.1", "2001:db8::1", "2001:DB8:0:0:0:0:0:1"}) {
    EXPECT_EQ(run(good), SO_X509_VERIFIED) << good;
  }
  for (const char *bad : {"example", "other.example", "a.host.example", "ahost.example",
                          "wild.example", "a.b.wild.example", "192.0.2.2", "2001:db8::2",
                          "leaf"}) {
    EXPECT_EQ(run(bad), SO_X509_WRONG_NAME) << bad;
  }
  EXPECT_EQ(Check({"leaf", "inter"}).Name("").Run(), SO_X509_VERIFIED) << "none was asked for";
}

TEST(VerifyTest, TheCommonNameIsNoName) {
  EXPECT_EQ(Check({"host.example", "inter"}).Run(), SO_X509_WRONG_NAME);
  EXPECT_EQ(Check({"leaf_email", "inter"}).Run(), SO_X509_VERIFIED);
}

TEST(VerifyTest, WildcardsAreWholeLeftmostLabelsAboveTwoOthers) {
  for (const char *name : {"host.example", "www.part.example", "a.b.mid.example",
                           "a.b.two.example", "example"}) {
    EXPECT_EQ(Check({"leaf_bad_wildcards", "inter"}).Name(name).Run(), SO_X509_WRONG_NAME)
        << name;
  }
}

TEST(VerifyTest, UsageOfTheEndEntity) {
  const auto run = [](const char *leaf, so_x509_purpose p) {
    return Check({leaf, "inter"}).For(p).Run();
  };
  EXPECT_EQ(run("leaf", SO_X509_FOR_CLIENT), SO_X509_WRONG_USAGE);
  EXPECT_EQ(run("leaf_client", SO_X509_FOR_SERVER), SO_X509_WRONG_USAGE);
  EXPECT_EQ(run("leaf_client", SO_X509_FOR_CLIENT), SO_X509_VERIFIED);
  EXPECT_EQ(run("leaf_no_usage", SO_X509_FOR_SERVER), SO_X509_VERIFIED);
  EXPECT_EQ(run("leaf_no_usage", SO_X509_FOR_CLIENT), SO_X509_VERIFIED);
  EXPECT_EQ(run("leaf_any_usage", SO_X509_FOR_SERVER), SO_X509_VERIFIED);
  EXPECT_EQ(run("leaf_agreement", SO_X509_FOR_SERVER), SO_X509_WRONG_USAGE);
}

TEST(VerifyTest, UsageOfTheIssuers) {
  EXPECT_EQ(Check({"leaf_of_server", "inter_server"}).Run(), SO_X509_VERIFIED);
  Check c({"leaf_of_client", "inter_client"});
  EXPECT_EQ(c.Run(), SO_X509_WRONG_USAGE);
  EXPECT_EQ(c.result.depth, 1);
  EXPECT_EQ(c.Trust({"inter_client"}).Run(), SO_X509_WRONG_USAGE) << "as an anchor, too";
}

TEST(VerifyTest, OnlyCertificateAuthoritiesIssue) {
  Check c({"leaf_of_leaf", "leaf", "inter"});
  EXPECT_EQ(c.Run(), SO_X509_ISSUER_NOT_CA);
  EXPECT_EQ(c.result.depth, 1);
  EXPECT_EQ(c.Trust({"leaf"}).Run(), SO_X509_ISSUER_NOT_CA);
  EXPECT_EQ(Check({"leaf_of_no_sign", "inter_no_sign"}).Run(), SO_X509_ISSUER_NOT_CA);
  EXPECT_EQ(Check({"leaf_of_not_ca", "inter_not_ca"}).Run(), SO_X509_ISSUER_NOT_CA);
  EXPECT_EQ(Check({"leaf_of_no_constraints", "inter_no_constraints"}).Run(),
            SO_X509_ISSUER_NOT_CA);
}

TEST(VerifyTest, PathLengthsCountIntermediatesThatAreNotSelfIssued) {
  Check c({"leaf_below", "inter_below", "inter"});
  EXPECT_EQ(c.Run(), SO_X509_PATH_LEN_EXCEEDED);
  EXPECT_EQ(c.result.depth, 2);
  EXPECT_EQ(Check({"leaf_renewed", "inter_one@new", "inter_one"}).Run(), SO_X509_VERIFIED);
}

TEST(VerifyTest, NameConstraintsHoldForEveryName) {
  const auto run = [](const char *leaf, const char *name) {
    return Check({leaf, "inter_names"}).Name(name).Run();
  };
  EXPECT_EQ(run("names_ok", "a.b.host.example"), SO_X509_VERIFIED);
  EXPECT_EQ(run("names_ok", "192.0.2.9"), SO_X509_VERIFIED);
  EXPECT_EQ(run("names_wildcard_ok", "x.good.host.example"), SO_X509_VERIFIED);
  EXPECT_EQ(run("names_other", "host.example"), SO_X509_NAME_NOT_PERMITTED);
  EXPECT_EQ(run("names_suffix", "myhost.example"), SO_X509_NAME_NOT_PERMITTED);
  EXPECT_EQ(run("names_excluded", "x.bad.host.example"), SO_X509_NAME_NOT_PERMITTED);
  EXPECT_EQ(run("names_wildcard", "x.host.example"), SO_X509_NAME_NOT_PERMITTED)
      << "it covers the excluded bad.host.example";
  EXPECT_EQ(run("names_ip", "198.51.100.1"), SO_X509_NAME_NOT_PERMITTED);
  EXPECT_EQ(run("names_ipv6", "2001:db8::1"), SO_X509_NAME_NOT_PERMITTED)
      << "only some IPv4 addresses are permitted";
}

TEST(VerifyTest, NameConstraintsOfUnusualForms) {
  EXPECT_EQ(Check({"names_self", "inter_names"}).Name("other.example").Run(),
            SO_X509_NAME_NOT_PERMITTED)
      << "only CAs may be exempt as self-issued";
  EXPECT_EQ(Check({"names_space", "inter_names"}).Run(), SO_X509_NAME_NOT_PERMITTED)
      << "what is no DNS name is not inside";
  EXPECT_EQ(Check({"leaf_ipv6", "inter_ipv6"}).Name("2001:db8::1").Run(), SO_X509_VERIFIED);
  EXPECT_EQ(Check({"leaf_ipv4", "inter_ipv6"}).Name("192.0.2.1").Run(),
            SO_X509_NAME_NOT_PERMITTED);
  EXPECT_EQ(Check({"leaf_dot", "inter_dot"}).Name("a.dot.example").Run(), SO_X509_VERIFIED);
  EXPECT_EQ(Check({"leaf_no_dot", "inter_dot"}).Name("dot.example").Run(),
            SO_X509_NAME_NOT_PERMITTED);
}

TEST(VerifyTest, ANameThatIsNoDnsNameMatchesNothing) {
  const so_x509 cert = Parsed("names_space");
  so_x509_name name = {SO_X509_NAME_DNS, so_str("host.example"), {}, 0};
  EXPECT_TRUE(so_x509_matches(&cert, &name));
  name.dns = so_str("sp ace.host.example");
  EXPECT_FALSE(so_x509_matches(&cert, &name));
}

TEST(VerifyTest, ConstraintsOnOtherKindsOfNamesAreRefused) {
  Check c({"leaf_of_directory", "inter_directory"});
  EXPECT_EQ(c.Run(), SO_X509_UNKNOWN_CRITICAL);
  EXPECT_EQ(c.result.depth, 1);
}

TEST(VerifyTest, UnknownCriticalExtensionsAreRefused) {
  EXPECT_EQ(Check({"leaf_critical", "inter"}).Run(), SO_X509_UNKNOWN_CRITICAL);
  EXPECT_EQ(Check({"leaf_not_critical", "inter"}).Run(), SO_X509_VERIFIED);
}

TEST(VerifyTest, AlgorithmsThatWeLackAreNamed) {
  EXPECT_EQ(Check({"leaf_rsa", "inter"}).Run(), SO_X509_UNSUPPORTED_KEY);
  EXPECT_EQ(Check({"leaf_p384", "inter"}).Run(), SO_X509_UNSUPPORTED_KEY);
  Check c({"leaf_of_rsa"});
  EXPECT_EQ(c.Trust({"root_rsa"}).Run(), SO_X509_UNSUPPORTED_KEY);
  EXPECT_EQ(c.result.depth, 1);
  EXPECT_EQ(Check({"leaf_version_1"}).Run(), SO_X509_BAD_VERSION);
}

TEST(VerifyTest, TheOtherIssuerOfACrossSignedCaIsFound) {
  Check c({"leaf", "inter", "inter@cross"});
  EXPECT_EQ(c.Trust({"root_ed25519"}).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.Trust({"root"}).Run(), SO_X509_VERIFIED);
  EXPECT_EQ(Check({"leaf", "inter@cross", "inter"}).Run(), SO_X509_VERIFIED);
}

TEST(VerifyTest, PathsHaveALargestLength) {
  const std::vector<std::string> cas = {"deep1", "deep2", "deep3", "deep4", "deep5", "deep6"};
  std::vector<std::string> chain = {"leaf_deep6"};
  chain.insert(chain.end(), cas.begin(), cas.end());
  Check c(chain);
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.result.path_count, SO_X509_DEPTH_MAX);
  chain[0] = "leaf_deep7";
  chain.push_back("deep7");
  EXPECT_EQ(Check(chain).Run(), SO_X509_PATH_TOO_LONG);
}

TEST(VerifyTest, ComparisonsWithNameConstraintsAreLimited) {
  static_assert(255 * 257 <= SO_X509_COMPARISONS_MAX && 256 * 257 > SO_X509_COMPARISONS_MAX, "");
  EXPECT_EQ(Check({"leaf_255_names", "inter_many"}).Name("d255.example").Run(), SO_X509_VERIFIED);
  Check c({"leaf_256_names", "inter_many"});
  EXPECT_EQ(c.Name("d256.example").Run(), SO_X509_TOO_MUCH_WORK);
}

// A certificate for the subject /CN=inter with a key of its own.
std::string Namesake(uint8_t number) {
  const so_cpu cpu = so_cpu_portable();
  const uint8_t secret[32] = {number};
  so_private_key key;
  SO_EXPECT_OK(so_private_key_of(SO_KEY_P256, secret, &key));
  const so_x509_name name = {SO_X509_NAME_DNS, so_str("a"), {}, 0};
  const so_x509_template t = {so_str("inter"), &name, 1, 0, 4000000000, {}};
  uint8_t buf[1024];
  so_writer w = so_writer_of(buf, sizeof buf);
  SO_EXPECT_OK(so_x509_self_sign(&cpu, &key, &t, &w));
  return so_test::Text(so_writer_bytes(&w));
}

TEST(VerifyTest, SignatureChecksAreLimited) {
  std::vector<std::string> namesakes;
  for (uint8_t i = 1; i <= SO_X509_SIGNATURES_MAX; i++) namesakes.push_back(Namesake(i));
  Check c({"leaf_no_usage"});
  c.Trust({});
  for (const std::string &der : namesakes) c.anchors.push_back(so_test::View(der));
  EXPECT_EQ(c.Run(), SO_X509_BAD_SIGNATURE) << "all were tried";
  EXPECT_EQ(c.result.signatures, SO_X509_SIGNATURES_MAX);
  c.anchors.back() = so_test::View(Certificate("inter"));
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  c.anchors.back() = so_test::View(namesakes.back());
  c.anchors.push_back(so_test::View(Certificate("inter")));
  EXPECT_EQ(c.Run(), SO_X509_TOO_MUCH_WORK);
}

TEST(VerifyTest, AnIssuerWithAnotherKeyIdentifierIsNotTried) {
  const std::string namesake = Namesake(1);
  Check c({"leaf"});
  c.anchors = {so_test::View(namesake)};
  EXPECT_EQ(c.Run(), SO_X509_UNKNOWN_ISSUER);
  EXPECT_EQ(c.result.signatures, 0);
}

TEST(VerifyTest, EveryBitOfASignedCertificateMatters) {
  const std::string good = Certificate("leaf");
  for (size_t bit = 0; bit < good.size() * 8; bit += 5) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    Check c({"leaf", "inter"});
    c.Name("");
    c.chain[0] = so_test::View(bad);
    EXPECT_NE(c.Run(), SO_X509_VERIFIED) << "bit " << bit;
  }
}

TEST(VerifyTest, AWrongSignatureIsToldFromAnUnknownIssuer) {
  std::string bad = Certificate("leaf");
  bad.back() = static_cast<char>(bad.back() ^ 1);
  Check c({"leaf", "inter"});
  c.chain[0] = so_test::View(bad);
  EXPECT_EQ(c.Run(), SO_X509_BAD_SIGNATURE);
  EXPECT_EQ(c.result.depth, 0);
}

TEST(VerifyTest, AFailureLeavesNoKey) {
  Check c({"leaf", "inter"});
  EXPECT_EQ(c.Run(), SO_X509_VERIFIED);
  EXPECT_EQ(c.Trust({}).Run(), SO_X509_UNKNOWN_ISSUER);
  EXPECT_EQ(c.result.key.kind, SO_KEY_UNSUPPORTED);
  EXPECT_EQ(c.result.key.len, 0);
}

TEST(VerifyTest, AResultStartsAsNotDone) {
  const so_x509_result fresh = {};
  EXPECT_EQ(fresh.reason, SO_X509_NOT_DONE);
  EXPECT_NE(SO_X509_NOT_DONE, SO_X509_VERIFIED);
}

TEST(ReasonTest, EachHasASentenceAndAnAlert) {
  for (int i = 0; i < SO_X509_REASON_COUNT; i++) {
    const auto reason = static_cast<so_x509_reason>(i);
    const std::string text = so_x509_reason_text(reason);
    ASSERT_GT(text.size(), 10u) << i;
    EXPECT_LT(text.size(), 63u) << text;
    EXPECT_EQ(text.back(), '.');
    EXPECT_EQ(so_x509_reason_alert(reason) == 0, reason == SO_X509_VERIFIED);
  }
  EXPECT_STREQ(so_x509_reason_text(static_cast<so_x509_reason>(999)),
               so_x509_reason_text(SO_X509_NOT_DONE));
}

}  // namespace
