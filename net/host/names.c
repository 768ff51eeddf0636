// Names to addresses: the stub resolver, its sockets and its fiber.

#include "base/mem.h"
#include "net/host/internal.h"

#define TCP_MESSAGE_LEN_MAX 65535u

// --- datagrams --------------------------------------------------------------------------------

static void answer_ready(void *ctx) {
  so_host *const h = ctx;
  so_event_signal(h->world->sched, &h->resolver_event);
}

// forget closes the socket that waits for the answer to a question.
static void forget(so_host *h, so_resolver_id id) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    if (h->questions[i].socket != NULL && h->questions[i].id == id) {
      so_udp_close(h->questions[i].socket);
      h->questions[i].socket = NULL;
    }
  }
}

static so_status open_question(so_host *h, const so_resolver_request *r, so_udp_socket **out) {
  forget(h, r->id);
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    host_question *const q = &h->questions[i];
    if (q->socket == NULL) {
      SO_TRY(so_udp_open(&h->udp, so_ip_any(r->server.family), r->local_port, answer_ready, h,
                         &q->socket));
      q->id = r->id;
      *out = q->socket;
      return so_done();
    }
  }
  return so_status_make(SO_LIMIT, 0);
}

static so_status ask_udp(so_host *h, const so_resolver_request *r) {
  so_udp_socket *socket;
  SO_TRY(open_question(h, r, &socket));
  const so_udp_peer to = {so_ip_of(&r->server), r->server.port, {0}};
  return so_udp_send_bytes(socket, &to, r->message, so_host_now(h));
}

static void receive(so_host *h, const host_question *q) {
  uint8_t message[SO_RESOLVER_UDP_LEN];
  so_packet *p;
  so_udp_peer from;
  // What is done with an answer may close the socket.
  while (q->socket != NULL && so_ok(so_udp_receive(q->socket, &p, &from))) {
    const size_t len = p->len;
    if (len <= sizeof message) {
      const so_endpoint server = so_ip_endpoint(&from.ip, from.port);
      so_packet_copy(p, 0, message, len);
      (void)so_resolver_udp(h->resolver, &server, q->socket->local_port, so_bytes_of(message, len),
                            so_host_now(h));
    }
    so_packet_free(&h->pool, p);
  }
}

// --- over TCP ---------------------------------------------------------------------------------

typedef struct exchange {
  so_host *h;
  so_resolver_id id;
  so_endpoint server;
  size_t len;
  uint8_t question[2 + SO_RESOLVER_SEND_LEN_MAX];
} exchange;

static so_status read_all(const so_stream *s, uint8_t *buf, size_t len, uint64_t deadline_ns) {
  while (len != 0) {
    size_t n;
    SO_TRY(so_stream_read(s, buf, len, deadline_ns, &n));
    if (n == 0) {
      return so_status_make(SO_IO, 0);
    }
    buf += n;
    len -= n;
  }
  return so_done();
}

static so_status converse(exchange *e, const so_stream *s, uint64_t deadline_ns, uint8_t *answer,
                          size_t *out_len) {
  uint8_t prefix[2];
  SO_TRY(so_stream_write(s, so_bytes_of(e->question, e->len), deadline_ns));
  SO_TRY(read_all(s, prefix, sizeof prefix, deadline_ns));
  *out_len = (size_t)prefix[0] << 8 | prefix[1];
  return read_all(s, answer, *out_len, deadline_ns);
}

static void run_exchange(void *arg) {
  exchange *const e = arg;
  so_host *const h = e->h;
  const so_heap *const heap = h->world->heap;
  const uint64_t deadline_ns = so_host_now(h) + SO_RESOLVER_TCP_TIMEOUT_MS * SO_NS_PER_MS;
  uint8_t *const answer = so_heap_alloc(heap, TCP_MESSAGE_LEN_MAX);
  so_status status = so_status_make(SO_LIMIT, 0);
  size_t len = 0;
  so_stream s;
  if (answer != NULL) {
    status = so_host_connect(h, &e->server, deadline_ns, &s);
    if (so_ok(status)) {
      status = converse(e, &s, deadline_ns, answer, &len);
      so_stream_close(&s);
    }
  }
  so_resolver_tcp(h->resolver, e->id, status, so_bytes_of(answer, so_ok(status) ? len : 0),
                  so_host_now(h));
  so_heap_free(heap, answer, TCP_MESSAGE_LEN_MAX);
  so_heap_free(heap, e, sizeof *e);
  so_event_signal(h->world->sched, &h->resolver_event);
  so_host_fiber_ended(h);
}

