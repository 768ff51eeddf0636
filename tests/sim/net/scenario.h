#ifndef SO_TESTS_SIM_NET_SCENARIO_H_
#define SO_TESTS_SIM_NET_SCENARIO_H_

// Scenarios: what a seed makes of hosts, links, connections and programs, run to the end with every
// invariant checked.

#include <cstdint>
#include <string>

namespace net_sim {

struct Result {
  std::string failure;  // Empty: none.
  uint64_t frames = 0;
  uint64_t dropped = 0;
  uint64_t bytes = 0;
  uint64_t virtual_ns = 0;
  uint64_t retransmitted = 0;
  uint64_t undone = 0;
  uint64_t probes = 0;
  uint64_t timeouts = 0;
  uint64_t connections = 0;
};

// Run does the scenario of one seed.
Result Run(uint64_t seed, bool trace);

}  // namespace net_sim

#endif  // SO_TESTS_SIM_NET_SCENARIO_H_
