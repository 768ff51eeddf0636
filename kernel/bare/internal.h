#ifndef SO_KERNEL_BARE_INTERNAL_H_
#define SO_KERNEL_BARE_INTERNAL_H_

#include "crypto/rng/rng.h"
#include "kernel/bare/command_line/command_line.h"
#include "kernel/bare/parts.h"
#include "kernel/fiber/sched.h"
#include "kernel/lib/page_heap.h"
#include "kernel/lib/ram.h"
#include "kernel/machine/devices.h"
#include "kernel/machine/machine.h"
#include "kernel/ports/world.h"

#define BARE_STACK_LEN (64u * 1024)
#define BARE_STACKS_KEPT 16

typedef struct bare_stacks {
  void *kept[BARE_STACKS_KEPT];  // With their guards.
  size_t kept_count;
} bare_stacks;

typedef struct bare_pool {
  so_rng rng;
  size_t drawn;  // Bytes since the processor's generator was last mixed in.
} bare_pool;

// The one machine.
typedef struct bare {
  so_machine_boot boot;
  so_ram pages;
  so_page_heap page_heap;
  so_heap heap;
  so_sched sched;
  bare_stacks stacks;
  bare_pool pool;
  so_command_line command_line;
  bool refused;     // The command line was not understood, which was said.
  bool debug;       // log=debug.
  so_world world;
  so_end end;       // How, once so_main has returned.
  bool has_devices;
} bare;

// --- stacks.c ---
void *bare_stack_alloc(void *ctx, size_t len);
void bare_stack_free(void *ctx, void *stack, size_t len);

// --- entropy.c ---
// False: nothing unpredictable is to be had; `*out_why` says what to do.
bool bare_entropy_init(bare *b, const char **out_why);

// --- world.c ---
void bare_world_init(bare *b);
void bare_say(const bare *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

// --- settings.c ---
// Reads the command line, before there is memory: so only it can say how large stacks are, and log=.
void bare_settings_parse(bare *b);
// Adds what the device family has; false: a setting is refused, and why was said.
bool bare_settings_init(bare *b);
// The value of stack=; false: it is none.
bool bare_stack_kib(so_bytes text, uint64_t *out);

// --- debug.c ---
// What log=debug adds: what was found, after the start; what was used, in the end.
void bare_debug_found(const bare *b);
void bare_debug_network(const bare *b, const so_netdev *device, uint32_t pages, uint32_t connections);
void bare_debug_used(const bare *b);

// --- network.c ---
// Runs so_main with what network there is, and returns its result.
int bare_run_program(bare *b);

#endif  // SO_KERNEL_BARE_INTERNAL_H_
