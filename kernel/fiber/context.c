#include "kernel/fiber/context.h"

#include "base/mem.h"

// The frame that so_context_switch pops, lowest address first.
#if defined(__x86_64__)
enum { FRAME_WORDS = 7, ENTRY = 3, ARG = 2, PC = 6 };  // r15 r14 r13 r12 rbx rbp pc.
#elif defined(__aarch64__)
enum { FRAME_WORDS = 20, ENTRY = 1, ARG = 0, PC = 11 };  // x19..x28 x29 x30 d8..d15.
#elif defined(__arm__) && defined(__ARM_FP)
enum { FRAME_WORDS = 26, ENTRY = 17, ARG = 16, PC = 24 };  // d8..d15 r4..r11 lr, padding.
#elif defined(__arm__)
enum { FRAME_WORDS = 10, ENTRY = 1, ARG = 0, PC = 8 };  // r4..r11 lr, padding.
#else
#error "no context switch for this processor"
#endif

void *so_context_make(void *top, void (*entry)(void *arg), void *arg) {
  uintptr_t *const frame = (uintptr_t *)top - FRAME_WORDS;
  memset(frame, 0, FRAME_WORDS * sizeof *frame);
  frame[ENTRY] = (uintptr_t)entry;
  frame[ARG] = (uintptr_t)arg;
  frame[PC] = (uintptr_t)so_context_entry;
  return frame;
}
