#include "net/wheel/wheel.h"

#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/ports/clock.h"

#define SLOT_BITS 8u
#define SLOT_MASK (SO_WHEEL_SLOTS - 1u)
#define SLOT_NONE UINT16_MAX       // Not linked in.
#define SLOT_DUE (UINT16_MAX - 1)  // In the list `due`.
#define HORIZON ((UINT64_C(1) << (SLOT_BITS * SO_WHEEL_LEVELS)) - 1)

// Rounds up, so that nothing expires early.
static uint64_t tick_of(uint64_t at_ns) {
  return at_ns / SO_WHEEL_TICK_NS + (at_ns % SO_WHEEL_TICK_NS != 0);
}

static so_wheel_entry **head_of(so_wheel *w, uint16_t slot) {
  return slot == SLOT_DUE ? &w->due : &w->slots[slot >> SLOT_BITS][slot & SLOT_MASK];
}

static void link_in(so_wheel *w, so_wheel_entry *e, uint16_t slot) {
  so_wheel_entry **head = head_of(w, slot);
  e->prev = NULL;
  e->next = *head;
  if (e->next != NULL) {
    e->next->prev = e;
  }
  *head = e;
  e->slot = slot;
  if (slot != SLOT_DUE) {
    w->occupied[slot >> SLOT_BITS][(slot & SLOT_MASK) / 64] |= UINT64_C(1) << (slot % 64);
  }
}

static void take_out(so_wheel *w, so_wheel_entry *e) {
  so_wheel_entry **head = head_of(w, e->slot);
  if (e->prev != NULL) {
    e->prev->next = e->next;
  } else {
    SO_ASSERT(*head == e);
    *head = e->next;
  }
  if (e->next != NULL) {
    e->next->prev = e->prev;
  }
  if (*head == NULL && e->slot != SLOT_DUE) {
    w->occupied[e->slot >> SLOT_BITS][(e->slot & SLOT_MASK) / 64] &=
        ~(UINT64_C(1) << (e->slot % 64));
  }
  e->slot = SLOT_NONE;
  e->next = e->prev = NULL;
}

// Hangs an entry into the slot that comes up at or before its deadline, on the lowest level that
// reaches so far.
static void hang(so_wheel *w, so_wheel_entry *e) {
  uint64_t tick = tick_of(e->at_ns);
  if (tick <= w->tick) {
    e->hung_tick = w->tick;
    link_in(w, e, SLOT_DUE);
    return;
  }
  if (tick - w->tick > HORIZON) {
    tick = w->tick + HORIZON;
  }
  unsigned level = 0;
  while ((tick - w->tick) >> (SLOT_BITS * (level + 1)) != 0) {
    level++;
  }
  const unsigned shift = SLOT_BITS * level;
  e->hung_tick = tick >> shift << shift;
  link_in(w, e, (uint16_t)(level << SLOT_BITS | ((tick >> shift) & SLOT_MASK)));
}

void so_wheel_init(so_wheel *w, uint64_t now_ns) {
  memset(w, 0, sizeof *w);
  w->tick = now_ns / SO_WHEEL_TICK_NS;
}

void so_wheel_entry_init(so_wheel_entry *e) {
  memset(e, 0, sizeof *e);
  e->at_ns = SO_NEVER;
  e->slot = SLOT_NONE;
}

void so_wheel_arm(so_wheel *w, so_wheel_entry *e, uint64_t at_ns) {
  if (e->slot != SLOT_NONE) {
    if (at_ns == SO_NEVER || tick_of(at_ns) >= e->hung_tick) {
      e->at_ns = at_ns;  // Its slot comes up before: it is hung anew then.
      return;
    }
    take_out(w, e);
    w->count--;
  }
  e->at_ns = at_ns;
  if (at_ns == SO_NEVER) {
    return;
  }
  w->count++;
  hang(w, e);
}

void so_wheel_cancel(so_wheel *w, so_wheel_entry *e) {
  if (e->slot != SLOT_NONE) {
    take_out(w, e);
    w->count--;
  }
  e->at_ns = SO_NEVER;
}

// The distance, 1 to 256, from `slot` to the next occupied one around the level; 0: all are empty.
static unsigned next_occupied(const uint64_t bits[SO_WHEEL_SLOTS / 64], unsigned slot) {
  const unsigned start = (slot + 1) & SLOT_MASK;
  for (unsigned i = 0; i <= SO_WHEEL_SLOTS / 64; i++) {
    const unsigned word = (start / 64 + i) % (SO_WHEEL_SLOTS / 64);
    uint64_t v = bits[word];
    if (i == 0) {
      v &= ~UINT64_C(0) << (start % 64);
    } else if (i == SO_WHEEL_SLOTS / 64) {
      v &= ~(~UINT64_C(0) << (start % 64));
    }
    if (v != 0) {
      const unsigned found = word * 64 + (unsigned)__builtin_ctzll(v);
      return ((found - start) & SLOT_MASK) + 1;
    }
  }
  return 0;
}

// The next tick after the current one in which a slot comes up. SO_NEVER: none.
static uint64_t next_tick(const so_wheel *w) {
  uint64_t best = SO_NEVER;
  for (unsigned level = 0; level < SO_WHEEL_LEVELS; level++) {
    const unsigned shift = SLOT_BITS * level;
    const uint64_t position = w->tick >> shift;
    const unsigned distance = next_occupied(w->occupied[level], position & SLOT_MASK);
    if (distance != 0 && (position + distance) << shift < best) {
      best = (position + distance) << shift;
    }
  }
  return best;
}

// Moves what is in the slots that come up at w->tick to the list `due`.
static void collect(so_wheel *w) {
  for (unsigned level = 0; level < SO_WHEEL_LEVELS; level++) {
    const unsigned shift = SLOT_BITS * level;
    if ((w->tick & ((UINT64_C(1) << shift) - 1)) != 0) {
      return;
    }
    const uint16_t slot = (uint16_t)(level << SLOT_BITS | ((w->tick >> shift) & SLOT_MASK));
    so_wheel_entry *e = *head_of(w, slot);
    while (e != NULL) {
      so_wheel_entry *next = e->next;
      take_out(w, e);
      link_in(w, e, SLOT_DUE);
      e->hung_tick = w->tick;
      e = next;
    }
  }
}

// The next entry of the list `due` whose time has come; the others are hung anew.
static so_wheel_entry *pop_due(so_wheel *w) {
  while (w->due != NULL) {
    so_wheel_entry *e = w->due;
    take_out(w, e);
    if (e->at_ns != SO_NEVER && tick_of(e->at_ns) > w->tick) {
      hang(w, e);
      continue;
    }
    w->count--;
    if (e->at_ns != SO_NEVER) {
      e->at_ns = SO_NEVER;
      return e;
    }
  }
  return NULL;
}

so_wheel_entry *so_wheel_expire(so_wheel *w, uint64_t now_ns) {
  const uint64_t now_tick = now_ns / SO_WHEEL_TICK_NS;
  for (;;) {
    so_wheel_entry *e = pop_due(w);
    if (e != NULL) {
      return e;
    }
    const uint64_t tick = next_tick(w);
    if (tick > now_tick) {
      if (now_tick > w->tick) {
        w->tick = now_tick;
      }
      return NULL;
    }
    w->tick = tick;
    collect(w);
  }
}

uint64_t so_wheel_deadline(const so_wheel *w) {
  const uint64_t tick = w->due != NULL ? w->tick : next_tick(w);
  return tick > SO_NEVER / SO_WHEEL_TICK_NS ? SO_NEVER : tick * SO_WHEEL_TICK_NS;
}
