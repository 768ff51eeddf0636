// A program that breaks one rule of the machine, which its argument names. Whoever runs it reads the report.

#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/ports/world.h"

#define SLEEP_NS (50 * SO_NS_PER_MS)

static const so_world *the_world;
static const volatile uint32_t constant[4] = {1, 2, 3, 4};
// Where code would lie in writable memory: a function that returns at once, on x86. Whatever it is, it does not run.
#define CODE_LEN 16
static _Alignas(16) uint8_t code_in_data[CODE_LEN] = {0xc3};

// Registers of a device, by the usual machine of each processor.
#if defined(__aarch64__) || defined(__arm__)
#define DEVICE_AT 0x09000000u
#else
#define DEVICE_AT 0xd0000000u
#endif

typedef void function(void);

static void call(const void *at) {
  union {
    const void *data;
    function *code;
  } u = {at};
  u.code();
}

static void say(const char *text) { so_console_write(&the_world->console, so_str(text)); }

static void read_null(void) { (void)*(const volatile uint32_t *)(uintptr_t)(the_world == NULL ? 0 : 16); }
static void write_null(void) { *(volatile uint32_t *)(uintptr_t)(the_world == NULL ? 0 : 4095 & ~3) = 1; }
static void call_null(void) { call((const void *)(uintptr_t)(the_world == NULL ? 1 : 0)); }
static void write_code(void) {
  union {
    function *code;
    volatile uint8_t *data;
  } u = {read_null};
  *u.data = 0xc3;
}
static void write_constant(void) { *(volatile uint32_t *)(uintptr_t)&constant[1] = 9; }
static void run_data(void) { call(code_in_data); }
static void run_stack(void) {
  _Alignas(16) volatile uint8_t code[CODE_LEN] = {0xc3};
  call((const void *)(uintptr_t)code);
}
static void run_heap(void) {
  uint8_t *const code = so_heap_alloc(the_world->heap, 64);
  code[0] = 0xc3;
  call(code);
}
static void run_device(void) { call((const void *)(uintptr_t)DEVICE_AT); }

static uint32_t deeper(uint32_t n) {
  volatile uint8_t local[512];
  local[n % sizeof local] = (uint8_t)n;
  return n == 0 ? 0 : deeper(n + 1) + local[(n + 1) % sizeof local];
}
static void run_deep(void *arg) {
  (void)arg;
  (void)deeper(1);
}
// 200 frames of 512 bytes: more than a stack has that nobody asked for.
static uint32_t so_many(uint32_t n) {
  volatile uint8_t local[512];
  local[n % sizeof local] = (uint8_t)n;
  return n == 0 ? 0 : so_many(n - 1) + local[(n + 1) % sizeof local];
}
static void run_so_many(void *arg) {
  (void)arg;
  (void)so_many(200);
  say("deep enough\n");
}
static void deep(void) {
  if (so_ok(so_fiber_spawn(the_world->sched, "deep", run_so_many, NULL))) {
    so_fiber_sleep_until(the_world->sched, so_clock_now(&the_world->clock) + 50 * SO_NS_PER_MS);
  }
}
static void overflow(void) {
  if (so_ok(so_fiber_spawn(the_world->sched, "deep", run_deep, NULL))) {
    so_fiber_sleep_until(the_world->sched, so_clock_now(&the_world->clock) + SO_NS_PER_S);
  }
}

static void fill(volatile uint8_t *p, size_t len) {
  for (size_t i = 0; i < len; i++) {
    p[i] = 0x55;
  }
}
static void smash(void) {
  volatile uint8_t local[32];
  fill(local, sizeof local + 16);
}

static void trap(void) { __builtin_trap(); }
static void divide(void) {
  volatile uint32_t number = 0;
  number = constant[2] / number;
}
static void free_twice(void) {
  void *const p = so_heap_alloc(the_world->heap, 100);
  so_heap_free(the_world->heap, p, 100);
  so_heap_free(the_world->heap, p, 100);
}

// --- what keeps the rules ---------------------------------------------------------------------

static void sleep(void) {
  const uint64_t start = so_clock_now(&the_world->clock);
  for (int i = 0; i < 10; i++) {
    so_fiber_sleep_until(the_world->sched, so_clock_now(&the_world->clock) + SLEEP_NS);
  }
  const uint64_t ns = so_clock_now(&the_world->clock) - start;
  say(ns >= 10 * SLEEP_NS ? "slept long enough\n" : "woke too early\n");
  say(ns < 40 * SLEEP_NS ? "and not too long\n" : "and too late\n");
}

