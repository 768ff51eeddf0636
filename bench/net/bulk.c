// bulk: moves bytes and connections through a network, for measuring it. The same program over host
// sockets and over our own TCP/IP.
//
// bulk serve ADDR PORT                 answers the others below; on SIGTERM prints what was counted
// bulk down ADDR PORT MIB              receives so much       prints: down MIB in MS ms: MIB a second
//   bulk up ADDR PORT MIB                sends so much
//                                      (both: or KiB, as in "128k")
//   bulk rate ADDR PORT COUNT [FIBERS]   opens, one byte there and back, closes
//   bulk idle ADDR PORT COUNT            opens all, prints "idle COUNT", and waits for SIGTERM
//
// A connection begins with 16 bytes: the letter of what is wanted, 7 of padding, a 64-bit number. What is moved
// is a pattern that repeats after a prime number of bytes, and whoever receives compares all of it: a byte that
// is changed, missing, twice or elsewhere fails the transfer.

#include "base/fmt.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"
#include "kernel/ports/world.h"

#define HEAD_LEN 16u
#define PIECE_LEN 262139u  // Prime: no number of segments fits into it.
#define DRAIN_NS (2 * SO_NS_PER_S)
#define PATIENCE_NS (120 * SO_NS_PER_S)

typedef struct program {
  const so_world *world;
  so_endpoint at;
  uint64_t count;
  unsigned shift;  // From the count to bytes.
  uint64_t started;
  uint64_t done;
  uint64_t failed;
  unsigned fibers;
  so_event changed;
  uint8_t pattern[PIECE_LEN];
} program;

typedef struct connection {
  program *program;
  so_stream stream;
} connection;

static uint64_t soon(const program *p) { return so_clock_now(&p->world->clock) + PATIENCE_NS; }

static so_status read_all(const program *p, const so_stream *s, uint8_t *buf, size_t len) {
  while (len != 0) {
    size_t n;
    SO_TRY(so_stream_read(s, buf, len, soon(p), &n));
    if (n == 0) {
      return so_status_make(SO_IO, 0);
    }
    buf += n;
    len -= n;
  }
  return so_done();
}

static void make_pattern(program *p) {
  uint64_t x = 1;
  for (size_t i = 0; i < PIECE_LEN; i++) {
    x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    p->pattern[i] = (uint8_t)(x >> 56);
  }
}

static so_status send_bytes(const program *p, const so_stream *s, uint64_t len) {
  while (len != 0) {
    if (so_sched_stopping(p->world->sched)) {
      return so_status_make(SO_IO, 0);
    }
    const size_t n = len < PIECE_LEN ? (size_t)len : PIECE_LEN;
    SO_TRY(so_stream_write(s, so_bytes_of(p->pattern, n), soon(p)));
    len -= n;
  }
  return so_done();
}

// is_pattern compares bytes that came with the pattern from `*at` on, and moves it on.
static bool is_pattern(const program *p, so_bytes got, size_t *at) {
  while (got.len != 0) {
    const so_bytes rest = so_bytes_of(p->pattern + *at, PIECE_LEN - *at);
    const size_t n = got.len < rest.len ? got.len : rest.len;
    if (!so_bytes_equal(so_bytes_first(got, n), so_bytes_first(rest, n))) {
      return false;
    }
    got = so_bytes_from(got, n);
    *at = (*at + n) % PIECE_LEN;
  }
  return true;
}

static so_status take_bytes(const program *p, const so_stream *s, uint8_t *piece, uint64_t len) {
  size_t at = 0;
  while (len != 0) {
    size_t n;
    SO_TRY(so_stream_read(s, piece, PIECE_LEN, soon(p), &n));
    if (n == 0 || n > len || so_sched_stopping(p->world->sched)) {
      return so_status_make(SO_IO, 0);
    }
    if (!is_pattern(p, so_bytes_of(piece, n), &at)) {
      return so_status_make(SO_MALFORMED, 0);
    }
    len -= n;
  }
  return so_done();
}

// --- serving ----------------------------------------------------------------------------------

