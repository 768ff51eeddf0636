#include "net/sntp/wall.h"

#include "base/mem.h"

#define NS_PER_S INT64_C(1000000000)
// One nanosecond of offset for so many that pass. A nanosecond at a time: in larger pieces the
// clock would jump back by them.
#define NS_PER_SLEWED_NS (1000000 / SO_WALL_SLEW_PPM)
// Half of NTP's era: what lies further after the floor lies before it.
#define HALF_ERA_NS ((INT64_C(1) << 31) * NS_PER_S)

void so_wall_init(so_wall *w, int64_t not_before_unix_s) {
  memset(w, 0, sizeof *w);
  w->not_before_ns = not_before_unix_s * NS_PER_S;
}

static int64_t distance(int64_t a, int64_t b) { return a < b ? b - a : a - b; }

// offset is the one at `now_ns`: on its way from `from_ns` to `target_ns`.
static int64_t offset(const so_wall *w, uint64_t now_ns) {
  const uint64_t passed_ns = now_ns > w->since_ns ? now_ns - w->since_ns : 0;
  const int64_t most = (int64_t)(passed_ns / NS_PER_SLEWED_NS);
  if (distance(w->target_ns, w->from_ns) <= most) {
    return w->target_ns;
  }
  return w->target_ns > w->from_ns ? w->from_ns + most : w->from_ns - most;
}

int64_t so_wall_unix_ns(const so_wall *w, uint64_t now_ns) {
  return (int64_t)now_ns + offset(w, now_ns);
}

static so_wall_result step(so_wall *w, int64_t offset_ns, uint64_t now_ns) {
  w->set = true;
  w->from_ns = w->target_ns = offset_ns;
  w->since_ns = now_ns;
  w->stats.steps++;
  return SO_WALL_STEPPED;
}

so_wall_result so_wall_take(so_wall *w, int64_t offset_ns, uint64_t now_ns) {
  const int64_t unix_ns = (int64_t)now_ns + offset_ns;
  if (unix_ns < w->not_before_ns || unix_ns - w->not_before_ns >= HALF_ERA_NS) {
    w->stats.refused++;
    return SO_WALL_REFUSED;
  }
  if (!w->set) {
    return step(w, offset_ns, now_ns);
  }
  const int64_t present = offset(w, now_ns);
  if (distance(present, offset_ns) <= SO_WALL_STEP_NS) {
    w->doubted = false;
    w->from_ns = present;
    w->target_ns = offset_ns;
    w->since_ns = now_ns;
    w->stats.slews++;
    return SO_WALL_SLEWS;
  }
  if (w->doubted && distance(w->doubt_ns, offset_ns) <= SO_WALL_STEP_NS) {
    w->doubted = false;
    return step(w, offset_ns, now_ns);
  }
  w->doubted = true;
  w->doubt_ns = offset_ns;
  w->stats.doubted++;
  return SO_WALL_DOUBTED;
}
