// Hex, base64, UTF-8, formatting, time, sort: the small tools on text.

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/fmt.h"
#include "base/hex.h"
#include "base/sort.h"
#include "base/time.h"
#include "base/utf8.h"
#include "tests/support/support.h"

namespace {
using so_test::Guarded;
using so_test::Text;
using so_test::View;

std::string Base64(so_base64_form form, const std::string &in) {
  uint8_t buf[200];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_base64_write(&w, form, View(in));
  return Text(so_writer_bytes(&w));
}

so_code Unbase64(so_base64_form form, const std::string &in, std::string *out) {
  uint8_t buf[200];
  Guarded g(in);
  so_writer w = so_writer_of(buf, sizeof buf);
  const so_status s = so_base64_read(form, g.view(), &w);
  *out = Text(so_writer_bytes(&w));
  return static_cast<so_code>(s.code);
}

// RFC 4648 section 10.
TEST(Base64Test, Rfc4648Vectors) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto &[plain, coded] : vectors) {
    std::string back;
    EXPECT_EQ(coded, Base64(SO_BASE64, plain));
    EXPECT_EQ(SO_OK, Unbase64(SO_BASE64, coded, &back));
    EXPECT_EQ(plain, back);
  }
  EXPECT_EQ("-_8", Base64(SO_BASE64_URL, "\xfb\xff"));
  EXPECT_EQ("+/8=", Base64(SO_BASE64, "\xfb\xff"));
}

TEST(Base64Test, EveryByteStringRoundTripsInBothForms) {
  std::mt19937 rng(1);
  for (size_t len = 0; len < 70; len++) {
    std::string in(len, 0);
    for (auto &c : in) c = static_cast<char>(rng());
    for (auto form : {SO_BASE64, SO_BASE64_URL}) {
      std::string back;
      EXPECT_EQ(SO_OK, Unbase64(form, Base64(form, in), &back));
      EXPECT_EQ(in, back);
    }
  }
}