static so_status answer(connection *c, uint8_t *piece) {
  const program *const p = c->program;
  uint8_t head[HEAD_LEN];
  SO_TRY(read_all(p, &c->stream, head, sizeof head));
  so_reader r = so_reader_of(so_bytes_of(head, sizeof head));
  so_bytes padding;
  uint8_t kind;
  uint64_t len;
  if (!so_read_u8(&r, &kind) || !so_read_bytes(&r, 7, &padding) || !so_read_u64be(&r, &len)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  const uint8_t done = '.';
  switch (kind) {
    case 'd': return send_bytes(p, &c->stream, len);
    case 'u':
      SO_TRY(take_bytes(p, &c->stream, piece, len));
      return so_stream_write(&c->stream, so_bytes_of(&done, 1), soon(p));
    case 'r': return so_stream_write(&c->stream, so_bytes_of(&done, 1), soon(p));
    default: {
      size_t n;
      return so_stream_read(&c->stream, piece, 1, SO_NEVER, &n);
    }
  }
}

static void serve_one(void *arg) {
  connection *const c = arg;
  program *const p = c->program;
  uint8_t *const piece = so_heap_alloc(p->world->heap, PIECE_LEN);
  if (piece != NULL && so_ok(answer(c, piece))) {
    // The client closes first: TIME-WAIT is then its own.
    size_t n;
    (void)so_stream_shutdown(&c->stream, soon(p)).code;
    (void)so_stream_read(&c->stream, piece, 1, soon(p), &n).code;
  }
  so_heap_free(p->world->heap, piece, PIECE_LEN);
  so_stream_close(&c->stream);
  so_heap_free(p->world->heap, c, sizeof *c);
  p->fibers--;
  so_event_signal(p->world->sched, &p->changed);
}

// drain waits for the connections to end, which see between two pieces that the program stops. False: some
// still use `p`.
static bool drain(program *p) {
  const uint64_t deadline = so_clock_now(&p->world->clock) + DRAIN_NS;
  while (p->fibers != 0 && so_ok(so_event_wait(p->world->sched, &p->changed, deadline))) {
  }
  return p->fibers == 0;
}

static void say_metric(void *ctx, const char *name, so_metric_kind kind, uint64_t value) {
  const program *const p = ctx;
  uint8_t line[128];
  so_writer w = so_writer_of(line, sizeof line);
  (void)kind;
  if (value != 0) {
    so_write_printf(&w, "%s %llu\n", name, (unsigned long long)value);
    so_console_write(&p->world->console, so_writer_bytes(&w));
  }
}

static int serve(program *p) {
  so_listener listener;
  so_endpoint peer;
  if (!so_ok(p->world->net.listen(p->world->net.ctx, &p->at, &listener))) {
    return 1;
  }
  so_console_write(&p->world->console, so_str("serving\n"));
  while (!so_sched_stopping(p->world->sched)) {
    connection *const c = so_heap_alloc_array(p->world->heap, 1, sizeof *c);
    if (c == NULL || !so_ok(so_listener_accept(&listener, SO_NEVER, &c->stream, &peer))) {
      so_heap_free(p->world->heap, c, sizeof *c);
      continue;
    }
    c->program = p;
    p->fibers++;
    if (!so_ok(so_fiber_spawn(p->world->sched, "connection", serve_one, c))) {
      p->fibers--;
      so_stream_close(&c->stream);
      so_heap_free(p->world->heap, c, sizeof *c);
    }
  }
  so_listener_close(&listener);
  so_metrics_each(&p->world->metrics, say_metric, p);
  return drain(p) ? 0 : 1;
}

// --- asking -----------------------------------------------------------------------------------

static so_status ask(const program *p, uint8_t kind, uint64_t number, so_stream *out) {
  uint8_t head[HEAD_LEN];
  so_writer w = so_writer_of(head, sizeof head);
  so_write_u8(&w, kind);
  so_write_zeros(&w, 7);
  so_write_u64be(&w, number);
  SO_TRY(p->world->net.connect(p->world->net.ctx, &p->at, soon(p), out));
  const so_status s = so_stream_write(out, so_writer_bytes(&w), soon(p));
  if (!so_ok(s)) {
    so_stream_close(out);
  }
  return s;
}

static void report(const program *p, const char *what, uint64_t count, uint64_t ns) {
  uint8_t line[128];
  so_writer w = so_writer_of(line, sizeof line);
  const uint64_t ms = ns / SO_NS_PER_MS + 1;
  so_write_printf(&w, "%s %llu in %llu ms: %llu a second\n", what, (unsigned long long)count,
                  (unsigned long long)ms, (unsigned long long)(count * 1000 / ms));
  so_console_write(&p->world->console, so_writer_bytes(&w));
}

static so_status move(program *p, bool up, uint8_t *piece) {
  so_stream s;
  SO_TRY(ask(p, up ? 'u' : 'd', p->count << p->shift, &s));
  so_status status;
  if (up) {
    status = send_bytes(p, &s, p->count << p->shift);
    if (so_ok(status)) {
      status = read_all(p, &s, piece, 1);
    }
  } else {
    status = take_bytes(p, &s, piece, p->count << p->shift);
  }
  so_stream_close(&s);
  return status;
}

static int transfer(program *p, bool up) {
  uint8_t *const piece = so_heap_alloc(p->world->heap, PIECE_LEN);
  const uint64_t begun = so_clock_now(&p->world->clock);
  const so_status status = piece == NULL ? so_status_make(SO_LIMIT, 0) : move(p, up, piece);
  if (!so_ok(status)) {
    const bool changed = so_is(status, SO_MALFORMED);
    so_console_write(&p->world->console,
                     so_str(changed ? "failed: what came is not what was sent\n" : "failed\n"));
    so_heap_free(p->world->heap, piece, PIECE_LEN);
    return 1;
  }
  report(p, up ? "up" : "down", p->count, so_clock_now(&p->world->clock) - begun);
  so_heap_free(p->world->heap, piece, PIECE_LEN);
  return 0;
}

static so_status open_and_close(program *p) {
  so_stream s;
  uint8_t byte;
  SO_TRY(ask(p, 'r', 0, &s));
  const so_status status = read_all(p, &s, &byte, 1);
  so_stream_close(&s);
  return status;
}

static void open_many(void *arg) {
  program *const p = arg;
  while (p->started < p->count) {
    p->started++;
    if (so_ok(open_and_close(p))) {
      p->done++;
    } else {
      p->failed++;
    }
  }
  p->fibers--;
  so_event_signal(p->world->sched, &p->changed);
}

static int rate(program *p, unsigned fibers) {
  const uint64_t begun = so_clock_now(&p->world->clock);
  for (unsigned i = 0; i < fibers; i++) {
    if (so_ok(so_fiber_spawn(p->world->sched, "asker", open_many, p))) {
      p->fibers++;
    }
  }
  while (p->fibers != 0) {
    (void)so_event_wait(p->world->sched, &p->changed, SO_NEVER).code;
  }
  report(p, "connections", p->done, so_clock_now(&p->world->clock) - begun);
  report(p, "failed", p->failed, so_clock_now(&p->world->clock) - begun);
  return p->failed == 0 ? 0 : 1;
}

static int idle(program *p) {
  uint64_t opened = 0;
  so_stream s;
  const uint64_t begun = so_clock_now(&p->world->clock);
  // The streams are left open on purpose: the process's end closes them.
  while (opened < p->count && so_ok(ask(p, 'i', 0, &s))) {
    opened++;
  }
  report(p, "idle", opened, so_clock_now(&p->world->clock) - begun);
  while (!so_sched_stopping(p->world->sched)) {
    so_fiber_sleep_until(p->world->sched, so_clock_now(&p->world->clock) + 100 * SO_NS_PER_MS);
  }
  return opened == p->count ? 0 : 1;
}

// parse_count reads a number, or one of KiB.
static bool parse_count(program *p, const char *text) {
  so_bytes t = so_str(text);
  p->shift = 20;
  if (t.len != 0 && t.ptr[t.len - 1] == 'k') {
    p->shift = 10;
    t = so_bytes_first(t, t.len - 1);
  }
  return so_ok(so_parse_u64(t, &p->count));
}

static bool parse(program *p, int argc, const char *const *argv, uint64_t *out_fibers) {
  uint64_t port;
  *out_fibers = 1;
  if (argc < 4 || !so_ok(so_parse_u64(so_str(argv[3]), &port)) || port > UINT16_MAX ||
      !so_ok(p->world->net.resolve(p->world->net.ctx, so_str(argv[2]), SO_NEVER, &p->at)) ||
      (argc > 4 && !parse_count(p, argv[4])) ||
      (argc > 5 && !so_ok(so_parse_u64(so_str(argv[5]), out_fibers)))) {
    return false;
  }
  p->at.port = (uint16_t)port;
  return true;
}

static int run(program *p, int argc, const char *const *argv) {
  uint64_t fibers;
  if (!parse(p, argc, argv, &fibers)) {
    so_console_write(&p->world->console,
                     so_str("usage: bulk serve|down|up|rate|idle ADDR PORT [N]\n"));
    return 2;
  }
  const so_bytes what = so_str(argv[1]);
  if (so_bytes_equal(what, so_str("serve"))) {
    return serve(p);
  }
  if (so_bytes_equal(what, so_str("rate"))) {
    return rate(p, (unsigned)fibers);
  }
  if (so_bytes_equal(what, so_str("idle"))) {
    return idle(p);
  }
  return transfer(p, so_bytes_equal(what, so_str("up")));
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  program *const p = so_heap_alloc_array(world->heap, 1, sizeof *p);
  if (p == NULL) {
    so_console_write(&world->console, so_str("bulk: no memory\n"));
    return 1;
  }
  p->world = world;
  make_pattern(p);
  const int result = run(p, argc, argv);
  if (p->fibers == 0) {  // Else a connection that did not end in time still uses it.
    so_heap_free(world->heap, p, sizeof *p);
  }
  return result;
}
