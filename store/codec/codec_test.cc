#include "store/codec/codec.h"

#include <string>

#include "tests/support/support.h"

namespace {

using so_test::Guarded;
using so_test::Heap;
using so_test::View;

class CodecTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SO_ASSERT_OK(so_deflater_open(Heap(), 1, &deflater_));
    SO_ASSERT_OK(so_inflater_open(Heap(), &inflater_));
  }
  void TearDown() override {
    so_deflater_close(deflater_);
    so_inflater_close(inflater_);
  }
  std::string Pack(const std::string &raw) {
    std::string packed(raw.size() + 100, '\0');
    size_t len = 0;
    SO_EXPECT_OK(so_deflate(deflater_, View(raw), reinterpret_cast<uint8_t *>(&packed[0]),
                            packed.size(), &len));
    packed.resize(len);
    return packed;
  }
  so_status Unpack(so_bytes packed, size_t raw_len, std::string *out) {
    out->assign(raw_len, '\0');
    return so_inflate(inflater_, packed, reinterpret_cast<uint8_t *>(&(*out)[0]), raw_len);
  }
  so_deflater *deflater_ = nullptr;
  so_inflater *inflater_ = nullptr;
};

TEST_F(CodecTest, RoundTripsEverySizeAroundTheSmallState) {
  for (size_t len : {0u, 1u, 63u, 4095u, 4096u, 4097u, 70000u, 300000u}) {
    std::string raw;
    while (raw.size() < len) {
      raw += "line " + std::to_string(raw.size() * 7919 % 1009) + "\n";
    }
    raw.resize(len);
    std::string back;
    SO_EXPECT_OK(Unpack(View(Pack(raw)), len, &back));
    EXPECT_EQ(raw, back);
  }
}

TEST_F(CodecTest, ReadsAStreamOfAnotherImplementation) {
  // python3 -c "import zlib; print(zlib.compress(b'hello hello hello').hex())"
  const uint8_t packed[] = {0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57,
                            0xc8, 0x40, 0x90, 0x00, 0x3a, 0x2e, 0x06, 0x7d};
  std::string back;
  SO_EXPECT_OK(Unpack(so_bytes_of(packed, sizeof packed), 17, &back));
  EXPECT_EQ("hello hello hello", back);
}

TEST_F(CodecTest, DeflateRefusesWhatDoesNotFit) {
  std::string raw(1000, 'a');
  uint8_t out[8];
  size_t len = 0;
  SO_EXPECT_CODE(SO_LIMIT, so_deflate(deflater_, View(raw), out, sizeof out, &len));
  SO_EXPECT_CODE(SO_LIMIT, so_deflate(deflater_, View(raw), out, 0, &len));
  EXPECT_FALSE(Pack(raw).empty());  // And works again afterwards.
}

TEST_F(CodecTest, EveryTruncationTrailingByteAndWrongLengthIsMalformed) {
  const std::string raw = "some text, some text, some more text";
  const std::string packed = Pack(raw);
  std::string back;
  for (size_t n = 0; n < packed.size(); n++) {
    Guarded cut(packed.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, Unpack(cut.view(), raw.size(), &back));
  }
  SO_EXPECT_CODE(SO_MALFORMED, Unpack(View(packed + "x"), raw.size(), &back));
  SO_EXPECT_CODE(SO_MALFORMED, Unpack(View(packed), raw.size() - 1, &back));
  SO_EXPECT_CODE(SO_MALFORMED, Unpack(View(packed), raw.size() + 1, &back));
}

TEST_F(CodecTest, EveryFlippedBitIsMalformed) {
  const std::string raw = "another text, another text, another";
  const std::string packed = Pack(raw);
  for (size_t bit = 0; bit < packed.size() * 8; bit++) {
    std::string bad = packed;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    std::string back;
    const so_status s = Unpack(View(bad), raw.size(), &back);
    EXPECT_TRUE(!so_ok(s) || back == raw) << bit;  // The level bits of the header mean nothing.
  }
}

TEST_F(CodecTest, OpenWithoutMemoryIsALimit) {
  so_heap_budget budget;
  for (size_t limit = 0; limit < 400000; limit += 20000) {
    const so_heap heap = so_heap_budget_init(&budget, Heap(), limit);
    so_deflater *d = nullptr;
    so_inflater *i = nullptr;
    if (so_ok(so_deflater_open(&heap, 1, &d))) {
      so_deflater_close(d);
    }
    if (so_ok(so_inflater_open(&heap, &i))) {
      so_inflater_close(i);
    }
    EXPECT_EQ(0u, budget.used) << limit;
  }
}

}  // namespace
