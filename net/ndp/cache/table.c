// The state machine of reachability (RFC 4861 appendix C) as a table. An event that is not in a row
// cannot be in that state, or changes nothing there.

#include "base/assert.h"
#include "net/ndp/cache/cache.h"

#define NONE SO_NEIGHBOR_NONE
#define INCOMPLETE SO_NEIGHBOR_INCOMPLETE
#define REACHABLE SO_NEIGHBOR_REACHABLE
#define STALE SO_NEIGHBOR_STALE
#define DELAY SO_NEIGHBOR_DELAY
#define PROBE SO_NEIGHBOR_PROBE

#define RECORD SO_NEIGHBOR_DO_RECORD
#define FLUSH SO_NEIGHBOR_DO_FLUSH
#define MULTICAST SO_NEIGHBOR_DO_MULTICAST
#define UNICAST SO_NEIGHBOR_DO_UNICAST
#define DISCARD SO_NEIGHBOR_DO_DISCARD
#define QUEUE SO_NEIGHBOR_DO_QUEUE
#define SEND SO_NEIGHBOR_DO_SEND
#define FRESH SO_NEIGHBOR_DO_FRESH

// What the states in which an address is known have in common. `doubt`: after an advertisement
// without override that names another address.
#define KNOWN(state, doubt)                                           \
  [SO_NEIGHBOR_CONFIRM] = {REACHABLE, FRESH},                         \
  [SO_NEIGHBOR_NA_S0_O0_SAME] = {state, 0},                           \
  [SO_NEIGHBOR_NA_S0_O0_OTHER] = {doubt, 0},                          \
  [SO_NEIGHBOR_NA_S0_O1_SAME] = {state, 0},                           \
  [SO_NEIGHBOR_NA_S0_O1_OTHER] = {STALE, RECORD},                     \
  [SO_NEIGHBOR_NA_S0_BARE] = {state, 0},                              \
  [SO_NEIGHBOR_NA_S1_O0_SAME] = {REACHABLE, FRESH},                   \
  [SO_NEIGHBOR_NA_S1_O0_OTHER] = {doubt, 0},                          \
  [SO_NEIGHBOR_NA_S1_O1_SAME] = {REACHABLE, FRESH},                   \
  [SO_NEIGHBOR_NA_S1_O1_OTHER] = {REACHABLE, RECORD | FRESH},         \
  [SO_NEIGHBOR_NA_S1_BARE] = {REACHABLE, FRESH},                      \
  [SO_NEIGHBOR_HEARD_SAME] = {state, 0},                              \
  [SO_NEIGHBOR_HEARD_OTHER] = {STALE, RECORD}

// Rows are states. 7.2.5 decides where it and the appendix differ: an advertisement without
// override and with another address makes REACHABLE stale, solicited or not.
static const so_neighbor_rule rules[SO_NEIGHBOR_STATES][SO_NEIGHBOR_EVENTS] = {
    [SO_NEIGHBOR_NONE] =
        {
            [SO_NEIGHBOR_SEND] = {INCOMPLETE, QUEUE | MULTICAST},
            [SO_NEIGHBOR_HEARD_OTHER] = {STALE, RECORD},
        },
    [SO_NEIGHBOR_INCOMPLETE] =
        {
            [SO_NEIGHBOR_SEND] = {INCOMPLETE, QUEUE},
            [SO_NEIGHBOR_RETRY] = {INCOMPLETE, MULTICAST},
            [SO_NEIGHBOR_GIVE_UP] = {NONE, DISCARD},
            [SO_NEIGHBOR_DELAY_OVER] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_REACHABLE_OVER] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_CONFIRM] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_NA_S0_O0_SAME] = {INCOMPLETE, 0},  // There is no address to be the same.
            [SO_NEIGHBOR_NA_S0_O0_OTHER] = {STALE, RECORD | FLUSH},
            [SO_NEIGHBOR_NA_S0_O1_SAME] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_NA_S0_O1_OTHER] = {STALE, RECORD | FLUSH},
            [SO_NEIGHBOR_NA_S0_BARE] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_NA_S1_O0_SAME] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_NA_S1_O0_OTHER] = {REACHABLE, RECORD | FLUSH | FRESH},
            [SO_NEIGHBOR_NA_S1_O1_SAME] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_NA_S1_O1_OTHER] = {REACHABLE, RECORD | FLUSH | FRESH},
            [SO_NEIGHBOR_NA_S1_BARE] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_HEARD_SAME] = {INCOMPLETE, 0},
            [SO_NEIGHBOR_HEARD_OTHER] = {STALE, RECORD | FLUSH},
        },
    [SO_NEIGHBOR_REACHABLE] =
        {
            [SO_NEIGHBOR_SEND] = {REACHABLE, SEND},
            [SO_NEIGHBOR_RETRY] = {REACHABLE, 0},
            [SO_NEIGHBOR_GIVE_UP] = {REACHABLE, 0},
            [SO_NEIGHBOR_DELAY_OVER] = {REACHABLE, 0},
            [SO_NEIGHBOR_REACHABLE_OVER] = {STALE, 0},
            KNOWN(REACHABLE, STALE),
        },
    [SO_NEIGHBOR_STALE] =
        {
            [SO_NEIGHBOR_SEND] = {DELAY, SEND},
            [SO_NEIGHBOR_RETRY] = {STALE, 0},
            [SO_NEIGHBOR_GIVE_UP] = {STALE, 0},
            [SO_NEIGHBOR_DELAY_OVER] = {STALE, 0},
            [SO_NEIGHBOR_REACHABLE_OVER] = {STALE, 0},
            KNOWN(STALE, STALE),
        },
    [SO_NEIGHBOR_DELAY] =
        {
            [SO_NEIGHBOR_SEND] = {DELAY, SEND},
            [SO_NEIGHBOR_RETRY] = {DELAY, 0},
            [SO_NEIGHBOR_GIVE_UP] = {DELAY, 0},
            [SO_NEIGHBOR_DELAY_OVER] = {PROBE, UNICAST},
            [SO_NEIGHBOR_REACHABLE_OVER] = {DELAY, 0},
            KNOWN(DELAY, DELAY),
        },
    [SO_NEIGHBOR_PROBE] =
        {
            [SO_NEIGHBOR_SEND] = {PROBE, SEND},
            [SO_NEIGHBOR_RETRY] = {PROBE, UNICAST},
            [SO_NEIGHBOR_GIVE_UP] = {NONE, DISCARD},
            [SO_NEIGHBOR_DELAY_OVER] = {PROBE, 0},
            [SO_NEIGHBOR_REACHABLE_OVER] = {PROBE, 0},
            KNOWN(PROBE, PROBE),
        },
};

so_neighbor_rule so_neighbor_rule_of(so_neighbor_state state, so_neighbor_event event) {
  SO_ASSERT(state < SO_NEIGHBOR_STATES && event < SO_NEIGHBOR_EVENTS);
  return rules[state][event];
}