static so_status ask_tcp(so_host *h, const so_resolver_request *r) {
  if (r->message.len > SO_RESOLVER_SEND_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  exchange *const e = so_heap_alloc_array(h->world->heap, 1, sizeof *e);
  if (e == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  e->h = h;
  e->id = r->id;
  e->server = r->server;
  e->question[0] = (uint8_t)(r->message.len >> 8);
  e->question[1] = (uint8_t)r->message.len;
  memcpy(e->question + 2, r->message.ptr, r->message.len);
  e->len = 2 + r->message.len;
  const so_status s = so_fiber_spawn(h->world->sched, "dns over tcp", run_exchange, e);
  if (so_ok(s)) {
    h->fibers++;
  } else {
    so_heap_free(h->world->heap, e, sizeof *e);
  }
  return s;
}

// --- the fiber --------------------------------------------------------------------------------

static void turn(so_host *h) {
  const uint64_t now_ns = so_host_now(h);
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    receive(h, &h->questions[i]);
  }
  if (so_resolver_deadline(h->resolver) <= now_ns) {
    so_resolver_tick(h->resolver, now_ns);
  }
  so_resolver_request r;
  while (so_resolver_next(h->resolver, now_ns, &r)) {
    const so_status s = r.tcp ? ask_tcp(h, &r) : ask_udp(h, &r);
    if (!so_ok(s)) {
      so_resolver_unsent(h->resolver, r.id, now_ns);
    }
  }
  so_host_leave(h);
  so_event_signal(h->world->sched, &h->resolved);
}

static void run(void *arg) {
  so_host *const h = arg;
  while (!h->stopping) {
    turn(h);
    (void)so_event_wait(h->world->sched, &h->resolver_event, so_resolver_deadline(h->resolver))
        .code;
  }
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    if (h->questions[i].socket != NULL) {
      so_udp_close(h->questions[i].socket);
      h->questions[i].socket = NULL;
    }
  }
  so_host_fiber_ended(h);
}

// --- looking up -------------------------------------------------------------------------------

static so_status look_up(so_host *h, so_bytes name, uint16_t type, uint64_t deadline_ns,
                         so_resolver_answer *out) {
  so_resolver_id id;
  SO_TRY(so_resolver_start(h->resolver, name, type, so_host_now(h), &id));
  so_event_signal(h->world->sched, &h->resolver_event);
  for (;;) {
    so_status s = so_resolver_take(h->resolver, id, so_host_now(h), out);
    if (!so_is(s, SO_AGAIN)) {
      forget(h, id);
      return s;
    }
    s = so_event_wait(h->world->sched, &h->resolved, deadline_ns);
    if (!so_ok(s) || h->stopping) {
      so_resolver_cancel(h->resolver, id);
      forget(h, id);
      return so_ok(s) ? so_status_make(SO_IO, 0) : s;
    }
  }
}

// look_up_either prefers IPv4. NOT_FOUND: there is no such name, or none can be.
static so_status look_up_either(so_host *h, so_bytes name, uint64_t deadline_ns,
                                so_resolver_answer *out) {
  so_status s = look_up(h, name, SO_DNS_A, deadline_ns, out);
  if (so_is(s, SO_NOT_FOUND)) {
    s = look_up(h, name, SO_DNS_AAAA, deadline_ns, out);
  }
  return so_is(s, SO_MALFORMED) ? so_status_make(SO_NOT_FOUND, 0) : s;
}

// resolve goes through the candidates as long as each is said not to be there.
static so_status resolve(so_host *h, so_bytes name, uint64_t deadline_ns, so_endpoint *out) {
  so_host_find_servers(h);
  const so_search search = h->search;  // Another lease may come while we wait.
  uint8_t buf[SO_SEARCH_NAME_LEN_MAX];
  so_resolver_answer answer;
  so_bytes candidate;
  so_status s = so_status_make(SO_NOT_FOUND, 0);
  for (size_t n = 0;
       so_is(s, SO_NOT_FOUND) && so_search_candidate(&search, name, n, buf, &candidate); n++) {
    h->stats.names_searched += candidate.ptr != name.ptr;
    s = look_up_either(h, candidate, deadline_ns, &answer);
  }
  SO_TRY(s);
  *out = so_ip_endpoint(&answer.addresses[0], 0);
  return so_done();
}

// --- as a part of a host ----------------------------------------------------------------------

static so_status start(so_host *h) {
  so_resolver_config c = {0};
  so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
  SO_TRY(so_resolver_init(&c, h->world->heap, &h->resolver));
  so_host_start_servers(h);
  return so_done();
}

static void release(so_host *h) { so_resolver_release(h->resolver); }

static const so_resolver_stats *stats(const so_host *h) {
  return so_resolver_statistics(h->resolver);
}

void so_host_config_names(so_host_config *c) {
  static const so_host_names_part part = {
      start, run, release, so_host_take_names, so_host_describe_names, resolve, stats};
  so_host_config_datagrams(c);
  c->parts.names = &part;
}
