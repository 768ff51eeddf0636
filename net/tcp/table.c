#include "base/mem.h"
#include "net/tcp/internal.h"

#define PORT_FIRST 32768u
#define PORT_COUNT 28232u  // To 60999, as RFC 6056 3.2 allows and peers expect.
#define PORT_TRIES 4096u

static uint32_t bucket_of(const so_tcp *t, const so_tcp_tuple *tuple) {
  return (uint32_t)so_tcp_hash(t->table_key, tuple) & (t->bucket_count - 1);
}

static bool same(const so_tcp_tuple *a, const so_tcp_tuple *b) {
  return a->local_port == b->local_port && a->remote_port == b->remote_port &&
         so_ip_equal(&a->remote, &b->remote) && so_ip_equal(&a->local, &b->local);
}

so_status so_tcp_table_init(so_tcp *t) {
  t->bucket_count = 16;
  while (t->bucket_count < t->config.connections_max && t->bucket_count < (1u << 24)) {
    t->bucket_count *= 2;
  }
  t->buckets = so_heap_alloc_array(t->heap, t->bucket_count, sizeof(so_tcp_conn *));
  return t->buckets != NULL ? so_done() : so_status_make(SO_LIMIT, 0);
}

void so_tcp_table_release(so_tcp *t) {
  so_heap_free(t->heap, t->buckets, t->bucket_count * sizeof(so_tcp_conn *));
}

so_tcp_conn *so_tcp_table_find(const so_tcp *t, const so_tcp_tuple *tuple) {
  so_tcp_conn *c = t->buckets[bucket_of(t, tuple)];
  while (c != NULL && !same(&c->tuple, tuple)) {
    c = c->hash_next;
  }
  return c;
}

void so_tcp_table_insert(so_tcp *t, so_tcp_conn *c) {
  so_tcp_conn **head = &t->buckets[bucket_of(t, &c->tuple)];
  SO_ASSERT(!c->b.in_table);
  c->hash_next = *head;
  *head = c;
  c->b.in_table = true;
}

void so_tcp_table_remove(so_tcp *t, so_tcp_conn *c) {
  if (!c->b.in_table) {
    return;
  }
  so_tcp_conn **at = &t->buckets[bucket_of(t, &c->tuple)];
  while (*at != c) {
    SO_ASSERT(*at != NULL);
    at = &(*at)->hash_next;
  }
  *at = c->hash_next;
  c->b.in_table = false;
}

// An exact address is better than any of its family, which is better than any at all.
static int rank(const so_tcp_listener *l, const so_ip *at) {
  if (l->at.family == 0) {
    return 1;
  }
  if (l->at.family != at->family) {
    return 0;
  }
  if (so_ip_is_any(&l->at)) {
    return 2;
  }
  return so_ip_equal(&l->at, at) ? 3 : 0;
}

so_tcp_listener *so_tcp_listener_find(const so_tcp *t, const so_ip *at, uint16_t port) {
  so_tcp_listener *best = NULL;
  int best_rank = 0;
  for (so_tcp_listener *l = t->listeners[port % SO_TCP_LISTEN_BUCKETS]; l != NULL; l = l->next) {
    const int r = l->port == port ? rank(l, at) : 0;
    if (r > best_rank) {
      best = l;
      best_rank = r;
    }
  }
  return best;
}

// port_choose is RFC 6056 3.3.3: a keyed offset for each destination, and a counter.
bool so_tcp_port_choose(so_tcp *t, so_tcp_tuple *tuple) {
  so_tcp_tuple anonymous = *tuple;
  anonymous.local_port = 0;
  const uint32_t offset = (uint32_t)so_tcp_hash(t->isn_key, &anonymous);
  for (uint32_t i = 0; i < PORT_TRIES; i++) {
    tuple->local_port = (uint16_t)(PORT_FIRST + (offset + t->port_counter++) % PORT_COUNT);
    if (so_tcp_table_find(t, tuple) == NULL && so_tcp_rest_find(t, tuple) == NULL &&
        so_tcp_listener_find(t, &tuple->local, tuple->local_port) == NULL) {
      return true;
    }
  }
  return false;
}
