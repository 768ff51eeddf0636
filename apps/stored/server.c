#include "apps/stored/server.h"

#include "base/mem.h"

// A fiber that waits for its turn waits as long as it takes: whoever has it always gives it back.
static void take_turn(void *ctx) {
  so_server_turn *t = ctx;
  while (t->taken) {
    (void)so_event_wait(t->sched, &t->freed, SO_NEVER).code;
  }
  t->taken = true;
}

static void give_turn(void *ctx) {
  so_server_turn *t = ctx;
  t->taken = false;
  so_event_signal(t->sched, &t->freed);
}

static so_turn turn_of(so_server_turn *t, so_sched *sched) {
  t->sched = sched;
  const so_turn turn = {take_turn, give_turn, t};
  return turn;
}

void so_server_init(so_server *s, const so_world *world, so_db *db, bool public_read) {
  memset(s, 0, sizeof *s);  // Too large for a stack.
  s->world = world;
  s->db = db;
  s->public_read = public_read;
  s->repos.db = db;
  s->repos.heap = world->heap;
  s->repos.write = turn_of(&s->write, world->sched);
  s->repos.change = turn_of(&s->change, world->sched);
}

int64_t so_server_now_ms(const so_server *s) {
  return so_clock_unix_ns(&s->world->clock) / (int64_t)SO_NS_PER_MS;
}

static void run_flush(so_server *s) {
  s->flushing = true;
  const uint64_t mine = ++s->flush_started;
  const so_status status = so_db_flush(s->db);
  s->flushing = false;
  s->stats.flushes++;
  s->flush_done = mine;
  if (!so_ok(status)) {
    s->flush_status = status;
  }
  so_event_signal(s->world->sched, &s->flushed);
}

so_status so_server_make_durable(so_server *s) {
  const uint64_t needed = s->flush_started + 1;  // One that has not begun yet covers our change.
  so_fiber_yield(s->world->sched);               // Others that are ready to commit join this one.
  while (s->flush_done < needed && so_ok(s->flush_status)) {
    if (s->flushing) {
      (void)so_event_wait(s->world->sched, &s->flushed, SO_NEVER).code;
    } else {
      run_flush(s);
    }
  }
  return s->flush_status;
}
