#include <vector>

#include "tests/support/support.h"
#include "tests/support/vectors.h"
#include "tls/asn1/asn1.h"

namespace {

using so_test::FromHex;
using so_test::Text;
using so_test::ToHex;

// A cursor over hex, which lives as long as the object.
struct Der {
  explicit Der(const std::string &hex) : bytes(FromHex(hex)), guarded(bytes) {
    der = so_der_of(guarded.view());
  }
  std::string bytes;
  so_test::Guarded guarded;
  so_der der;
};

bool ReadsAny(const std::string &hex) {
  Der d(hex);
  uint8_t tag;
  so_bytes content, whole;
  return so_der_any(&d.der, &tag, &content, &whole) && so_der_done(&d.der);
}

// Calls `write` and gives hex.
template <typename F>
std::string Written(F write) {
  std::vector<uint8_t> buf(70000);
  so_writer w = so_writer_of(buf.data(), buf.size());
  write(&w);
  so_bytes out;
  SO_EXPECT_OK(so_writer_end(&w, &out));
  return ToHex(out.ptr, out.len);
}

TEST(DerReaderTest, ViewsContentAndWhole) {
  Der d("0403aabbcc0500");
  uint8_t tag;
  so_bytes content, whole;
  ASSERT_TRUE(so_der_any(&d.der, &tag, &content, &whole));
  EXPECT_EQ(tag, SO_DER_OCTET_STRING);
  EXPECT_EQ(Text(content), FromHex("aabbcc"));
  EXPECT_EQ(Text(whole), FromHex("0403aabbcc"));
  EXPECT_TRUE(so_der_more(&d.der));
  EXPECT_TRUE(so_der_null(&d.der));
  EXPECT_TRUE(so_der_done(&d.der));
}

TEST(DerReaderTest, TakesOnlyTheShortestDefiniteLength) {
  const std::string body128(256, '0');
  const std::string body256(512, '0');
  const std::string body65536(131072, '0');
  EXPECT_TRUE(ReadsAny("0400"));
  EXPECT_TRUE(ReadsAny("048180" + body128));
  EXPECT_TRUE(ReadsAny("04820100" + body256));
  EXPECT_TRUE(ReadsAny("0483010000" + body65536));
  EXPECT_FALSE(ReadsAny("04820080" + body128)) << "one byte would do";
  EXPECT_FALSE(ReadsAny("0483000100" + body256));
  EXPECT_FALSE(ReadsAny("048100"));
  EXPECT_FALSE(ReadsAny("04817f" + std::string(254, '0'))) << "the short form would do";
  EXPECT_FALSE(ReadsAny("048400000001aa")) << "four length bytes";
  EXPECT_FALSE(ReadsAny("04ff"));
  EXPECT_FALSE(ReadsAny("3080020101" "0000")) << "indefinite";
}

TEST(DerReaderTest, ContentsHaveALargestLength) {
  std::string most = FromHex("0483ffffff") + std::string(SO_DER_LEN_MAX, 'x');
  so_der d = so_der_of(so_test::View(most));
  so_bytes v;
  EXPECT_TRUE(so_der_octets(&d, &v) && so_der_done(&d));
  std::string more = FromHex("048401000000") + std::string(SO_DER_LEN_MAX + size_t{1}, 'x');
  d = so_der_of(so_test::View(more));
  EXPECT_FALSE(so_der_octets(&d, &v));
}

TEST(DerReaderTest, RefusesTagsOfSeveralBytesAndTagZero) {
  EXPECT_FALSE(ReadsAny("1f8100"));
  EXPECT_FALSE(ReadsAny("bf2000"));
  EXPECT_FALSE(ReadsAny("0000"));
}

TEST(DerReaderTest, EveryTruncationFailsWithoutOverread) {
  const std::string whole =
      FromHex("3081" "83" "020105" "0c7e") + std::string(0x7e, 'x');
  for (size_t n = 0; n < whole.size(); n++) {
    so_test::Guarded g(whole.substr(0, n));
    so_der d = so_der_of(g.view());
    so_der sub;
    EXPECT_FALSE(so_der_enter(&d, SO_DER_SEQUENCE, &sub)) << n;
    EXPECT_FALSE(so_der_done(&d)) << n;
  }
  so_test::Guarded g(whole);
  so_der d = so_der_of(g.view());
  so_der sub;
  uint32_t v;
  so_bytes text;
  ASSERT_TRUE(so_der_enter(&d, SO_DER_SEQUENCE, &sub));
  EXPECT_TRUE(so_der_done(&d));
  EXPECT_TRUE(so_der_u32(&sub, &v));
  EXPECT_TRUE(so_der_read(&sub, SO_DER_UTF8_STRING, &text));
  EXPECT_TRUE(so_der_done(&sub));
}

TEST(DerReaderTest, FailurePoisonsAndLeavesOutputsAlone) {
  Der d("020101" "020102");
  bool b = true;
  uint32_t v = 77;
  EXPECT_FALSE(so_der_boolean(&d.der, &b));
  EXPECT_TRUE(b);
  EXPECT_FALSE(so_der_u32(&d.der, &v));
  EXPECT_EQ(v, 77u);
  EXPECT_FALSE(so_der_done(&d.der));
  EXPECT_FALSE(so_der_more(&d.der));
  so_der sub;
  bool present = true;
  EXPECT_FALSE(so_der_enter_optional(&d.der, SO_DER_SEQUENCE, &sub, &present));
  EXPECT_TRUE(present);
}

TEST(DerReaderTest, ASubCursorStaysInItsElement) {
  Der d("3003" "0403aa" "bbcc");
  so_der sub;
  so_bytes v;
  ASSERT_TRUE(so_der_enter(&d.der, SO_DER_SEQUENCE, &sub));
  EXPECT_FALSE(so_der_octets(&sub, &v)) << "its length reaches past its parent";
}

TEST(DerReaderTest, DepthIsLimited) {
  std::string hex;
  for (int i = 0; i < SO_DER_DEPTH_MAX + 1; i++) {
    char head[5];
    snprintf(head, sizeof head, "30%02x", static_cast<unsigned>(hex.size() / 2));
    hex = head + hex;
  }
  Der d(hex);
  so_der at = d.der;
  for (int i = 0; i < SO_DER_DEPTH_MAX; i++) {
    so_der sub;
    ASSERT_TRUE(so_der_enter(&at, SO_DER_SEQUENCE, &sub)) << i;
    at = sub;
  }
  so_der sub;
  EXPECT_FALSE(so_der_enter(&at, SO_DER_SEQUENCE, &sub));
}

TEST(DerReaderTest, OptionalElementsMayBeAbsent) {
  Der d("a003020102" "020105");
  so_der sub;
  bool present;
  ASSERT_TRUE(so_der_enter_optional(&d.der, SO_DER_CONTEXT_OF(0), &sub, &present));
  EXPECT_TRUE(present);
  ASSERT_TRUE(so_der_enter_optional(&d.der, SO_DER_CONTEXT_OF(1), &sub, &present));
  EXPECT_FALSE(present);
  uint32_t v;
  EXPECT_TRUE(so_der_u32(&d.der, &v));
  EXPECT_EQ(v, 5u);
  ASSERT_TRUE(so_der_enter_optional(&d.der, SO_DER_CONTEXT_OF(1), &sub, &present));
  EXPECT_FALSE(present) << "at the end";
}

TEST(DerReaderTest, BooleansAreAllZerosOrAllOnes) {
  const auto reads = [](const char *hex) {
    Der d(hex);
    bool v;
    return so_der_boolean(&d.der, &v) && so_der_done(&d.der) ? (v ? 1 : 0) : -1;
  };
  EXPECT_EQ(reads("0101ff"), 1);
  EXPECT_EQ(reads("010100"), 0);
  EXPECT_EQ(reads("010101"), -1);
  EXPECT_EQ(reads("0100"), -1);
  EXPECT_EQ(reads("0102ffff"), -1);
}

TEST(DerReaderTest, IntegersAreShortest) {
  const auto reads = [](const char *hex) {
    Der d(hex);
    so_bytes v;
    return so_der_integer(&d.der, &v) && so_der_done(&d.der);
  };
  for (const char *good : {"020100", "02017f", "02020080", "0201ff", "0201" "80", "0202ff7f"}) {
    EXPECT_TRUE(reads(good)) << good;
  }
  for (const char *bad : {"0200", "02020000", "0202007f", "0202ffff", "0202ff80"}) {
    EXPECT_FALSE(reads(bad)) << bad;
  }
}

TEST(DerReaderTest, UnsignedNumbersFitOrFail) {
  const auto reads = [](const char *hex, uint32_t *v) {
    Der d(hex);
    return so_der_u32(&d.der, v) && so_der_done(&d.der);
  };
  uint32_t v;
  ASSERT_TRUE(reads("020500ffffffff", &v));
  EXPECT_EQ(v, 0xffffffffu);
  ASSERT_TRUE(reads("020100", &v));
  EXPECT_EQ(v, 0u);
  EXPECT_FALSE(reads("02050100000000", &v));
  EXPECT_FALSE(reads("0201ff", &v)) << "negative";
  EXPECT_FALSE(reads("020180", &v)) << "negative";

  Der d("0203010203");
  uint8_t out[5];
  ASSERT_TRUE(so_der_unsigned(&d.der, out, sizeof out));
  EXPECT_EQ(ToHex(out, sizeof out), "0000010203");
}

TEST(DerReaderTest, ObjectIdentifiersHaveWholeShortestArcs) {
  const auto reads = [](const char *hex) {
    Der d(hex);
    so_bytes v;
    return so_der_oid(&d.der, &v) && so_der_done(&d.der);
  };
  EXPECT_TRUE(reads("06082a8648ce3d030107"));
  EXPECT_FALSE(reads("0600"));
  EXPECT_FALSE(reads("06022a86")) << "ends within an arc";
  EXPECT_FALSE(reads("06032a8001")) << "an arc with a leading zero";
  EXPECT_FALSE(reads("06028001"));
}

TEST(DerReaderTest, UnusedBitsAreFewAndZero) {
  const auto reads = [](const char *hex) {
    Der d(hex);
    so_bytes v;
    uint8_t unused;
    return so_der_bit_string(&d.der, &v, &unused) && so_der_done(&d.der);
  };
  EXPECT_TRUE(reads("030100"));
  EXPECT_TRUE(reads("03020780"));
  EXPECT_TRUE(reads("030200ff"));
  EXPECT_FALSE(reads("0300"));
  EXPECT_FALSE(reads("030101")) << "unused bits of no byte";
  EXPECT_FALSE(reads("03020880"));
  EXPECT_FALSE(reads("030207c0")) << "an unused bit is set";
}

TEST(DerReaderTest, NullIsEmpty) {
  Der good("0500"), bad("050100");
  EXPECT_TRUE(so_der_null(&good.der));
  EXPECT_FALSE(so_der_null(&bad.der));
}

std::string TimeHex(uint8_t tag, const std::string &text) {
  const uint8_t head[2] = {tag, static_cast<uint8_t>(text.size())};
  return ToHex(head, 2) + ToHex(text);
}

// The seconds, or -1 (which no case here has).
int64_t ReadTime(uint8_t tag, const std::string &text) {
  Der d(TimeHex(tag, text));
  int64_t v;
  return so_der_time(&d.der, &v) && so_der_done(&d.der) ? v : -1;
}

TEST(DerTimeTest, TwoDigitYearsTurnAt1950) {
  EXPECT_EQ(ReadTime(SO_DER_UTC_TIME, "700101000000Z"), 0);
  EXPECT_EQ(ReadTime(SO_DER_UTC_TIME, "491231235959Z"), 2524607999);
  EXPECT_EQ(ReadTime(SO_DER_UTC_TIME, "500101000000Z"), -631152000);
  EXPECT_EQ(ReadTime(SO_DER_GENERALIZED_TIME, "20500101000000Z"), 2524608000);
  EXPECT_EQ(ReadTime(SO_DER_GENERALIZED_TIME, "99991231235959Z"), 253402300799);
  EXPECT_EQ(ReadTime(SO_DER_GENERALIZED_TIME, "19491231235959Z"), -631152001);
  EXPECT_EQ(ReadTime(SO_DER_GENERALIZED_TIME, "20491231235959Z"), -1) << "must be UTCTime";
}

TEST(DerTimeTest, OnlyTheExactFormsAreTaken) {
  for (const char *bad :
       {"", "7001010000Z", "700101000000", "700101000000+0000", "700101000000z", "70010100000Z",
        "701301000000Z", "700001000000Z", "700132000000Z", "700230000000Z", "700101240000Z",
        "700101006000Z", "700101000060Z", "7001010000 0Z", "700101000000ZZ", "-00101000000Z"}) {
    EXPECT_EQ(ReadTime(SO_DER_UTC_TIME, bad), -1) << bad;
  }
  for (const char *bad : {"20500101000000.5Z", "205001010000Z", "20500101000000", "2050010100Z"}) {
    EXPECT_EQ(ReadTime(SO_DER_GENERALIZED_TIME, bad), -1) << bad;
  }
  EXPECT_EQ(ReadTime(SO_DER_UTF8_STRING, "700101000000Z"), -1);
}

TEST(DerTimeTest, WritingAndReadingAgree) {
  for (int64_t t : {INT64_C(0), INT64_C(-631152001), INT64_C(-631152000), INT64_C(2524607999),
                    INT64_C(2524608000), INT64_C(1794965058), INT64_C(253402300799),
                    INT64_C(-62167219200)}) {
    Der d(Written([&](so_writer *w) { so_der_write_time(w, t); }));
    int64_t back = 1;
    EXPECT_TRUE(so_der_time(&d.der, &back)) << t;
    EXPECT_EQ(back, t);
  }
  uint8_t buf[32];
  for (int64_t t : {INT64_C(253402300800), INT64_C(-62167219201), INT64_MAX, INT64_MIN}) {
    so_writer w = so_writer_of(buf, sizeof buf);
    so_der_write_time(&w, t);
    EXPECT_TRUE(w.failed) << t;
  }
}

TEST(DerWriterTest, LengthsTakeTheirShortestForm) {
  for (size_t len : {size_t{0}, size_t{127}, size_t{128}, size_t{255}, size_t{256}, size_t{65535},
                     size_t{65536}}) {
    const std::string body(len, 'x');
    const std::string nested = Written([&](so_writer *w) {
      const size_t outer = so_der_open(w, SO_DER_SEQUENCE);
      const size_t inner = so_der_open(w, SO_DER_OCTET_STRING);
      so_write_bytes(w, so_test::View(body));
      so_der_close(w, inner);
      so_der_close(w, outer);
    });
    Der d(nested);
    so_der sub;
    so_bytes v;
    ASSERT_TRUE(so_der_enter(&d.der, SO_DER_SEQUENCE, &sub)) << len;
    EXPECT_TRUE(so_der_octets(&sub, &v) && so_der_done(&sub) && so_der_done(&d.der)) << len;
    EXPECT_EQ(Text(v), body);
    const std::string direct =
        Written([&](so_writer *w) { so_der_write(w, SO_DER_OCTET_STRING, so_test::View(body)); });
    EXPECT_NE(nested.find(direct), std::string::npos) << len;
  }
}

TEST(DerWriterTest, TooLittleRoomAtAnyPointPoisons) {
  const std::string body(200, 'x');
  const size_t need = 2 + 1 + 2 + 1 + body.size();  // 30 81 cb 04 81 c8 ...
  for (size_t cap = 0; cap <= need; cap++) {
    std::vector<uint8_t> buf(cap + 1);
    so_writer w = so_writer_of(buf.data(), cap);
    const size_t outer = so_der_open(&w, SO_DER_SEQUENCE);
    const size_t inner = so_der_open(&w, SO_DER_OCTET_STRING);
    so_write_bytes(&w, so_test::View(body));
    so_der_close(&w, inner);
    so_der_close(&w, outer);
    so_bytes out;
    EXPECT_EQ(so_ok(so_writer_end(&w, &out)), cap == need) << cap;
  }
}

TEST(DerWriterTest, NumbersAreShortest) {
  const auto u32 = [](uint32_t v) {
    return Written([&](so_writer *w) { so_der_write_u32(w, v); });
  };
  EXPECT_EQ(u32(0), "020100");
  EXPECT_EQ(u32(127), "02017f");
  EXPECT_EQ(u32(128), "02020080");
  EXPECT_EQ(u32(256), "02020100");
  EXPECT_EQ(u32(0xffffffff), "020500ffffffff");
  const std::string padded = FromHex("000000ff");
  EXPECT_EQ(Written([&](so_writer *w) { so_der_write_unsigned(w, so_test::View(padded)); }),
            "020200ff");
  EXPECT_EQ(Written([&](so_writer *w) { so_der_write_unsigned(w, so_bytes_of(nullptr, 0)); }),
            "020100");
}

TEST(DerWriterTest, NamedBitsEndWithTheLastOneSet) {
  const auto bits = [](uint16_t v) {
    return Written([&](so_writer *w) { so_der_write_bits(w, v); });
  };
  EXPECT_EQ(bits(0), "030100");
  EXPECT_EQ(bits(0x0001), "03020780");
  EXPECT_EQ(bits(0x0021), "03020284");
  EXPECT_EQ(bits(0x0100), "0303070080");
  EXPECT_EQ(bits(0x8000), "0303000001");
}

TEST(DerWriterTest, OtherValues) {
  EXPECT_EQ(Written([](so_writer *w) { so_der_write_boolean(w, true); }), "0101ff");
  EXPECT_EQ(Written([](so_writer *w) { so_der_write_boolean(w, false); }), "010100");
  const std::string v = FromHex("aabb");
  EXPECT_EQ(Written([&](so_writer *w) { so_der_write_bit_string(w, so_test::View(v)); }),
            "030300aabb");
}

}  // namespace
