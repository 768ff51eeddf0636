// The last words: what happened, how it came there, of which build. In the same words as on x86.
//
// Nothing here takes memory or trusts what it prints: addresses are read only where something is mapped. What
// happens while that is reported is said on the UART alone, and the end comes at once.

#include <stdarg.h>

#include "arm/machine/internal.h"
#include "base/fmt.h"
#include "kernel/lib/symbols.h"

#define LINE_CAP 160
#define FRAMES_MAX 32u
#define AGAIN_MAX 100000u
#define NAME_CAP 48
#define NOTE_HEAD_LEN 16u  // Of the note that holds the build id: lengths, kind and "GNU".

static unsigned depth;

void arm_say(const char *format, ...) {
  uint8_t line[LINE_CAP];
  so_buf b = {.ptr = line, .cap = sizeof line, .limit = sizeof line};
  va_list args;
  va_start(args, format);
  so_buf_vprintf(&b, format, args);
  va_end(args);
  if (depth > 1) {
    so_machine_debug_write(so_buf_bytes(&b));
  } else {
    so_bare_panic_write(so_buf_bytes(&b));
  }
}

bool arm_panic_begin(void) {
  depth++;
  if (depth > 2) {
    so_machine_end(SO_END_CRASH);
  }
  if (depth == 2) {
    arm_say("and another panic while that was reported\n");
  }
  return true;
}

static bool in_text(uintptr_t at) {
  return at >= (uintptr_t)so_image_start && at < (uintptr_t)so_image_text_end;
}

// The function that `at` is in, and how far; its name's length, 0: none.
static size_t find(uintptr_t at, uint8_t name[NAME_CAP], uint64_t *out_into) {
  const so_bytes names = so_bytes_of(so_image_symbols_start,
                                     (size_t)(so_image_symbols_end - so_image_symbols_start));
  return in_text(at) ? so_symbols_find(names, at - (uintptr_t)so_image_start, name, NAME_CAP, out_into) : 0;
}

// Of a return address the byte before counts: a call that never returns may be a function's last.
static void say_place(uintptr_t at, bool is_return) {
  uint8_t name[NAME_CAP];
  uint64_t into = 0;
  const size_t len = find(at - is_return, name, &into);
  if (len != 0) {
    arm_say("  " ARM_HEX " %.*s+0x%llx\n", (arm_word)at, (int)len, (const char *)name,
            (arm_word)into + is_return);
  } else {
    arm_say("  " ARM_HEX "%s\n", (arm_word)at, in_text(at) ? "" : " (not code)");
  }
}

static bool readable(uintptr_t at) {
  return at % sizeof at == 0 && arm_is_mapped(at) && arm_is_mapped(at + 2 * sizeof at - 1);
}

// A function that calls nothing keeps its caller in the link register alone. In any other that register is of its own
// last call.
static bool is_leaf(uintptr_t pc, uintptr_t link, uintptr_t frame) {
  uint8_t name[NAME_CAP];
  uint64_t into = 0;
  uint64_t link_into = 0;
  if (!in_text(link) || find(link - 1, name, &link_into) == 0) {
    return false;
  }
  const bool own = find(pc, name, &into) != 0 && pc - into == link - 1 - link_into;
  return !own && !(readable(frame) && ((const uintptr_t *)frame)[SO_CPU_FRAME_RETURN] == link);
}

static void say_again(unsigned *count) {
  if (*count != 0) {
    arm_say("  ... %u more of these\n", *count);
  }
  *count = 0;
}

void arm_backtrace(uintptr_t pc, uintptr_t link, uintptr_t frame) {
  arm_say("backtrace:\n");
  say_place(pc, link == 0);
  if (link != 0 && is_leaf(pc, link, frame)) {
    say_place(link, true);
  }
  uintptr_t last = 0;
  unsigned again = 0;
  unsigned lines = 0;
  while (lines < FRAMES_MAX && again < AGAIN_MAX && frame != 0 && readable(frame)) {
    const uintptr_t *const words = (const uintptr_t *)frame;
    const uintptr_t caller = words[SO_CPU_FRAME_RETURN];
    if (caller != 0 && caller == last) {
      again++;
    } else {
      say_again(&again);
      if (caller == 0) {
        break;
      }
      say_place(caller, true);
      lines++;
    }
    last = caller;
    // Callers are further up, always; the first one has none.
    frame = words[SO_CPU_FRAME_NEXT] > frame ? words[SO_CPU_FRAME_NEXT] : 0;
  }
  say_again(&again);
}

_Noreturn void arm_panic_end(void) {
  const size_t len = (size_t)(so_image_build_id_end - so_image_build_id_start);
  arm_say("build id: ");
  for (size_t i = NOTE_HEAD_LEN; i < len; i++) {
    arm_say("%02x", so_image_build_id_start[i]);
  }
  arm_say("\n");
  so_bare_panic_end();
}

static const char *why_not(const arm_fault *f) {
  if (f->misaligned) {
    return "not aligned as the instruction wants it";
  }
  if (f->address < SO_PAGE_LEN) {
    return "the null page";
  }
  if (!f->permission) {
    return "nothing is mapped there";
  }
  if (f->access[0] == 'e') {
    return "data is not executable";
  }
  return f->address < (uintptr_t)so_image_text_end ? "code is read-only" : "constants are read-only";
}

void arm_say_fault(const arm_fault *f) {
  arm_say("\npanic: %s\n", f->name);
  if (f->access == NULL) {
    so_bare_panic_explain(NULL);
    return;
  }
  arm_say("%s " ARM_HEX ": %s\n", f->access, (arm_word)f->address, why_not(f));
  if (f->address - (uintptr_t)so_arm_stacks.guard0 < SO_PAGE_LEN) {
    arm_say("stack overflow: the loop ran into its guard page\n");
  }
  so_bare_panic_explain((const void *)f->address);
}

_Noreturn void so_machine_panic(const char *why) {
  arm_panic_begin();
  arm_say("\npanic: %s\n", why);
  so_bare_panic_explain(NULL);
  const uintptr_t *const frame = __builtin_frame_address(0);
  arm_backtrace(frame[SO_CPU_FRAME_RETURN], 0, frame[SO_CPU_FRAME_NEXT]);
  arm_panic_end();
}
