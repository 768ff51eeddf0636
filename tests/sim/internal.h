#ifndef SO_TESTS_SIM_INTERNAL_H_
#define SO_TESTS_SIM_INTERNAL_H_

#include "kernel/fiber/sched.h"
#include "tests/sim/random.h"
#include "tests/sim/sim.h"

#define SIM_NAMES_MAX 64

// Everything that the world frees at its end is on one list.
typedef struct sim_item {
  struct sim_item *next;
  struct sim_item *prev;
  void (*release)(struct sim_item *item);
} sim_item;

typedef struct sim_name {
  const char *name;
  so_endpoint at;
} sim_name;

typedef struct sim_device {
  char *name;
  so_sim_block *block;
  bool owned;
  bool open;
} sim_device;

typedef struct sim_file {
  char *name;
  uint8_t *bytes;
  size_t len;
} sim_file;

struct so_sim {
  so_sim_config config;
  so_sched sched;
  so_world world;
  so_heap heap;
  uint64_t now_ns;
  int64_t unix_base_ns;
  uint64_t random;
  size_t heap_used;
  uint64_t heap_fail_in;
  sim_item items;  // Sentinel of a ring.
  struct sim_listener *listeners;
  uint16_t next_port;
  sim_name names[SIM_NAMES_MAX];
  size_t name_count;
  sim_device devices[SIM_NAMES_MAX];
  size_t device_count;
  sim_file files[SIM_NAMES_MAX];
  size_t file_count;
  uint8_t *console;
  size_t console_len;
};

void *sim_alloc(size_t len);  // Zeroed; stops the test when memory ends.
char *sim_text(const char *ptr, size_t len);
void sim_item_add(so_sim *sim, sim_item *item, void (*release)(sim_item *item));
void sim_item_remove(sim_item *item);
void sim_net_init(so_sim *sim);

#endif  // SO_TESTS_SIM_INTERNAL_H_
