#include "net/dns/nsec3/nsec3.h"

#include <string>

#include "tests/support/support.h"

namespace {

std::string HexOf(const uint8_t *p) {
  std::string out;
  for (size_t i = 0; i < SO_DNS_NSEC3_HASH_LEN; i++) {
    out += "0123456789abcdef"[p[i] >> 4];
    out += "0123456789abcdef"[p[i] & 15];
  }
  return out;
}

std::string Sha1(const std::string &data) {
  uint8_t out[SO_DNS_NSEC3_HASH_LEN];
  so_dns_sha1(so_test::View(data), so_bytes_of(nullptr, 0), out);
  return HexOf(out);
}

// FIPS 180-2 appendix A, and the empty message.
TEST(Nsec3Test, OneStepIsSha1) {
  EXPECT_EQ("da39a3ee5e6b4b0d3255bfef95601890afd80709", Sha1(""));
  EXPECT_EQ("a9993e364706816aba3e25717850c26c9cd0d89d", Sha1("abc"));
  EXPECT_EQ("84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            Sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
  EXPECT_EQ("34aa973cd4c4daa4f61eeb2bdbad27316534016f", Sha1(std::string(1000000, 'a')));
}

std::string Base32Hex(const uint8_t *p) {
  std::string out;
  for (size_t bit = 0; bit < 160; bit += 5) {
    unsigned v = 0;
    for (size_t i = bit; i < bit + 5; i++) {
      v = v << 1 | (p[i / 8] >> (7 - i % 8) & 1u);
    }
    out += "0123456789abcdefghijklmnopqrstuv"[v];
  }
  return out;
}

// RFC 5155 appendix A.
TEST(Nsec3Test, NamesHashAsInTheRfc) {
  const std::string salt = "\xaa\xbb\xcc\xdd";
  const std::pair<std::string, std::string> all[] = {
      {std::string("\7example\0", 9), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
      {std::string("\1a\7example\0", 11), "35mthgpgcu1qg68fab165klnsnk3dpvl"},
      {std::string("\1A\7EXAMPLE\0", 11), "35mthgpgcu1qg68fab165klnsnk3dpvl"},
      {std::string("\2ai\7example\0", 12), "gjeqe526plbf1g8mklp59enfd789njgi"},
      {std::string("\1*\1w\7example\0", 13), "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
  };
  for (const auto &[name, hash] : all) {
    uint8_t out[SO_DNS_NSEC3_HASH_LEN];
    so_dns_nsec3_hash(so_test::View(name), so_test::View(salt), 12, out);
    EXPECT_EQ(hash, Base32Hex(out));
  }
}

}  // namespace
