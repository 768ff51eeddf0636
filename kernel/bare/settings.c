// The command line, and what stands beside it: settings that the device family keeps (xenstore) fill in what the
// command line leaves out, and `args` there is the program's command line when it has none.

#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/bare/internal.h"

#define VALUE_LEN_MAX 1024u

static bool refuse(const bare *b, so_status s, so_bytes bad) {
  bare_say(b, "the command line is not understood: %s at: %.*s",
           so_is(s, SO_LIMIT) ? "it is too long" : "a quote is not closed", SO_FMT(bad));
  return false;
}

// One setting as a word of its own: quoted, for it may hold blanks (several addresses).
static so_status fill_in(bare *b, so_setting s, so_bytes value) {
  so_command_line *const c = &b->command_line;
  const size_t room = sizeof c->text - c->used;
  if (value.len > room) {
    return so_status_make(SO_LIMIT, 0);
  }
  uint8_t *const copy = c->text + c->used;
  memcpy(copy, value.ptr, value.len);
  SO_TRY(so_command_line_set(c, s, so_bytes_of(copy, value.len)));
  c->used += value.len;
  return so_done();
}

static bool from_devices(bare *b) {
  so_buf value;
  so_bytes bad = {NULL, 0};
  so_status s = so_done();
  so_buf_init(&value, b->world.heap, VALUE_LEN_MAX);
  for (unsigned i = 0; i < SO_SETTING_COUNT && so_ok(s); i++) {
    const so_bytes key = so_str(so_setting_key((so_setting)i));
    so_buf_clear(&value);
    if (so_ok(so_devices_setting(key, &value))) {
      bad = key;
      s = fill_in(b, (so_setting)i, so_buf_bytes(&value));
    }
  }
  so_buf_clear(&value);
  if (so_ok(s) && b->command_line.argc == 1 && so_ok(so_devices_setting(so_str("args"), &value))) {
    s = so_command_line_add(&b->command_line, so_buf_bytes(&value), false, &bad);
  }
  const bool ok = so_ok(s) || refuse(b, s, bad);
  so_buf_release(&value);
  return ok;
}

void bare_settings_parse(bare *b) {
  so_bytes bad;
  so_command_line_init(&b->command_line);
  b->command_line.argv[0] = so_bare_image.program;
  const so_status s = so_command_line_add(&b->command_line, b->boot.command_line, true, &bad);
  b->refused = !so_ok(s) && !refuse(b, s, bad);
}

bool bare_settings_init(bare *b) {
  so_bytes log;
  uint64_t kib;
  if (b->refused || !from_devices(b)) {
    return false;
  }
  if (so_command_line_get(&b->command_line, SO_SETTING_LOG, &log) &&
      !so_bytes_equal(log, so_str("debug")) && !so_bytes_equal(log, so_str("normal"))) {
    bare_say(b, "log= wants normal or debug, not: %.*s", SO_FMT(log));
    return false;
  }
  if (so_command_line_get(&b->command_line, SO_SETTING_STACK, &log) && !bare_stack_kib(log, &kib)) {
    bare_say(b, "stack= wants KiB from 16 to 1024, not: %.*s", SO_FMT(log));
    return false;
  }
  return true;
}
