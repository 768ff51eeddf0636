#include "apps/lib/place/place.h"

#include <string>

#include "tests/support/support.h"

namespace {

using so_test::Heap;
using so_test::Text;

so_status Parse(const char *text, uint16_t default_port, so_place *out) {
  return so_place_parse(so_str(text), default_port, out);
}

TEST(PlaceTest, AddressesAndPorts) {
  struct {
    const char *text;
    const char *host;
    int port;
  } const good[] = {{"127.0.0.1:80", "127.0.0.1", 80},
                    {"[::1]:8443", "::1", 8443},
                    {"localhost:0", "localhost", 0},
                    {"a:65535", "a", 65535}};
  for (const auto &g : good) {
    so_place place;
    SO_EXPECT_OK(Parse(g.text, 0, &place));
    EXPECT_EQ(Text(place.host), g.host);
    EXPECT_EQ(place.port, g.port);
    SO_EXPECT_OK(Parse(g.text, 53, &place));
    EXPECT_EQ(place.port, g.port);
  }
}

TEST(PlaceTest, WhatIsNoPlace) {
  so_place place;
  for (const char *const bad : {"", ":80", "a:", "a:65536", "a:-1", "a:x", "[]:1", "::1:80",
                                "[::1:80", "::1", "[::1]x:80"}) {
    SO_EXPECT_CODE(SO_MALFORMED, Parse(bad, 0, &place));
    SO_EXPECT_CODE(SO_MALFORMED, Parse(bad, 53, &place));
  }
}

TEST(PlaceTest, ThePortMayBeLeftOutWhereThereIsADefault) {
  so_place place;
  for (const char *const bare : {"127.0.0.1", "[::1]", "localhost"}) {
    SO_EXPECT_CODE(SO_MALFORMED, Parse(bare, 0, &place));
    SO_EXPECT_OK(Parse(bare, 53, &place));
    EXPECT_EQ(place.port, 53);
  }
  EXPECT_EQ(Text(place.host), "localhost");
}

TEST(PlaceTest, ThereIsAMost) {
  so_places places = {};
  for (size_t i = 0; i < SO_PLACES_MAX; i++) {
    SO_ASSERT_OK(so_places_add(&places, so_str("[::1]:1"), 0));
  }
  SO_EXPECT_CODE(SO_LIMIT, so_places_add(&places, so_str("[::1]:1"), 0));
  SO_EXPECT_CODE(SO_MALFORMED, so_places_add(&places, so_str("x"), 0));
  EXPECT_EQ(places.count, size_t{SO_PLACES_MAX});
}

TEST(PlaceTest, WrittenAsRead) {
  for (const char *const text : {"127.0.0.1:80", "[2001:db8::1]:8443", "localhost:0"}) {
    so_place place;
    so_buf out;
    so_buf_init(&out, Heap(), 100);
    SO_ASSERT_OK(Parse(text, 0, &place));
    so_place_write(&place, &out);
    EXPECT_EQ(Text(so_buf_bytes(&out)), text);
    so_buf_release(&out);
  }
}

TEST(PlaceTest, AnOptionThatIsRefusedIsNamedWithItsValue) {
  so_places places = {};
  so_buf out;
  so_buf_init(&out, Heap(), 1000);
  SO_EXPECT_CODE(SO_MALFORMED, so_places_option(&places, "--listen", so_str("here"), &out));
  EXPECT_EQ(Text(so_buf_bytes(&out)),
            "--listen wants ADDR:PORT, such as 127.0.0.1:8443 or [::1]:8443, not 'here'");
  so_buf_clear(&out);
  for (int i = 0; i < SO_PLACES_MAX; i++) {
    SO_EXPECT_OK(so_places_option(&places, "--listen", so_str("[::1]:1"), &out));
  }
  EXPECT_EQ(Text(so_buf_bytes(&out)), "");
  SO_EXPECT_CODE(SO_MALFORMED, so_places_option(&places, "--listen", so_str("[::1]:2"), &out));
  EXPECT_EQ(Text(so_buf_bytes(&out)), "--listen '[::1]:2' is one more than 8, which is the most");
  so_buf_release(&out);
}

TEST(PlaceTest, ARefusalSaysWhatToDo) {
  const struct {
    so_code code;
    const char *word;
  } cases[] = {{SO_CONFLICT, "another --listen"},
               {SO_DENIED, "above 1023"},
               {SO_LIMIT, "memory"},
               {SO_NOT_FOUND, "no such address"}};
  for (const auto &c : cases) {
    so_place place;
    so_buf out;
    so_buf_init(&out, Heap(), 200);
    SO_ASSERT_OK(Parse("[::1]:80", 0, &place));
    so_place_refused(&place, so_status_make(c.code, 0), &out);
    const std::string text = Text(so_buf_bytes(&out));
    EXPECT_NE(text.find("::1 port 80"), std::string::npos) << text;
    EXPECT_NE(text.find(c.word), std::string::npos) << text;
    so_buf_release(&out);
  }
}

}  // namespace
