// The last words: what happened, where, how it came there, and of which build.
//
// Nothing here takes memory or trusts what it prints: addresses are read only where something is mapped. A
// panic in a panic says so on the debug port and ends at once.

#include <stdarg.h>

#include "base/fmt.h"
#include "kernel/lib/symbols.h"
#include "kernel/x86/internal.h"

#define LINE_CAP 160
#define LINES_MAX 32
#define AGAIN_MAX 100000
#define NAME_CAP 48

static unsigned depth;

void x86_say(const char *format, ...) {
  uint8_t line[LINE_CAP];
  so_buf b = {.ptr = line, .cap = sizeof line, .limit = sizeof line};
  va_list args;
  va_start(args, format);
  so_buf_vprintf(&b, format, args);
  va_end(args);
  const so_bytes text = so_buf_bytes(&b);
  if (depth > 1) {
    so_machine_debug_write(text);
    return;
  }
  x86_debug_port_write(text);
  so_bare_panic_write(text);
}

bool x86_panic_begin(void) {
  depth++;
  if (depth == 1) {
    return true;
  }
  if (depth == 2) {
    x86_say("and an exception while that was reported\n");
  }
  if (depth > 3) {
    so_machine_end(SO_END_CRASH);
  }
  return depth == 2;
}

static bool in_text(uintptr_t at) {
  return at >= (uintptr_t)x86_image_start && at < (uintptr_t)x86_text_end;
}

// Of a return address the byte before counts: a call that never returns may be a function's last.
static void say_place(uintptr_t at, bool is_return) {
  uint8_t name[NAME_CAP];
  uint64_t off;
  const so_bytes table =
      so_bytes_of(x86_symbols_start, (size_t)(x86_symbols_end - x86_symbols_start));
  const bool is_code = in_text(at);
  const size_t len = is_code ? so_symbols_find(table, at - (uintptr_t)x86_image_start - is_return,
                                               name, sizeof name, &off)
                             : 0;
  if (len != 0) {
    x86_say("%016llx %.*s+0x%llx\n", (unsigned long long)at, (int)len, (const char *)name,
            (unsigned long long)off + is_return);
  } else {
    x86_say("%016llx%s\n", (unsigned long long)at, is_code ? "" : " (not code)");
  }
}

static bool readable(uintptr_t at, size_t len) {
  return at % sizeof(uintptr_t) == 0 && x86_is_mapped(at) && x86_is_mapped(at + len - 1);
}

static void say_frame(uintptr_t at) {
  if (at != 0) {
    x86_say("  ");
    say_place(at, true);
  }
}

static void say_again(unsigned *count) {
  if (*count != 0) {
    x86_say("  ... %u more of these\n", *count);
  }
  *count = 0;
}

void x86_backtrace(uintptr_t rip, uintptr_t rsp, uintptr_t rbp) {
  x86_say("backtrace:\n  ");
  say_place(rip, rsp == 0);
  // What was called is no function: its caller has only just pushed where it was.
  if (rsp != 0 && !in_text(rip) && readable(rsp, sizeof rsp)) {
    say_frame(*(const uintptr_t *)rsp);
  }
  uintptr_t last = 0;
  unsigned again = 0;
  unsigned lines = 0;
  while (lines < LINES_MAX && again < AGAIN_MAX && rbp != 0 && readable(rbp, 2 * sizeof rbp)) {
    const uintptr_t *const frame = (const uintptr_t *)rbp;
    if (frame[1] == last) {
      again++;
    } else {
      say_again(&again);
      say_frame(frame[1]);
      lines++;
    }
    last = frame[1];
    // Callers are further up, always; the first one has none.
    rbp = frame[0] > rbp && last != 0 ? frame[0] : 0;
  }
  say_again(&again);
}

_Noreturn void x86_panic_end(void) {
  const size_t len = (size_t)(x86_build_id_end - x86_build_id_start);
  const uint8_t *const id = x86_build_id_start;
  x86_say("build id: ");
  for (size_t i = 16; i < len; i++) {  // Behind the note's header and name.
    x86_say("%02x", id[i]);
  }
  x86_say("\n");
  so_bare_panic_end();
}

_Noreturn void so_machine_panic(const char *why) {
  if (x86_panic_begin()) {
    x86_say("\npanic: %s\n", why);
    const uintptr_t *const frame = __builtin_frame_address(0);
    so_bare_panic_explain(NULL);
    x86_backtrace(frame[1], 0, frame[0]);
  }
  x86_panic_end();
}
