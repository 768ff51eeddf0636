#include "crypto/rng/rng.h"
#include "net/checksum/checksum.h"
#include "net/tcp/internal.h"

static void set_defaults(so_tcp_config *c) {
  const so_tcp_config given = *c;
  c->connections_max = given.connections_max != 0 ? given.connections_max : 1024;
  c->half_open_max = given.half_open_max != 0 ? given.half_open_max : 256;
  c->time_wait_max = given.time_wait_max != 0 ? given.time_wait_max : 4096;
  c->time_wait_ms = given.time_wait_ms != 0 ? given.time_wait_ms : 60000;
  c->fin_wait_2_ms = given.fin_wait_2_ms != 0 ? given.fin_wait_2_ms : 60000;
  c->mtu = given.mtu != 0 ? given.mtu : 1500;
  c->segment_max = given.segment_max != 0 ? given.segment_max : SO_TCP_SEGMENT_MAX;
  c->segment_max = so_tcp_min(c->segment_max, SO_TCP_SEGMENT_MAX);
}

so_status so_tcp_new(const so_tcp_config *config, so_packet_pool *pool, const so_heap *heap,
                     uint64_t now_ns, so_tcp **out) {
  so_tcp *t = so_heap_alloc_array(heap, 1, sizeof *t);
  if (t == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  t->config = *config;
  t->pool = pool;
  t->heap = heap;
  set_defaults(&t->config);
  so_rng rng;
  so_rng_init(&rng, config->seed);
  so_rng_fill(&rng, t->table_key, sizeof t->table_key);
  so_rng_fill(&rng, t->isn_key, sizeof t->isn_key);
  t->port_counter = (uint32_t)so_rng_u64(&rng);
  so_rng_wipe(&rng);
  so_wheel_init(&t->wheel, now_ns);
  so_status status = so_tcp_table_init(t);
  if (so_ok(status)) {
    status = so_tcp_rest_init(t);
  }
  if (!so_ok(status)) {
    so_tcp_delete(t);
    return status;
  }
  *out = t;
  return so_done();
}

void so_tcp_delete(so_tcp *t) {
  while (t->all != NULL) {
    so_tcp_conn_free(t, t->all);
  }
  for (size_t i = 0; i < SO_TCP_LISTEN_BUCKETS; i++) {
    while (t->listeners[i] != NULL) {
      so_tcp_listener *l = t->listeners[i];
      t->listeners[i] = l->next;
      so_heap_free(t->heap, l, sizeof *l);
    }
  }
  so_tcp_table_release(t);
  so_tcp_rest_release(t);
  so_heap_free(t->heap, t, sizeof *t);
}

// --- segments in --------------------------------------------------------------------------------

static bool bad_address(const so_packet *p) {
  return p->src.family == 0 || p->src.family != p->dst.family || so_ip_is_any(&p->src) ||
         so_ip_is_multicast(&p->src) || so_ip_is_broadcast(&p->src) ||
         so_ip_is_multicast(&p->dst) || so_ip_is_broadcast(&p->dst);
}

static bool checksum_right(const so_packet *p) {
  if (p->offload.csum_valid || p->offload.needs_csum) {
    return true;
  }
  so_checksum sum = so_checksum_start();
  so_checksum_add_pseudo(&sum, &p->src, &p->dst, SO_TCP_PROTOCOL, p->len);
  so_checksum_add_packet(&sum, p, 0, p->len);
  return so_checksum_end(&sum) == 0;
}

// read_segment checks and parses `p`, and pulls its header. False: counted, and to be dropped.
static bool read_segment(so_tcp *t, so_packet *p, so_tcp_segment *s) {
  if (bad_address(p)) {
    t->stats.drop_address++;
    return false;
  }
  const uint8_t *fixed = so_packet_head(t->pool, p, SO_TCP_HEADER_LEN);
  const size_t len =
      fixed != NULL ? so_tcp_header_len(so_bytes_of(fixed, SO_TCP_HEADER_LEN)) : 0;
  if (len == 0 || len > p->len) {
    t->stats.drop_malformed++;
    return false;
  }
  if (!checksum_right(p)) {
    t->stats.drop_checksum++;
    return false;
  }
  const uint8_t *head = so_packet_head(t->pool, p, len);
  if (head == NULL) {
    t->stats.drop_memory++;
    return false;
  }
  if (!so_ok(so_tcp_parse(so_bytes_of(head, len), &s->h))) {
    t->stats.drop_malformed++;
    return false;
  }
  so_packet_pull(t->pool, p, len);
  s->packet = p;
  s->tuple = (so_tcp_tuple){.local = p->dst,
                            .remote = p->src,
                            .local_port = s->h.dst_port,
                            .remote_port = s->h.src_port};
  s->seq = s->h.seq;
  s->len = p->len;
  s->fin_off = p->len;
  s->window = s->h.window;
  s->ce = (p->traffic_class & 3) == 3;
  return true;
}

static void dispatch(so_tcp *t, so_tcp_segment *s, uint64_t now_ns) {
  so_tcp_conn *c = so_tcp_table_find(t, &s->tuple);
  if (c != NULL && so_tcp_answers_cookie(t, c, s, now_ns)) {
    so_tcp_end_with(t, c, SO_TCP_END_NONE);
    so_tcp_settle(t, c, now_ns);
    c = NULL;
  }
  if (c != NULL) {
    so_tcp_conn_input(t, c, s, now_ns);
    so_tcp_settle(t, c, now_ns);
    return;
  }
  so_tcp_rest *r = so_tcp_rest_find(t, &s->tuple);
  if (r != NULL) {
    so_tcp_rest_input(t, r, s, now_ns);
    return;
  }
  so_tcp_listener *l = so_tcp_listener_find(t, &s->tuple.local, s->tuple.local_port);
  if (l != NULL && s->h.src_port != 0) {
    so_tcp_listen_input(t, l, s, 0, false, now_ns);
    return;
  }
  t->stats.drop_no_connection++;
  so_tcp_answer_reset(t, s, now_ns);
}

void so_tcp_input(so_tcp *t, so_packet *p, uint64_t now_ns) {
  so_tcp_segment s = {.packet = NULL};
  t->stats.segments_in++;
  if (!read_segment(t, p, &s)) {
    so_packet_free(t->pool, p);
    return;
  }
  dispatch(t, &s, now_ns);
  so_packet_free(t->pool, s.packet);
}

// --- time ---------------------------------------------------------------------------------------

void so_tcp_tick(so_tcp *t, uint64_t now_ns) {
  so_wheel_entry *e = so_wheel_expire(&t->wheel, now_ns);
  while (e != NULL) {
    so_tcp_conn *c = (so_tcp_conn *)(void *)e;
    so_tcp_conn_timer(t, c, now_ns);
    so_tcp_settle(t, c, now_ns);
    e = so_wheel_expire(&t->wheel, now_ns);
  }
  so_tcp_rest_expire(t, now_ns);
}

uint64_t so_tcp_deadline(const so_tcp *t) {
  return so_tcp_earlier(so_wheel_deadline(&t->wheel), so_tcp_rest_deadline(t));
}

// --- looking ------------------------------------------------------------------------------------

const so_tcp_stats *so_tcp_statistics(const so_tcp *t) { return &t->stats; }
uint32_t so_tcp_connection_count(const so_tcp *t) { return t->connections; }
uint32_t so_tcp_half_open_count(const so_tcp *t) { return t->half_open; }
uint32_t so_tcp_time_wait_count(const so_tcp *t) { return t->rest_count; }
size_t so_tcp_connection_size(void) { return sizeof(so_tcp_conn); }
