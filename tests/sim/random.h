#ifndef SO_TESTS_SIM_RANDOM_H_
#define SO_TESTS_SIM_RANDOM_H_

// Seeded numbers for simulations (splitmix64): the same seed gives the same run on every machine.

#include <stdint.h>

// so_sim_mix spreads the bits of `v`.
static inline uint64_t so_sim_mix(uint64_t v) {
  v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
  return v ^ (v >> 31);
}

// so_sim_next advances `*state` and returns the next number.
static inline uint64_t so_sim_next(uint64_t *state) {
  *state += UINT64_C(0x9e3779b97f4a7c15);
  return so_sim_mix(*state);
}

#endif  // SO_TESTS_SIM_RANDOM_H_
