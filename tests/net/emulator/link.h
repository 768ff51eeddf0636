#ifndef SO_TESTS_NET_EMULATOR_LINK_H_
#define SO_TESTS_NET_EMULATOR_LINK_H_

// One direction of a bad link: loses, delays, reorders and duplicates frames, and has a rate, as a
// seed says. Pure: time comes in as an argument. The same frames at the same times give the same
// result.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EMULATOR_FRAME_LEN_MAX 1600u

typedef struct emulator_config {
  uint64_t seed;
  double loss;          // Of frames, 0 to 1, each by itself.
  double duplicate;     // Of frames that are not lost.
  double reorder;       // Of frames, those that are held back by `reorder_ns` more.
  uint64_t reorder_ns;
  uint64_t delay_ns;    // One way.
  uint64_t jitter_ns;   // Up to so much more, evenly. Never changes the order by itself.
  uint64_t rate;        // Bytes a second; 0: no limit.
  uint64_t queue_ns;    // How long a frame may wait for the rate before the queue is full.
  size_t frame_max;     // Frames on their way at most.
} emulator_config;

typedef struct emulator_stats {
  uint64_t frames;
  uint64_t lost;
  uint64_t duplicated;
  uint64_t reordered;
  uint64_t queue_full;
  uint64_t delivered;
} emulator_stats;

typedef struct emulator_frame {
  uint64_t due_ns;
  uint64_t order;
  size_t len;
  uint8_t bytes[EMULATOR_FRAME_LEN_MAX];
} emulator_frame;

typedef struct emulator_link {
  emulator_config config;
  emulator_stats stats;
  uint64_t random;
  uint64_t order;
  uint64_t busy_until_ns;  // The rate's.
  uint64_t last_due_ns;    // Of frames that keep their order.
  emulator_frame **heap;   // By due_ns, then order.
  size_t count;
} emulator_link;

// emulator_link_init takes memory for `frame_max` frames from malloc. False: there is none.
bool emulator_link_init(emulator_link *l, const emulator_config *config);
void emulator_link_release(emulator_link *l);

// emulator_link_push takes a copy of a frame that enters the link now, or loses it.
void emulator_link_push(emulator_link *l, const uint8_t *bytes, size_t len, uint64_t now_ns);

// emulator_link_due is when the next frame leaves; UINT64_MAX: there is none.
uint64_t emulator_link_due(const emulator_link *l);

// emulator_link_pop gives the next frame that is due, or NULL. It must be freed.
emulator_frame *emulator_link_pop(emulator_link *l, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_TESTS_NET_EMULATOR_LINK_H_
