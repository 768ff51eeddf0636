#include "http/router/router.h"

#include <string>

#include "tests/support/support.h"

namespace {

const so_route kRoutes[] = {
    {"GET", "/", 1},
    {"GET", "/v1/repos", 2},
    {"GET", "/v1/repos/{repo}", 3},
    {"PUT", "/v1/repos/{repo}", 4},
    {"GET", "/v1/repos/{repo}/tree/{ref}/{path...}", 5},
    {"GET", "/v1/repos/{repo}/refs/tags/all", 6},
    {"DELETE", "/v1/repos/{repo}/refs/tags/{tag}", 7},
    {"HEAD", "/v1/repos/{repo}/refs/tags/all", 8},
};

std::string Find(const char *method, const std::string &path) {
  so_route_match m;
  const so_test::Guarded g(path);
  const so_status s = so_route_find(kRoutes, 8, so_str(method), g.view(), &m);
  if (!so_ok(s)) {
    return std::to_string(s.detail);
  }
  std::string out = "#" + std::to_string(m.id);
  for (size_t i = 0; i < m.param_count; i++) {
    out += " " + so_test::Text(m.params[i].name) + "=" + so_test::Text(m.params[i].value);
  }
  return out;
}

TEST(RouterTest, FindsRoutesAndParameters) {
  EXPECT_EQ(Find("GET", "/"), "#1");
  EXPECT_EQ(Find("GET", "/v1/repos"), "#2");
  EXPECT_EQ(Find("GET", "/v1/repos/r"), "#3 repo=r");
  EXPECT_EQ(Find("PUT", "/v1/repos/a%2Fb"), "#4 repo=a%2Fb");
  EXPECT_EQ(Find("GET", "/v1/repos/r/tree/main/a/b/c"), "#5 repo=r ref=main path=a/b/c");
  EXPECT_EQ(Find("GET", "/v1/repos/r/tree/main/a/"), "#5 repo=r ref=main path=a/");
  EXPECT_EQ(Find("GET", "/v1/repos/r/refs/tags/all"), "#6 repo=r");
  EXPECT_EQ(Find("DELETE", "/v1/repos/r/refs/tags/all"), "#7 repo=r tag=all");
}

TEST(RouterTest, HeadGoesToGetUnlessItHasItsOwn) {
  EXPECT_EQ(Find("HEAD", "/v1/repos/r"), "#3 repo=r");
  EXPECT_EQ(Find("HEAD", "/v1/repos/r/refs/tags/all"), "#8 repo=r");
}

TEST(RouterTest, UnknownPathsAre404AndUnknownMethods405) {
  for (const char *path : {"", "*", "/v1", "/v1/repos/", "/v1/repos/r/", "/v1/repos//tree/main/a",
                           "/v1/repos/r/tree/main", "/v1/repos/r/tree/main/", "//", "/V1/repos",
                           "v1/repos", "/v1/repos/r/refs/tags/a/b"}) {
    EXPECT_EQ(Find("GET", path), "404") << path;
  }
  EXPECT_EQ(Find("POST", "/v1/repos/r"), "405");
  EXPECT_EQ(Find("get", "/v1/repos/r"), "405") << "methods have a case";
}

std::string Allow(const char *path) {
  uint8_t buf[100];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_route_allow(kRoutes, 8, so_str(path), &w);
  return so_test::Text(so_writer_bytes(&w));
}

TEST(RouterTest, AllowListsWhatAPathTakes) {
  EXPECT_EQ(Allow("/v1/repos/r"), "GET, HEAD, PUT");
  EXPECT_EQ(Allow("/v1/repos/r/refs/tags/x"), "DELETE");
  EXPECT_EQ(Allow("/nothing"), "");
}

TEST(RouterTest, GetsParametersByName) {
  so_route_match m;
  SO_ASSERT_OK(so_route_find(kRoutes, 8, so_str("GET"), so_str("/v1/repos/r/tree/m/p"), &m));
  EXPECT_EQ(so_test::Text(so_route_get(&m, "ref")), "m");
  EXPECT_EQ(so_test::Text(so_route_get(&m, "path")), "p");
  EXPECT_EQ(so_route_get(&m, "none").len, 0u);
}

}  // namespace
