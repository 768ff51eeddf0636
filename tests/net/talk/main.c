// talk: a client for tests. Connects over whatever network its world has, sends bytes while it reads
// what the other side sends, and says how many and which (SHA-256) went both ways.
//
//   talk resolve NAME            prints "NAME is ADDRESS"
//   talk ADDR:PORT SEND          sends SEND bytes, ends its direction, and reads to the end
//   talk ADDR:PORT SEND TAKE     as above, but closes after it has read TAKE bytes
//
// Exit codes: 0 the connection ended in order, 1 it did not (the reason is printed), 2 usage.

#include "apps/lib/place/place.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "crypto/sha2/sha2.h"
#include "net/address/address.h"

#define PIECE_LEN 50000u
#define CONNECT_NS (30 * SO_NS_PER_S)
#define TALK_NS (300 * SO_NS_PER_S)
#define NO_LIMIT UINT64_MAX

typedef struct talk {
  const so_world *world;
  so_stream stream;
  uint64_t deadline_ns;
  uint64_t to_send;
  uint64_t sent;
  so_status send_status;
  bool enough;  // The sender stops.
  bool sender_ended;
  so_event ended;
  so_sha256 sent_hash;
} talk;

static void say(const so_world *world, so_buf *text) {
  so_buf_append_u8(text, '\n');
  so_console_write(&world->console, so_buf_bytes(text));
  so_buf_clear(text);
}

static void send_all(void *arg) {
  talk *const t = arg;
  uint8_t *const piece = so_heap_alloc(t->world->heap, PIECE_LEN);
  t->send_status = piece == NULL ? so_status_make(SO_LIMIT, 0) : so_done();
  while (so_ok(t->send_status) && t->sent < t->to_send && !t->enough) {
    const uint64_t left = t->to_send - t->sent;
    const so_bytes out = so_bytes_of(piece, left < PIECE_LEN ? (size_t)left : PIECE_LEN);
    so_entropy_fill(&t->world->entropy, piece, out.len);
    so_sha256_update(&t->sent_hash, out);
    t->send_status = so_stream_write(&t->stream, out, t->deadline_ns);
    t->sent += out.len;
  }
  if (so_ok(t->send_status) && !t->enough) {
    t->send_status = so_stream_shutdown(&t->stream, t->deadline_ns);
  }
  so_heap_free(t->world->heap, piece, PIECE_LEN);
  t->sender_ended = true;
  so_event_signal(t->world->sched, &t->ended);
}

static so_status receive(talk *t, uint64_t most, so_sha256 *hash, uint64_t *out_len) {
  static const size_t cap = PIECE_LEN;
  uint8_t *const piece = so_heap_alloc(t->world->heap, cap);
  so_status s = piece == NULL ? so_status_make(SO_LIMIT, 0) : so_done();
  *out_len = 0;
  while (so_ok(s) && *out_len < most) {
    size_t n;
    const size_t want = most - *out_len < cap ? (size_t)(most - *out_len) : cap;
    s = so_stream_read(&t->stream, piece, want, t->deadline_ns, &n);
    if (!so_ok(s) || n == 0) {
      break;
    }
    so_sha256_update(hash, so_bytes_of(piece, n));
    *out_len += n;
  }
  so_heap_free(t->world->heap, piece, cap);
  return s;
}

static void say_hash(const so_world *world, const char *what, uint64_t len, so_sha256 *hash,
                     so_buf *text) {
  uint8_t digest[SO_SHA256_LEN];
  so_sha256_final(hash, digest);
  so_buf_printf(text, "%s %llu ", what, (unsigned long long)len);
  for (size_t i = 0; i < sizeof digest; i++) {
    so_buf_printf(text, "%02x", digest[i]);
  }
  say(world, text);
}

static int converse(talk *t, uint64_t most, so_buf *text) {
  const so_cpu cpu = so_cpu_portable();
  so_sha256 received;
  uint64_t len;
  so_sha256_init(&t->sent_hash, &cpu);
  so_sha256_init(&received, &cpu);
  if (!so_ok(so_fiber_spawn(t->world->sched, "sender", send_all, t))) {
    return 1;
  }
  const so_status s = receive(t, most, &received, &len);
  t->enough = most != NO_LIMIT;
  while (!t->sender_ended) {  // Nobody may use a stream that is closed.
    (void)so_event_wait(t->world->sched, &t->ended, SO_NEVER).code;
  }
  so_stream_close(&t->stream);
  say_hash(t->world, "received", len, &received, text);
  say_hash(t->world, "sent", t->sent, &t->sent_hash, text);
  if (!so_ok(s) || (most == NO_LIMIT && !so_ok(t->send_status))) {
    so_buf_printf(text, "broken: reading %s, writing %s", so_code_name((so_code)s.code),
                  so_code_name((so_code)t->send_status.code));
    say(t->world, text);
    return 1;
  }
  return 0;
}

static int resolve(const so_world *world, so_bytes name, so_buf *text) {
  so_endpoint at;
  const uint64_t until_ns = so_clock_now(&world->clock) + CONNECT_NS;
  const so_status s = world->net.resolve(world->net.ctx, name, until_ns, &at);
  if (!so_ok(s)) {
    so_buf_printf(text, "%.*s: %s", SO_FMT(name), so_code_name((so_code)s.code));
    say(world, text);
    return 1;
  }
  uint8_t address[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(address, sizeof address);
  const so_ip ip = so_ip_of(&at);
  so_ip_write(&ip, &w);
  so_buf_printf(text, "%.*s is %.*s", SO_FMT(name), SO_FMT(so_writer_bytes(&w)));
  say(world, text);
  return 0;
}

static int run(const so_world *world, so_bytes where, uint64_t send, uint64_t most, so_buf *text) {
  so_place place;
  so_endpoint at;
  talk t = {.world = world, .to_send = send};
  if (!so_ok(so_place_parse(where, 0, &place))) {
    return 2;
  }
  const uint64_t until_ns = so_clock_now(&world->clock) + CONNECT_NS;
  t.deadline_ns = so_clock_now(&world->clock) + TALK_NS;
  so_status s = so_place_resolve(world, &place, until_ns, &at);
  if (so_ok(s)) {
    s = world->net.connect(world->net.ctx, &at, until_ns, &t.stream);
  }
  if (!so_ok(s)) {
    so_buf_printf(text, "no connection: %s", so_code_name((so_code)s.code));
    say(world, text);
    return 1;
  }
  return converse(&t, most, text);
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  so_buf text;
  uint64_t send = 0;
  uint64_t most = NO_LIMIT;
  int code = 2;
  so_buf_init(&text, world->heap, 4096);
  if (argc == 3 && so_bytes_equal(so_str(argv[1]), so_str("resolve"))) {
    code = resolve(world, so_str(argv[2]), &text);
  } else if ((argc == 3 || argc == 4) && so_ok(so_parse_u64(so_str(argv[2]), &send)) &&
             (argc == 3 || so_ok(so_parse_u64(so_str(argv[3]), &most)))) {
    code = run(world, so_str(argv[1]), send, most, &text);
  }
  if (code == 2) {
    so_console_write(&world->console,
                     so_str("usage: talk ADDR:PORT SEND [TAKE], or talk resolve NAME\n"));
  }
  so_buf_release(&text);
  return code;
}