static void say_time(void) {
  uint8_t line[64];
  so_writer w = so_writer_of(line, sizeof line);
  so_write_printf(&w, "unix time %lld\n",
                  (long long)(so_clock_unix_ns(&the_world->clock) / (int64_t)SO_NS_PER_S));
  so_console_write(&the_world->console, so_writer_bytes(&w));
}

// Takes all there is in pieces, gives it back, and takes half of it in one.
static void memory_in(size_t len) {
  void **first = NULL;
  size_t count = 0;
  void **p;
  while ((p = so_heap_alloc(the_world->heap, len)) != NULL) {
    *p = first;
    first = p;
    count++;
  }
  for (; first != NULL; first = p) {
    p = *first;
    so_heap_free(the_world->heap, first, len);
  }
  void *const again = count > 10 ? so_heap_alloc(the_world->heap, count * len / 2) : NULL;
  say(again != NULL ? "memory is refused, and comes back\n" : "memory is lost\n");
}
static void memory(void) { memory_in(64 * 1024); }
static void much_memory(void) { memory_in(8 * 1024 * 1024); }

// Every page that is free holds what was written to it: none is mapped twice, none is still guarded.
typedef struct piece {
  struct piece *next;
  uint8_t rest[64 * 1024 - sizeof(struct piece *)];
} piece;
static bool pages_are_their_own(void) {
  piece *first = NULL;
  piece *p;
  bool good = true;
  while ((p = so_heap_alloc(the_world->heap, sizeof *p)) != NULL) {
    p->next = first;
    first = p;
    for (size_t at = 0; at < sizeof p->rest; at += 4096) {
      p->rest[at] = (uint8_t)((uintptr_t)&p->rest[at] >> 12);
    }
  }
  for (p = first; p != NULL; p = p->next) {
    for (size_t at = 0; at < sizeof p->rest; at += 4096) {
      good = good && p->rest[at] == (uint8_t)((uintptr_t)&p->rest[at] >> 12);
    }
  }
  for (; first != NULL; first = p) {
    p = first->next;
    so_heap_free(the_world->heap, first, sizeof *first);
  }
  return good;
}

static void run_short(void *arg) { ++*(uint32_t *)arg; }
static void fibers(void) {
  uint32_t ran = 0;
  uint32_t spawned = 0;
  for (uint32_t i = 0; i < 2000; i++) {
    spawned += so_ok(so_fiber_spawn(the_world->sched, "short", run_short, &ran)) ? 1 : 0;
    if (i % 40 == 39) {
      so_fiber_yield(the_world->sched);
    }
  }
  so_fiber_yield(the_world->sched);
  say(ran == spawned && ran > 1000 ? "fibers come and go\n" : "fibers are lost\n");
  say(pages_are_their_own() ? "and leave memory as it was\n" : "and spoil memory\n");
}

// Numbers in the registers that no switch of fibers saves.
static void run_numbers(void *arg) {
  volatile double sum = 0;
  for (int i = 0; i < 1000; i++) {
    sum = sum + (double)i / 3.0;
    if (i % 100 == 0) {
      so_fiber_yield(the_world->sched);
    }
  }
  *(uint32_t *)arg += sum > 166499.9 && sum < 166500.1 ? 1 : 0;
}
static void numbers(void) {
  uint32_t right = 0;
  for (int i = 0; i < 5; i++) {
    if (!so_ok(so_fiber_spawn(the_world->sched, "numbers", run_numbers, &right))) {
      return;
    }
  }
  so_fiber_sleep_until(the_world->sched, so_clock_now(&the_world->clock) + 100 * SO_NS_PER_MS);
  say(right == 5 ? "numbers survive\n" : "numbers are lost\n");
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  static const struct {
    const char *name;
    function *run;
  } all[] = {
      {"read-null", read_null},   {"write-null", write_null}, {"call-null", call_null},
      {"write-code", write_code}, {"write-constant", write_constant},
      {"run-data", run_data},     {"run-stack", run_stack},   {"run-heap", run_heap},
      {"run-device", run_device}, {"overflow", overflow},     {"smash", smash},
      {"deep", deep},
      {"trap", trap},             {"divide", divide},         {"free-twice", free_twice},
      {"sleep", sleep},           {"time", say_time},         {"memory", memory},
      {"much-memory", much_memory},
      {"fibers", fibers},         {"numbers", numbers},
  };
  the_world = world;
  for (size_t i = 0; argc == 2 && i < sizeof all / sizeof *all; i++) {
    if (so_bytes_equal(so_str(argv[1]), so_str(all[i].name))) {
      say("before\n");
      all[i].run();
      say("after\n");
      return 0;
    }
  }
  return 2;
}
