// What an exception prints: its name and meaning, all registers, a backtrace.

#include "kernel/x86/internal.h"

typedef struct x86_frame {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t vector, error;
  uint64_t rip, cs, rflags, rsp, ss;
} x86_frame;

#define INVALID_OPCODE 6u
#define PAGE_FAULT 14u
#define ERROR_PRESENT 1u
#define ERROR_WRITE 2u
#define ERROR_FETCH 16u

void x86_exception(const x86_frame *f);

static const char *const names[X86_EXCEPTIONS] = {
    [0] = "division by zero",
    [1] = "debug exception",
    [2] = "non-maskable interrupt",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [INVALID_OPCODE] = "invalid instruction, or a broken invariant (trap)",
    [7] = "device not available",
    [8] = "double fault",
    [10] = "invalid task state",
    [11] = "segment not present",
    [12] = "stack segment fault",
    [13] = "general protection fault",
    [PAGE_FAULT] = "page fault",
    [16] = "x87 floating-point exception",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD floating-point exception",
};

static void say_page_fault(uint64_t error, uint64_t at) {
  const char *const what = (error & ERROR_FETCH) != 0   ? "executing"
                           : (error & ERROR_WRITE) != 0 ? "writing"
                                                        : "reading";
  const char *why = "nothing is mapped there";
  if (at < SO_PAGE_LEN) {
    why = "the null page";
  } else if ((error & ERROR_FETCH) != 0 && (error & ERROR_PRESENT) != 0) {
    why = "data is not executable";
  } else if ((error & ERROR_PRESENT) != 0) {
    why = at < (uintptr_t)x86_text_end ? "code is read-only" : "constants are read-only";
  }
  x86_say("%s %016llx: %s\n", what, (unsigned long long)at, why);
}

static bool is_in(uint64_t at, const uint8_t *page) {
  return at >= (uintptr_t)page && at < (uintptr_t)page + SO_PAGE_LEN;
}

static void say_registers(const x86_frame *f, uint64_t cr2) {
  const struct {
    const char *name;
    uint64_t value;
  } all[] = {
      {"rip", f->rip}, {"rsp", f->rsp}, {"rbp", f->rbp}, {"flg", f->rflags}, {"rax", f->rax},
      {"rbx", f->rbx}, {"rcx", f->rcx}, {"rdx", f->rdx}, {"rsi", f->rsi},    {"rdi", f->rdi},
      {"r8 ", f->r8},  {"r9 ", f->r9},  {"r10", f->r10}, {"r11", f->r11},    {"r12", f->r12},
      {"r13", f->r13}, {"r14", f->r14}, {"r15", f->r15}, {"cr2", cr2},       {"err", f->error},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    x86_say("%s %016llx%s", all[i].name, (unsigned long long)all[i].value, i % 4 == 3 ? "\n" : "  ");
  }
}

void x86_exception(const x86_frame *f) {
  const uint64_t cr2 = x86_read_cr2();
  const char *const name = f->vector < X86_EXCEPTIONS ? names[f->vector] : NULL;
  if (x86_panic_begin()) {
    x86_say("\npanic: %s\n", name != NULL ? name : "unknown exception");
    if (f->vector == PAGE_FAULT) {
      say_page_fault(f->error, cr2);
    }
    if (is_in(cr2, x86_all_stacks.guard0)) {
      x86_say("stack overflow: the loop ran into its guard page\n");
    }
    so_bare_panic_explain(f->vector == PAGE_FAULT ? (const void *)(uintptr_t)cr2 : NULL);
    say_registers(f, cr2);
    x86_backtrace(f->rip, f->rsp, f->rbp);
  }
  x86_panic_end();
}
