// What parses must write and parse again to the same text.
#include <stdlib.h>

#include "base/json.h"
#include "tests/support/support.h"

static void Rewrite(so_bytes text, so_buf *out, bool *ok) {
  so_arena arena;
  so_arena_init(&arena, so_test::Heap(), 1 << 22);
  const so_json *value;
  *ok = so_ok(so_json_parse(text, &arena, &value, nullptr));
  if (*ok) {
    so_json_writer w = so_json_writer_of(out);
    so_json_put_value(&w, value);
  }
  so_arena_release(&arena);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_buf once, twice;
  so_buf_init(&once, so_test::Heap(), 1 << 22);
  so_buf_init(&twice, so_test::Heap(), 1 << 22);
  bool ok;
  Rewrite(so_bytes_of(data, len), &once, &ok);
  if (ok) {
    Rewrite(so_buf_bytes(&once), &twice, &ok);
    if (!ok || !so_bytes_equal(so_buf_bytes(&once), so_buf_bytes(&twice))) abort();
  }
  so_buf_release(&once);
  so_buf_release(&twice);
  return 0;
}
