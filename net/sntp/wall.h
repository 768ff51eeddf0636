#ifndef SO_NET_SNTP_WALL_H_
#define SO_NET_SNTP_WALL_H_

// The wall clock that samples of time servers make of the monotonic clock: an offset that steps to
// the first sample, and afterwards moves slowly (slews), so that time never runs backwards and no
// second happens twice.
//
// A later sample that is further away than SO_WALL_STEP_NS is either a server gone wrong or a clock
// that stood still (a guest that was suspended). It is doubted: nothing changes until the next
// sample agrees with it, then the clock steps. RFC 5905 11.3 has the same threshold and limit of
// rate; where it waits 900 s for the doubt to end, this asks again.
//
// Pure, and no memory but the struct.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_WALL_STEP_NS INT64_C(128000000)  // STEPT of RFC 5905.
#define SO_WALL_SLEW_PPM 500                // MAXFREQ of RFC 5905: 0.5 ms a second.

typedef enum so_wall_result {
  SO_WALL_STEPPED,
  SO_WALL_SLEWS,
  SO_WALL_DOUBTED,  // Ask again soon, somebody else if there is one.
  SO_WALL_REFUSED,  // A time that cannot be: before this program was made.
} so_wall_result;

typedef struct so_wall_stats {
  uint64_t steps;
  uint64_t slews;
  uint64_t doubted;
  uint64_t refused;
} so_wall_stats;

typedef struct so_wall {
  bool set;      // There is a wall clock.
  bool doubted;  // The last sample was too far away to be believed alone.
  int64_t not_before_ns;
  int64_t from_ns;    // The offset at `since_ns`, and where it moves to.
  int64_t target_ns;
  uint64_t since_ns;  // Monotonic.
  int64_t doubt_ns;   // The offset that was doubted.
  so_wall_stats stats;
} so_wall;

// so_wall_init: no wall clock yet. A time before `not_before_unix_s` cannot be; since NTP's seconds
// turn over, such a time shows as one more than 68 years later (net/sntp/sntp.h).
void so_wall_init(so_wall *w, int64_t not_before_unix_s);

// so_wall_take takes a sample: wall clock = monotonic clock + `offset_ns`, measured at `now_ns`.
so_wall_result so_wall_take(so_wall *w, int64_t offset_ns, uint64_t now_ns);

// so_wall_unix_ns is the wall clock; only once it is set.
int64_t so_wall_unix_ns(const so_wall *w, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_SNTP_WALL_H_
