#include "crypto/blake2b/blake2b.h"

#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

std::string Hash(const std::string &data) {
  std::string out(SO_BLAKE2B_256_LEN, 0);
  const so_bytes part = so_test::View(data);
  so_blake2b_256(&part, 1, so_test::Ptr(&out));
  return so_test::ToHex(out);
}

// RFC 7693 gives no 256-bit example without a key; these are of Python's hashlib.blake2b(
// digest_size=32), which is the authors' own code. 127 to 129 bytes are around one block.
TEST(Blake2bTest, KnownAnswers) {
  EXPECT_EQ("0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
            Hash(""));
  EXPECT_EQ("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
            Hash("abc"));
  EXPECT_EQ("59e2f1aba240f20aa591016f5ef429990bc9c2131dcd0d30f0ffd75ed18f317d",
            Hash(std::string(127, 'a')));
  EXPECT_EQ("ae2aa48507885c4c950fb809b2076f959cde9f8ea6da260d9a3587df33dac450",
            Hash(std::string(128, 'a')));
  EXPECT_EQ("2f64744a6de0d2c0b56e64cf6e29a5aaa255010d415d51c75ccc82f73dccd865",
            Hash(std::string(129, 'a')));
  EXPECT_EQ("eae4d3a7627549b383179dc18049964f91a6fed14c9f3fb26705eda3eeda5558",
            Hash(std::string(256, 'a')));
  EXPECT_EQ("496943de3c8b1458635ee30c15bb26cede6957abdd28f0a860cdaf967116c747",
            Hash(std::string(257, 'a')));
  EXPECT_EQ("b717c86cf745507ec5373f12f21350eb8550039b4263f7ba6e8df9030b5673c6",
            Hash(std::string(100000, 'a')));
}

TEST(Blake2bTest, PartsAndUpdatesConcatenate) {
  std::string data(1000, 0);
  for (size_t i = 0; i < data.size(); i++) data[i] = static_cast<char>(i * 7);
  const std::string want = Hash(data);
  for (size_t cut : {0, 1, 127, 128, 129, 255, 256, 257, 999, 1000}) {
    const so_bytes parts[3] = {so_bytes_of(data.data(), cut), so_bytes_of(nullptr, 0),
                               so_bytes_of(data.data() + cut, data.size() - cut)};
    uint8_t out[32];
    so_blake2b_256(parts, 3, out);
    EXPECT_EQ(want, so_test::ToHex(out, 32)) << cut;
    so_blake2b ctx;
    so_blake2b_init(&ctx);
    for (const so_bytes &p : parts) so_blake2b_update(&ctx, p);
    so_blake2b copy = ctx;
    so_blake2b_update(&copy, so_str("x"));
    so_blake2b_final(&copy, out);
    EXPECT_NE(want, so_test::ToHex(out, 32)) << cut;
    so_blake2b_final(&ctx, out);
    EXPECT_EQ(want, so_test::ToHex(out, 32)) << cut;
  }
}

}  // namespace
