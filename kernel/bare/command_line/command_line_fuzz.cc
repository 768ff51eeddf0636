// Every word ends up somewhere, terminated, inside the text; and quoting each again gives the same words.
#include <stdlib.h>

#include "kernel/bare/command_line/command_line.h"
#include "tests/support/support.h"

static bool IsInside(const so_command_line *c, const void *p, size_t len) {
  const uint8_t *const at = static_cast<const uint8_t *>(p);
  return at >= c->text && len < sizeof c->text && at + len < c->text + sizeof c->text && at[len] == 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static so_command_line c, again;
  so_bytes bad;
  so_command_line_init(&c);
  const bool ok = so_ok(so_command_line_add(&c, so_bytes_of(data, len), true, &bad));
  std::string quoted;
  bool can_quote = true;
  for (int i = 1; i < c.argc; i++) {
    const std::string word = c.argv[i];
    if (!IsInside(&c, c.argv[i], word.size())) abort();
    const bool has_double = word.find('"') != std::string::npos;
    can_quote &= !has_double || word.find('\'') == std::string::npos;
    quoted += has_double ? " '" + word + "'" : " \"" + word + "\"";
  }
  for (size_t i = 0; i < c.setting_count; i++) {
    const so_bytes value = c.settings[i].value;
    if (value.len != 0 && !IsInside(&c, value.ptr, value.len)) abort();
  }
  if (!ok || !can_quote) return 0;
  so_command_line_init(&again);
  if (!so_ok(so_command_line_add(&again, so_test::View(quoted), false, &bad))) abort();
  if (again.argc != c.argc) abort();
  for (int i = 1; i < c.argc; i++) {
    if (std::string(again.argv[i]) != c.argv[i]) abort();
  }
  return 0;
}