TEST(Base64Test, RefusesOtherEncodingsOfTheSameBytes) {
  std::string out;
  for (const char *bad : {"Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm9v ", "Zm-v",
                          "Zm9v\n", "Zm9\x80"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(SO_MALFORMED, Unbase64(SO_BASE64, bad, &out));
  }
  for (const char *bad : {"Zg==", "Zh", "Z", "+/8", "Zm9vY"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(SO_MALFORMED, Unbase64(SO_BASE64_URL, bad, &out));
  }
}

TEST(HexTest, ReadsBothCasesAndRefusesTheRest) {
  uint8_t out[3];
  SO_EXPECT_OK(so_hex_read(so_str("00aFfe"), out, 3));
  EXPECT_EQ(0xaf, out[1]);
  SO_EXPECT_CODE(SO_MALFORMED, so_hex_read(so_str("00aff"), out, 3));
  SO_EXPECT_CODE(SO_MALFORMED, so_hex_read(so_str("00affg"), out, 3));
  SO_EXPECT_CODE(SO_MALFORMED, so_hex_read(so_str("00aff\x10"), out, 3));
  SO_EXPECT_CODE(SO_MALFORMED, so_hex_read(so_str("00aff0ab"), out, 3));
  uint8_t text[6];
  so_writer w = so_writer_of(text, sizeof text);
  so_hex_write(&w, so_bytes_of("\x00\xaf\xfe", 3));
  EXPECT_EQ("00affe", Text(so_writer_bytes(&w)));
}

TEST(Utf8Test, EveryCodePointRoundTrips) {
  for (uint32_t c = 0; c <= 0x10ffff; c++) {
    if (c == 0xd800) c = 0xe000;
    uint8_t buf[4];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_utf8_write(&w, c);
    so_reader r = so_reader_of(so_writer_bytes(&w));
    uint32_t back = 0;
    ASSERT_TRUE(so_utf8_read(&r, &back) && so_reader_done(&r)) << c;
    ASSERT_EQ(c, back);
  }
}

TEST(Utf8Test, RefusesIllFormedSequences) {
  for (const char *bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x80\x80", "\xe0\x9f\xbf",
                          "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3"}) {
    EXPECT_FALSE(so_utf8_valid(Guarded(std::string(bad)).view())) << bad;
  }
  EXPECT_TRUE(so_utf8_valid(so_str("a\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e")));
}

std::string Printf(const char *format, ...) {
  so_buf b;
  so_buf_init(&b, so_test::Heap(), 1000);
  va_list args;
  va_start(args, format);
  so_buf_vprintf(&b, format, args);
  va_end(args);
  const std::string out = Text(so_buf_bytes(&b));
  so_buf_release(&b);
  return out;
}

// The peer is the host's own printf.
TEST(FmtTest, FormatsLikeTheHostsPrintf) {
#define SAME(...)                                 \
  do {                                            \
    char host[200];                               \
    snprintf(host, sizeof host, __VA_ARGS__);     \
    EXPECT_EQ(std::string(host), Printf(__VA_ARGS__)); \
  } while (0)
  SAME("plain");
  SAME("%d|%5d|%-5d|%05d|%i", 42, -42, -42, -42, 0);
  SAME("%u %x %08x %lx", 4294967295u, 255u, 48879u, ~0UL);
  SAME("%lld %lld %llu", INT64_MIN + 0LL, INT64_MAX + 0LL, UINT64_MAX + 0ULL);
  SAME("%zu %zd %ju", sizeof(int), (ssize_t)-3, (uintmax_t)9);
  SAME("%s|%10s|%-10s|%.*s|%c%%", "abc", "abc", "abc", 2, "abc", 'z');
  SAME("%hhu %hu", (unsigned char)200, (unsigned short)60000);
#undef SAME
}

TEST(FmtTest, ParsesOnlyPlainDecimals) {
  uint64_t v = 5;
  SO_EXPECT_OK(so_parse_u64(so_str("18446744073709551615"), &v));
  EXPECT_EQ(UINT64_MAX, v);
  SO_EXPECT_OK(so_parse_u64(so_str("0"), &v));
  for (const char *bad : {"", "00", "01", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616",
                          "99999999999999999999"}) {
    SCOPED_TRACE(bad);
    SO_EXPECT_CODE(SO_MALFORMED, so_parse_u64(so_str(bad), &v));
  }
  EXPECT_EQ(0u, v);
}

std::string TimeText(int64_t ms, int16_t zone) {
  uint8_t buf[SO_TIME_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_time_write(&w, ms, zone);
  EXPECT_FALSE(w.failed);
  return Text(so_writer_bytes(&w));
}

// RFC 3339 section 5.8 examples, and the calendar's corners.
TEST(TimeTest, ReadsTheExamplesOfRfc3339) {
  int64_t ms;
  int16_t zone;
  SO_EXPECT_OK(so_time_read(so_str("1985-04-12T23:20:50.52Z"), &ms, &zone));
  EXPECT_EQ(482196050520, ms);
  SO_EXPECT_OK(so_time_read(so_str("1996-12-19T16:39:57-08:00"), &ms, &zone));
  EXPECT_EQ(851042397000, ms);
  EXPECT_EQ(-480, zone);
  EXPECT_EQ("1996-12-19T16:39:57-08:00", TimeText(ms, zone));
  SO_EXPECT_OK(so_time_read(so_str("1937-01-01T12:00:27.87+00:20"), &ms, &zone));
  EXPECT_EQ("1937-01-01T12:00:27.870+00:20", TimeText(ms, zone));
  SO_EXPECT_OK(so_time_read(so_str("2000-02-29t00:00:00z"), &ms, &zone));
  EXPECT_EQ("1970-01-01T00:00:00Z", TimeText(0, 0));
  EXPECT_EQ("1969-12-31T23:59:59.999Z", TimeText(-1, 0));
}

TEST(TimeTest, RefusesDaysAndTimesThatDoNotExist) {
  int64_t ms;
  int16_t zone;
  for (const char *bad :
       {"2001-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2001-13-01T00:00:00Z",
        "2001-00-01T00:00:00Z", "2001-01-00T00:00:00Z", "2001-01-01T24:00:00Z",
        "2001-01-01T00:60:00Z", "2001-01-01T00:00:61Z", "2001-01-01 00:00:00Z",
        "2001-01-01T00:00:00", "2001-01-01T00:00:00.Z", "2001-01-01T00:00:00+2400",
        "2001-01-01T00:00:00+24:00", "2001-01-01T00:00:00Zx", "2001\r01-01T00:00:00Z", "1-1-1"}) {
    SCOPED_TRACE(bad);
    SO_EXPECT_CODE(SO_MALFORMED, so_time_read(Guarded(std::string(bad)).view(), &ms, &zone));
  }
}

// The peer is the host's gmtime.
TEST(TimeTest, CalendarAgreesWithTheHost) {
  std::mt19937_64 rng(7);
  for (int i = 0; i < 20000; i++) {
    const int64_t s = static_cast<int64_t>(rng() % 315537897600u) - 62167219200;  // Years 0-9999.
    const time_t t = s;
    struct tm tm;
    ASSERT_NE(nullptr, gmtime_r(&t, &tm));
    const so_civil c = so_civil_of(s);
    ASSERT_EQ(tm.tm_year + 1900, c.year) << s;
    ASSERT_EQ(tm.tm_mon + 1, c.month) << s;
    ASSERT_EQ(tm.tm_mday, c.day) << s;
    ASSERT_EQ(tm.tm_wday, c.weekday) << s;
    int64_t back;
    ASSERT_TRUE(so_ok(so_civil_to_unix_s(&c, &back)));
    ASSERT_EQ(s, back);
  }
}

int CompareInts(void *, const void *a, const void *b) {
  const int x = *static_cast<const int *>(a), y = *static_cast<const int *>(b);
  return x < y ? -1 : x > y;
}

TEST(SortTest, SortsLikeTheStandardLibrary) {
  std::mt19937 rng(3);
  for (size_t n : {0, 1, 2, 3, 10, 1000}) {
    std::vector<int> v(n);
    for (auto &x : v) x = static_cast<int>(rng() % 100);
    std::vector<int> want = v;
    std::sort(want.begin(), want.end());
    so_sort(v.data(), n, sizeof(int), CompareInts, nullptr);
    EXPECT_EQ(want, v);
  }
}
}  // namespace
