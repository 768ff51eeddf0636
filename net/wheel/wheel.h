#ifndef SO_NET_WHEEL_WHEEL_H_
#define SO_NET_WHEEL_WHEEL_H_

// A hierarchical timer wheel: one intrusive entry a connection, ticks of 1 ms, four levels of 256
// slots (256 ms, 65 s, 4.6 h, 49 days).
//
// Arming, re-arming and cancelling are O(1); an expiry costs O(1) and at most three moves down the
// levels in an entry's life. Re-arming is lazy: a deadline that moves away (which is what a
// retransmission timer does with every acknowledgement) only writes one field, and the entry is
// hung anew when its old slot comes up.
//
// An entry never expires early, and not later than one tick after its deadline when the owner calls
// so_wheel_expire at so_wheel_deadline. Entries due in the same tick come in no particular order.
//
// Ownership: the wheel borrows armed entries, which must not move and must be cancelled before
// their memory goes. The wheel holds no pointer into itself and may be moved.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_WHEEL_TICK_NS UINT64_C(1000000)
#define SO_WHEEL_LEVELS 4
#define SO_WHEEL_SLOTS 256

typedef struct so_wheel_entry {
  struct so_wheel_entry *next;
  struct so_wheel_entry *prev;
  uint64_t at_ns;      // The deadline; SO_NEVER: cancelled.
  uint64_t hung_tick;  // When its slot comes up: at or before `at_ns`.
  uint16_t slot;       // level * 256 + slot, or one of the wheel's own marks.
} so_wheel_entry;

typedef struct so_wheel {
  uint64_t tick;   // Everything up to this tick was expired.
  uint32_t count;  // Entries linked in, disarmed ones too.
  so_wheel_entry *due;  // Taken from their slots, not handed out yet.
  uint64_t occupied[SO_WHEEL_LEVELS][SO_WHEEL_SLOTS / 64];
  so_wheel_entry *slots[SO_WHEEL_LEVELS][SO_WHEEL_SLOTS];
} so_wheel;

// so_wheel_init makes an empty wheel that starts at `now_ns`.
void so_wheel_init(so_wheel *w, uint64_t now_ns);

// so_wheel_entry_init makes an entry that is not armed.
void so_wheel_entry_init(so_wheel_entry *e);

// so_wheel_arm sets or moves the deadline of an entry. SO_NEVER disarms it, but leaves it linked in
// until its slot comes up. A deadline in the past expires at the next so_wheel_expire.
void so_wheel_arm(so_wheel *w, so_wheel_entry *e, uint64_t at_ns);

// so_wheel_cancel takes the entry out at once, so that its memory may go.
void so_wheel_cancel(so_wheel *w, so_wheel_entry *e);

static inline bool so_wheel_armed(const so_wheel_entry *e) { return e->at_ns != UINT64_MAX; }

// so_wheel_expire hands out one entry whose deadline is not after `now_ns`, disarmed and free to be
// armed again, or NULL when there is none. Call until NULL. Time must not go back.
so_wheel_entry *so_wheel_expire(so_wheel *w, uint64_t now_ns);

// so_wheel_deadline is when to call so_wheel_expire next: never after the earliest deadline
// (rounded up to a tick), and earlier when an entry must move down a level or was re-armed.
// SO_NEVER: empty.
uint64_t so_wheel_deadline(const so_wheel *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_WHEEL_WHEEL_H_
