#include "http/problem/problem.h"

#include "tests/support/support.h"

namespace {

TEST(ProblemTest, SaysWhatWentWrongForPeopleAndPrograms) {
  so_buf b;
  so_buf_init(&b, so_test::Heap(), 4096);
  so_json_writer w = so_problem_begin(&b, 409, "ref_moved", so_str("Fetch \"main\" first.\n"));
  so_json_member_u64(&w, "position", 7);
  so_problem_end(&w);
  EXPECT_EQ(so_test::Text(so_buf_bytes(&b)),
            "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,\"code\":\"ref_moved\","
            "\"detail\":\"Fetch \\\"main\\\" first.\\n\",\"position\":7}");
  so_buf_release(&b);
}

}  // namespace
