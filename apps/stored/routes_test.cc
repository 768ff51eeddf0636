#include "apps/stored/routes.h"

#include <set>

#include "apps/stored/openapi.h"
#include "base/json.h"
#include "tests/support/support.h"

using so_test::Heap;
using so_test::Text;
using std::set;
using std::string;

namespace {

// Documented reads "METHOD pattern" of every operation of openapi.json.
set<string> Documented() {
  set<string> found;
  so_arena arena;
  so_arena_init(&arena, Heap(), 4u << 20);
  const so_json *root = nullptr;
  SO_EXPECT_OK(so_json_parse(so_openapi_text(), &arena, &root, nullptr));
  const so_json *paths = so_json_member(root, "paths");
  EXPECT_NE(paths, nullptr);
  for (const so_json *p = paths == nullptr ? nullptr : paths->first; p != nullptr; p = p->next) {
    for (const so_json *m = p->first; m != nullptr; m = m->next) {
      string method = Text(m->name);
      for (char &c : method) {
        c = static_cast<char>(toupper(c));
      }
      found.insert(method + " " + Text(p->name));
    }
  }
  so_arena_release(&arena);
  return found;
}

// Served lists the table in the same words: openapi knows no "...", and has a HEAD of its own only
// for values.
set<string> Served() {
  set<string> found;
  size_t count;
  const so_route *routes = so_routes_table(&count);
  for (size_t i = 0; i < count; i++) {
    string pattern = routes[i].pattern;
    for (size_t at; (at = pattern.find("...")) != string::npos;) {
      pattern.erase(at, 3);
    }
    found.insert(string(routes[i].method) + " " + pattern);
  }
  found.insert("HEAD /v1/repos/{repo}/tree/{ref}/{path}");
  return found;
}

TEST(RoutesTest, EveryRouteIsInTheApiDescription) {
  const set<string> documented = Documented();
  EXPECT_GT(documented.size(), 20u);
  for (const string &route : Served()) {
    EXPECT_TRUE(documented.count(route)) << route << " is missing from openapi.json";
  }
}

TEST(RoutesTest, EverythingInTheApiDescriptionIsServed) {
  const set<string> served = Served();
  for (const string &route : Documented()) {
    EXPECT_TRUE(served.count(route)) << route << " is in openapi.json alone";
  }
}

TEST(RoutesTest, EveryRouteIsFoundByItsOwnPattern) {
  size_t count;
  const so_route *routes = so_routes_table(&count);
  for (size_t i = 0; i < count; i++) {
    so_route_match match;
    SO_EXPECT_OK(so_route_find(routes, count, so_str(routes[i].method), so_str(routes[i].pattern),
                               &match));
    EXPECT_EQ(match.id, routes[i].id) << routes[i].method << " " << routes[i].pattern;
  }
}

}  // namespace
