// Paths, redirect rules and content types: what needs no connection.

#include <algorithm>

#include "apps/website/path.h"
#include "apps/website/redirects.h"
#include "apps/website/types.h"
#include "tests/support/support.h"

namespace {

using so_test::Guarded;
using so_test::Text;

std::string Path(const std::string &in) {
  uint8_t buf[64];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_bytes out;
  Guarded g(in);
  const so_status s = so_website_path(g.view(), &w, &out);
  return so_ok(s) ? Text(out) : so_code_name((so_code)s.code);
}

TEST(WebsitePathTest, PathsNameFiles) {
  EXPECT_EQ("index.html", Path("/"));
  EXPECT_EQ("a/b.txt", Path("/a/b.txt"));
  EXPECT_EQ("a/index.html", Path("/a/"));
  EXPECT_EQ("a b/c+d", Path("/a%20b/c+d"));
  EXPECT_EQ(".well-known/x", Path("/.well-known/x"));
  EXPECT_EQ("a/_redirects", Path("/a/_redirects"));
  EXPECT_EQ("a..b", Path("/a..b"));
}

TEST(WebsitePathTest, WhatIsNotServedHasNoName) {
  for (const char *p : {"", "a", "//", "//a", "/a//b", "/.", "/..", "/../a", "/a/..", "/a/../b",
                        "/%2e%2e/a",
                        "/.%2e/a", "/a%2fb", "/a%2Fb", "/.git", "/a/.b", "/_redirects",
                        "/%5fredirects"}) {
    EXPECT_EQ("NOT_FOUND", Path(p)) << p;
  }
  EXPECT_EQ("MALFORMED", Path("/a%00"));
  EXPECT_EQ("MALFORMED", Path("/a%"));
  EXPECT_EQ("MALFORMED", Path("/a%2"));
  EXPECT_EQ("MALFORMED", Path("/a%zz"));
}

TEST(WebsitePathTest, TheLongestNameFitsAndOneMoreDoesNot) {
  EXPECT_EQ(std::string(64, 'a'), Path("/" + std::string(64, 'a')));
  EXPECT_EQ("LIMIT", Path("/" + std::string(65, 'a')));
  EXPECT_EQ("LIMIT", Path("/" + std::string(60, 'a') + "/"));
}

class RedirectsTest : public ::testing::Test {
 protected:
  void SetUp() override { so_arena_init(&arena_, so_test::Heap(), 1 << 20); }
  void TearDown() override { so_arena_release(&arena_); }

  static void Complain(void *ctx, size_t line, const char *why) {
    static_cast<RedirectsTest *>(ctx)->complaints_ += std::to_string(line) + ": " + why + "\n";
  }

  so_status Read(const std::string &text) {
    text_ = text;
    return so_redirects_read(so_test::View(text_), &arena_, Complain, this, &rules_);
  }

  std::string Find(const std::string &path) {
    uint8_t buf[40];
    so_writer w = so_writer_of(buf, sizeof buf);
    uint16_t status;
    Guarded g(path);
    return so_redirects_find(&rules_, g.view(), &w, &status)
               ? std::to_string(status) + " " + Text(so_writer_bytes(&w))
               : "";
  }

  so_arena arena_;
  so_redirects rules_;
  std::string text_, complaints_;
};

TEST_F(RedirectsTest, TheFirstRuleThatFitsCounts) {
  SO_ASSERT_OK(Read("# a comment\n\n/a /b\r\n\t/a /c 302 # another\n/d/* https://x.example/:splat?s=:splat 307\n"
                    "/all/* /one 308"));
  EXPECT_EQ("", complaints_);
  EXPECT_EQ(4u, rules_.count);
  EXPECT_EQ("301 /b", Find("/a"));
  EXPECT_EQ("307 https://x.example/e/f?s=e/f", Find("/d/e/f"));
  EXPECT_EQ("307 https://x.example/?s=", Find("/d"));
  EXPECT_EQ("308 /one", Find("/all/x"));
  EXPECT_EQ("", Find("/ab"));
  EXPECT_EQ("", Find("/dd"));
}

TEST_F(RedirectsTest, LinesThatAreNoRulesAreToldAndLeftOut) {
  SO_ASSERT_OK(Read("/a\n/a b\na /b\n/a /b 200\n/a /b x\n/a /b 301 x\n/a*b /c\n/a //evil\n/ok /b\n/a /\x01"
                    "b\n/a javascript:x\n"));
  EXPECT_EQ(1u, rules_.count);
  EXPECT_EQ(10, std::count(complaints_.begin(), complaints_.end(), '\n'));
  EXPECT_NE(std::string::npos, complaints_.find("4: the status is none of"));
}

TEST_F(RedirectsTest, ATargetNeverNamesAnotherHostByAccident) {
  SO_ASSERT_OK(Read("/go/* /:splat\n"));
  EXPECT_EQ("301 /a", Find("/go/a"));
  EXPECT_EQ("", Find("/go//evil.example"));
}

TEST_F(RedirectsTest, ATargetThatDoesNotFitIsNone) {
  SO_ASSERT_OK(Read("/go/* /:splat\n"));
  EXPECT_EQ("301 /" + std::string(39, 'a'), Find("/go/" + std::string(39, 'a')));
  EXPECT_EQ("", Find("/go/" + std::string(40, 'a')));
}

TEST_F(RedirectsTest, TheTableHasALimit) {
  std::string text;
  for (int i = 0; i < SO_REDIRECTS_MAX; i++) {
    text += "/a" + std::to_string(i) + " /b\n";
  }
  SO_ASSERT_OK(Read(text));
  SO_EXPECT_CODE(SO_LIMIT, Read(text + "/more /b\n"));
}

TEST(ContentTypeTest, TheEndOfTheNameSays) {
  const auto type = [](const char *path) { return std::string(so_content_type_of(so_str(path))->type); };
  EXPECT_EQ("text/html; charset=utf-8", type("a/index.HTML"));
  EXPECT_EQ("application/gzip", type("x.tar.gz"));
  EXPECT_EQ("application/octet-stream", type("a.html/b"));
  EXPECT_EQ("application/octet-stream", type("a."));
  EXPECT_EQ("application/octet-stream", type(""));
  EXPECT_EQ("image/svg+xml", type(".svg"));
}

}  // namespace
