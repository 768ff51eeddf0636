#include <vector>

#include "tests/support/support.h"
#include "tls/pem/pem.h"

namespace {

using so_test::Text;

std::string Write(const std::string &der, const char *label = "TEST") {
  std::vector<uint8_t> buf(SO_PEM_LEN(der.size(), strlen(label)));
  so_writer w = so_writer_of(buf.data(), buf.size());
  so_pem_write(&w, label, so_test::View(der));
  so_bytes out;
  SO_EXPECT_OK(so_writer_end(&w, &out));
  return Text(out);
}

// Decodes the first block of `text`.
so_status Read(const std::string &text, std::string *der) {
  so_test::Guarded g(text);
  so_bytes rest = g.view();
  so_pem_block block;
  SO_TRY(so_pem_next(&rest, &block));
  std::vector<uint8_t> buf(4096);
  so_writer w = so_writer_of(buf.data(), buf.size());
  SO_TRY(so_pem_decode(&block, &w));
  *der = Text(so_writer_bytes(&w));
  return so_done();
}

std::string Block(const std::string &body) {
  return "-----BEGIN TEST-----\n" + body + "-----END TEST-----\n";
}

TEST(PemTest, WritesLinesOf64Characters) {
  EXPECT_EQ(Write(std::string(49, '\0')),
            Block(std::string(64, 'A') + "\nAA==\n"));
}

TEST(PemTest, RoundTripOfEveryShortLength) {
  for (size_t len = 1; len < 200; len++) {
    std::string der;
    for (size_t i = 0; i < len; i++) der.push_back(static_cast<char>(i * 37 + len));
    std::string back;
    SO_EXPECT_OK(Read(Write(der), &back));
    EXPECT_EQ(back, der) << len;
  }
}

TEST(PemTest, EveryTruncationOfABlockFails) {
  const std::string text = Write(std::string(100, 'x'));
  std::string der;
  for (size_t n = 0; n + 1 < text.size(); n++) {
    EXPECT_FALSE(so_ok(Read(text.substr(0, n), &der))) << n;
  }
  SO_EXPECT_OK(Read(text.substr(0, text.size() - 1), &der));
}

TEST(PemTest, TextBetweenBlocksIsPassedOver) {
  const std::string text = "subject=CN = a\n\n" + Write("one") + "---\nmore\r\n-----BEGIN\n" +
                           Write("two", "OTHER LABEL") + "end";
  so_bytes rest = so_test::View(text);
  so_pem_block block;
  SO_ASSERT_OK(so_pem_next(&rest, &block));
  EXPECT_EQ(Text(block.label), "TEST");
  EXPECT_EQ(Text(block.body), "b25l\n");
  SO_ASSERT_OK(so_pem_next(&rest, &block));
  EXPECT_EQ(Text(block.label), "OTHER LABEL");
  SO_EXPECT_CODE(SO_NOT_FOUND, so_pem_next(&rest, &block));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_pem_next(&rest, &block));
}

TEST(PemTest, LinesMayEndWithCarriageReturns) {
  std::string der;
  SO_EXPECT_OK(Read("-----BEGIN TEST-----\r\nYWJj\r\nZGVm\r\n-----END TEST-----\r\n", &der));
  EXPECT_EQ(der, "abcdef");
}

TEST(PemTest, BlocksWithoutTheirOwnEndAreRefused) {
  std::string der;
  for (const char *bad : {"-----BEGIN TEST-----\nYWJj\n-----END BEST-----\n",
                          "-----BEGIN TEST-----\nYWJj\n-----BEGIN TEST-----\nYWJj\n",
                          "-----BEGIN TEST-----\nYWJj\n-----END TEST----\n",
                          "-----BEGIN TEST-----\nYWJj\n-----END TEST----- \n",
                          "-----BEGIN TEST-----\nYWJj-----END TEST-----\n"}) {
    SO_EXPECT_CODE(SO_MALFORMED, Read(bad, &der));
  }
}

TEST(PemTest, OnlyStrictBase64IsDecoded) {
  std::string der;
  SO_EXPECT_OK(Read(Block("YWJj\n"), &der));
  SO_EXPECT_OK(Read(Block(std::string(76, 'A') + "\n"), &der));
  for (const std::string &bad :
       {std::string(""), std::string("\n"), std::string("YWJj\n\n"), std::string(" YWJj\n"),
        std::string("YWJj \n"), std::string("YWI\n"), std::string("YQ==\nYWJj\n"),
        std::string("YW=j\n"), std::string("YR==\n"), std::string("YW-j\n"),
        std::string("YWJ\nj\n"), std::string(80, 'A') + "\n"}) {
    SO_EXPECT_CODE(SO_MALFORMED, Read(Block(bad), &der));
  }
}

TEST(PemTest, HeadersAreUnsupported) {
  std::string der;
  SO_EXPECT_CODE(SO_UNSUPPORTED,
                 Read(Block("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nYWJj\n"), &der));
}

TEST(PemTest, TooLittleRoomIsALimit) {
  const std::string text = Block("YWJj\n");
  for (size_t cap = 0; cap <= 3; cap++) {
    so_bytes rest = so_test::View(text);
    so_pem_block block;
    SO_ASSERT_OK(so_pem_next(&rest, &block));
    uint8_t buf[3];
    so_writer w = so_writer_of(buf, cap);
    SO_EXPECT_CODE(cap == 3 ? SO_OK : SO_LIMIT, so_pem_decode(&block, &w));
  }
}

TEST(PemTest, LongLabelsAreNoLabels) {
  const std::string label(SO_PEM_LABEL_MAX, 'L');
  std::string der;
  SO_EXPECT_OK(Read(Write("abc", label.c_str()), &der));
  SO_EXPECT_CODE(SO_NOT_FOUND, Read(Write("abc", (label + "L").c_str()), &der));
}

}  // namespace
