#include "crypto/poly1305/poly1305.h"

#include <random>

#include "crypto/cpu/variants.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

// Built twice: over the wide and over the narrow arithmetic.

namespace {

using so_test::CpuVariants;
using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;
using so_test::View;

std::string Mac(const so_cpu &cpu, const std::string &key, const std::string &data, size_t step) {
  so_poly1305 ctx;
  std::string tag(16, 0);
  so_poly1305_init(&ctx, &cpu, Ptr(key));
  for (size_t off = 0; off < data.size(); off += step) {
    so_poly1305_update(&ctx, so_bytes_first(so_bytes_from(View(data), off), step));
  }
  so_poly1305_final(&ctx, Ptr(&tag));
  return tag;
}

const char kOnes[] = "ffffffffffffffffffffffffffffffff";
const char kZeros[] = "00000000000000000000000000000000";

const struct {
  std::string r, s, data, tag;
} kKnown[] = {
    // RFC 8439 2.5.2: "Cryptographic Forum Research Group".
    {"85d6be7857556d337f4452fe42d506a8", "0103808afb0db2fd4abff6af4149f51b",
     "43727970746f6772617068696320466f72756d2052657365617263682047726f7570",
     "a8061dc1305136c6c22b8baf0c0127a9"},
    // RFC 8439 A.3, test vectors 7 to 11: carries and reductions at their limits.
    {"02000000000000000000000000000000", kZeros, kOnes, "03000000000000000000000000000000"},
    {"02000000000000000000000000000000", kOnes, "02000000000000000000000000000000",
     "03000000000000000000000000000000"},
    {"01000000000000000000000000000000", kZeros,
     "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff"
     "11000000000000000000000000000000",
     "05000000000000000000000000000000"},
    {"01000000000000000000000000000000", kZeros,
     "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe"
     "01010101010101010101010101010101",
     kZeros},
    {"02000000000000000000000000000000", kZeros, "fdffffffffffffffffffffffffffffff",
     "faffffffffffffffffffffffffffffff"},
};

TEST(Poly1305Test, KnownAnswersInAnyPieces) {
  for (const auto &v : CpuVariants()) {
    for (const auto &k : kKnown) {
      for (size_t step : {1, 5, 15, 16, 17, 100}) {
        EXPECT_EQ(k.tag, ToHex(Mac(v.cpu, FromHex(k.r + k.s), FromHex(k.data), step)))
            << v.name << " " << step;
      }
    }
  }
}

// A slow independent reference: numbers modulo 2^130 - 5 as bits, by doubling and adding.
#ifdef __SIZEOF_INT128__
typedef unsigned __int128 u128;
#else
typedef unsigned _BitInt(128) u128;
#endif
struct Number {
  u128 low;
  unsigned high;  // Bits 128 and up.
};

Number Reduce(Number n) {
  const unsigned over = n.high >> 2;
  n.high &= 3;
  const u128 low = n.low + 5 * over;
  n.high += low < n.low;
  n.low = low;
  return n;
}

Number Add(Number a, Number b) {
  Number sum = {a.low + b.low, a.high + b.high};
  sum.high += sum.low < a.low;
  return Reduce(sum);
}

Number Times(Number a, u128 r) {
  Number sum = {0, 0};
  for (int bit = 127; bit >= 0; bit--) {
    sum = Add(sum, sum);
    if (r >> bit & 1) sum = Add(sum, a);
  }
  return sum;
}

u128 Load(const std::string &s, size_t off, size_t len) {
  u128 v = 0;
  for (size_t i = len; i-- > 0;) v = v << 8 | static_cast<uint8_t>(s[off + i]);
  return v;
}

std::string SlowMac(const std::string &key, const std::string &data) {
  const u128 clamp = static_cast<u128>(0x0ffffffc0ffffffc) << 64 | 0x0ffffffc0fffffff;
  const u128 r = Load(key, 0, 16) & clamp;
  Number h = {0, 0};
  for (size_t off = 0; off < data.size(); off += 16) {
    const size_t n = std::min<size_t>(16, data.size() - off);
    Number m = {Load(data, off, n), 0};
    if (n == 16) m.high = 1;
    if (n < 16) m.low |= static_cast<u128>(1) << (8 * n);
    h = Times(Add(h, m), r);
  }
  h = Reduce(h);
  const Number more = {h.low + 5, h.high + (h.low + 5 < 5)};
  if (more.high >> 2) h = {more.low, 0};
  u128 tag = h.low + Load(key, 16, 16);
  std::string out(16, 0);
  for (size_t i = 0; i < 16; i++, tag >>= 8) out[i] = static_cast<char>(tag);
  return out;
}

TEST(Poly1305Test, AgreesWithASlowReference) {
  std::mt19937 random(4);
  const auto variants = CpuVariants();
  for (size_t round = 0; round < 600; round++) {
    std::string key(32, 0), data(random() % (round % 3 == 0 ? 1000 : 200), 0);
    // Bytes of all ones and all zeros are likely, which random ones almost never are.
    const bool edges = round % 2 == 0;
    for (std::string *s : {&key, &data}) {
      for (char &c : *s) {
        const uint32_t bits = static_cast<uint32_t>(random());
        c = static_cast<char>(edges ? (bits & 7 ? 0xff : bits >> 8 & 1 ? 0 : bits >> 16) : bits);
      }
    }
    const std::string want = ToHex(SlowMac(key, data));
    for (const auto &v : variants) {
      ASSERT_EQ(want, ToHex(Mac(v.cpu, key, data, 1 + random() % 64))) << v.name;
      ASSERT_EQ(want, ToHex(Mac(v.cpu, key, data, 300 + random() % 800))) << v.name;
    }
  }
}

TEST(Poly1305Test, PaddingFeedsZerosUpToABlock) {
  const std::string key(32, 'k');
  for (size_t len = 0; len < 40; len++) {
    so_poly1305 ctx;
    std::string tag(16, 0), data(len, 'd');
    const so_cpu cpu = so_cpu_detect();
    so_poly1305_init(&ctx, &cpu, Ptr(key));
    so_poly1305_update(&ctx, View(data));
    so_poly1305_pad(&ctx);
    so_poly1305_final(&ctx, Ptr(&tag));
    data.resize((len + 15) / 16 * 16, 0);
    EXPECT_EQ(ToHex(SlowMac(key, data)), ToHex(tag)) << len;
  }
}

}  // namespace
