#include "store/check/check.h"

#include <string>

#include "tests/support/support.h"

namespace {

so_status Ignore(void *, const so_oid *, so_kind) { return so_done(); }

so_status Check(int kind, const std::string &payload) {
  return so_object_each_child(static_cast<so_kind>(kind), so_test::View(payload), Ignore, nullptr);
}

TEST(CheckTest, ChunksHaveABoundedLength) {
  SO_EXPECT_OK(Check(SO_KIND_CHUNK, "x"));
  SO_EXPECT_CODE(SO_MALFORMED, Check(SO_KIND_CHUNK, ""));
  SO_EXPECT_OK(Check(SO_KIND_CHUNK, std::string(262144, 'x')));
  SO_EXPECT_CODE(SO_MALFORMED, Check(SO_KIND_CHUNK, std::string(262145, 'x')));
}

TEST(CheckTest, UnknownKindsAreMalformed) {
  for (int kind : {0, 6, 7}) SO_EXPECT_CODE(SO_MALFORMED, Check(kind, "x"));
}

TEST(CheckTest, NothingIsEveryKindsPayload) {
  for (int kind = 1; kind <= 5; kind++) SO_EXPECT_CODE(SO_MALFORMED, Check(kind, ""));
}

}  // namespace
