// From a message to an answer.

#include "base/mem.h"
#include "net/dns/server/internal.h"

#define OPT_LEN 11
#define COOKIE_OPTION_LEN (4 + SO_DNS_COOKIE_CLIENT_LEN + SO_DNS_COOKIE_SERVER_LEN)
#define RD_MASK 0x01
#define COUNT_OFF 10  // Of the additional records in the header.

// One exchange.
typedef struct exchange {
  so_dns_server *server;
  const so_dns_client *client;
  uint8_t *buf;
  size_t limit;  // Of the answer.
  bool has_cookie;  // A server cookie of ours came with it: the address is not forged.
  dns_query q;
  so_dns_edns edns;  // Of the answer.
  uint64_t rate_hash;
} exchange;

static so_dns_header header_of(const exchange *x, uint8_t rcode, bool aa) {
  const so_dns_header *const h = &x->q.header;
  return (so_dns_header){
      .id = h->id, .qr = true, .opcode = h->opcode, .aa = aa, .rd = h->rd, .rcode = rcode};
}

// --- EDNS -------------------------------------------------------------------------------------

static size_t opt_len(const exchange *x) {
  return !x->q.has_edns ? 0 : OPT_LEN + (x->edns.has_cookie ? COOKIE_OPTION_LEN : 0);
}

// take_edns works out the limit, the cookie, and what the answer's OPT says.
static void take_edns(exchange *x, size_t cap) {
  const so_dns_edns *const e = &x->q.edns;
  size_t limit = SO_DNS_UDP_LEN_MIN;
  memset(&x->edns, 0, sizeof x->edns);
  if (x->q.has_edns) {
    const uint16_t most = x->server->config.udp_len_max;
    limit = e->udp_len > limit ? e->udp_len : limit;
    limit = limit > most ? most : limit;
    x->edns.udp_len = most;
    x->edns.dnssec_ok = e->dnssec_ok;
    x->edns.has_cookie = e->has_cookie;
  }
  limit = x->client->is_tcp ? SO_DNS_MESSAGE_LEN_MAX : limit;
  x->limit = limit < cap ? limit : cap;
  if (!x->edns.has_cookie) {
    return;
  }
  const uint8_t *const key = x->server->config.cookie_key;
  const so_bytes given = so_bytes_of(e->server_cookie, e->server_cookie_len);
  const so_status s = so_dns_cookie_check(key, e->client_cookie, x->client->address,
                                          x->client->now_s, given);
  x->has_cookie = so_ok(s) || so_is(s, SO_AGAIN);
  x->server->stats.bad_cookies += !x->has_cookie && given.len != 0;
  memcpy(x->edns.client_cookie, e->client_cookie, SO_DNS_COOKIE_CLIENT_LEN);
  x->edns.server_cookie_len = SO_DNS_COOKIE_SERVER_LEN;
  if (so_ok(s)) {
    memcpy(x->edns.server_cookie, given.ptr, SO_DNS_COOKIE_SERVER_LEN);
  } else {
    so_dns_cookie_make(key, e->client_cookie, x->client->address, x->client->now_s,
                       x->edns.server_cookie);
  }
}

// --- whole answers ----------------------------------------------------------------------------

static so_bytes finish(exchange *x, so_dns_builder *b, uint16_t rcode) {
  so_bytes out = {NULL, 0};
  b->w.cap = x->limit;
  if (x->q.has_edns) {
    x->edns.rcode_high = (uint8_t)(rcode >> 4);
    so_dns_write_edns(b, &x->edns);
  }
  x->server->stats.answers[rcode & 15]++;
  return so_ok(so_dns_builder_end(b, &out)) ? out : so_bytes_of(NULL, 0);
}

static so_bytes answer_error(exchange *x, uint16_t rcode, bool truncated) {
  so_dns_builder b;
  so_dns_header h = header_of(x, (uint8_t)(rcode & 15), false);
  h.tc = truncated;
  so_dns_builder_init(&b, x->buf, x->limit, &h);
  if (x->q.has_question) {
    so_dns_write_question(&b, so_dns_name_view(&x->q.question.name), x->q.question.type,
                          x->q.question.qclass);
  }
  x->rate_hash = so_dns_mix(rcode, 1);
  return finish(x, &b, rcode);
}

static dns_memo_key key_of(const exchange *x, const so_dns_path *path) {
  const so_dns_question *const question = &x->q.question;
  const uint64_t extra = (uint64_t)question->type << 1 | x->edns.dnssec_ok;
  return (dns_memo_key){so_dns_mix(path->hashes[0], extra) | 1, so_dns_name_view(&question->name),
                        question->type, x->edns.dnssec_ok};
}

// answer_remembered copies an answer and makes it this query's: id, RD and the case of the name.
static so_bytes answer_remembered(exchange *x, const so_dns_memo *m) {
  const so_dns_question *const question = &x->q.question;
  so_dns_builder b;
  memcpy(x->buf, m->message, m->len);
  x->buf[0] = (uint8_t)(x->q.header.id >> 8);
  x->buf[1] = (uint8_t)x->q.header.id;
  x->buf[2] = (uint8_t)((x->buf[2] & ~RD_MASK) | (x->q.header.rd ? RD_MASK : 0));
  memcpy(x->buf + SO_DNS_HEADER_LEN, question->name.bytes, question->name.len);
  x->rate_hash = m->rate_hash;
  x->server->stats.remembered++;
  x->server->stats.answers[x->buf[3] & 15]++;
  if (!x->q.has_edns) {
    return so_bytes_of(x->buf, m->len);
  }
  b.w = so_writer_of(x->buf, x->limit);
  b.w.len = m->len;
  so_dns_write_edns(&b, &x->edns);
  const uint16_t count = (uint16_t)((x->buf[COUNT_OFF] << 8 | x->buf[COUNT_OFF + 1]) + 1);
  x->buf[COUNT_OFF] = (uint8_t)(count >> 8);
  x->buf[COUNT_OFF + 1] = (uint8_t)count;
  return so_writer_bytes(&b.w);
}

static void set_flags(uint8_t *buf, const dns_work *w) {
  buf[2] = (uint8_t)(buf[2] | (w->authoritative ? 0x04 : 0));
  buf[3] = (uint8_t)(buf[3] | w->rcode);
}

// work_out answers from the zones.
static so_bytes work_out(exchange *x, const so_dns_path *path, const dns_memo_key *key) {
  const so_dns_question *const question = &x->q.question;
  so_dns_builder b;
  dns_work w;
  const so_dns_header h = header_of(x, 0, false);
  so_dns_builder_init(&b, x->buf, x->limit - opt_len(x), &h);
  so_dns_write_question(&b, so_dns_name_view(&question->name), question->type, question->qclass);
  const so_dns_mark mark = so_dns_builder_mark(&b);
  memset(&w, 0, offsetof(dns_work, name));
  w.chain_count = 0;
  w.proof_count = 0;
  w.referral = NULL;
  w.servers = NULL;
  w.soa = NULL;
  w.server = x->server;
  w.b = &b;
  w.type = question->type;
  w.dnssec_ok = x->edns.dnssec_ok;
  w.name = question->name;
  w.path = path;
  w.rate_hash = key->hash;
  so_dns_work_run(&w);
  if (w.truncated) {
    so_dns_builder_rewind(&b, &mark);
    so_dns_builder_set_truncated(&b);
    x->server->stats.truncated++;
  }
  set_flags(x->buf, &w);
  x->rate_hash = w.rate_hash;
  so_bytes plain;
  const bool is_tc = (x->buf[2] & 2) != 0;
  if (!is_tc && question->qclass == SO_DNS_IN && so_ok(so_dns_builder_end(&b, &plain))) {
    so_dns_memo_keep(x->server, key, plain, w.rate_hash);
  }
  return finish(x, &b, w.rcode);
}

static so_bytes answer_question(exchange *x) {
  so_dns_path path;
  so_dns_path_init(&path, so_dns_name_view(&x->q.question.name), x->server->config.seed);
  const dns_memo_key key = key_of(x, &path);
  const so_dns_memo *const m = so_dns_memo_find(x->server, &key);
  if (m != NULL && m->len + opt_len(x) <= x->limit && x->q.question.qclass == SO_DNS_IN) {
    return answer_remembered(x, m);
  }
  return work_out(x, &path, &key);
}

// --- transfers --------------------------------------------------------------------------------

// start_transfer is SEND with a refusal, or TRANSFER.
static so_dns_result start_transfer(exchange *x, so_bytes *out, so_dns_transfer *t) {
  const so_dns_question *const question = &x->q.question;
  so_dns_path path;
  so_dns_path_init(&path, so_dns_name_view(&question->name), x->server->config.seed);
  const so_dns_zone *const zone = so_dns_zone_for(x->server, &path, question->type);
  const bool is_apex = zone != NULL && so_dns_name_equal(zone->origin, path.name);
  if (!x->client->is_tcp || t == NULL || !so_dns_may_transfer(x->server, x->client) || !is_apex) {
    const bool allowed = so_dns_may_transfer(x->server, x->client);
    x->server->stats.transfers_refused++;
    *out = answer_error(x, allowed && x->client->is_tcp ? SO_DNS_NOTAUTH : SO_DNS_REFUSED, false);
    return SO_DNS_SEND;
  }
  memset(t, 0, sizeof *t);
  t->zone = zone;
  t->name = question->name;
  t->id = x->q.header.id;
  t->type = question->type;
  t->rd = x->q.header.rd;
  x->server->stats.transfers++;
  return SO_DNS_TRANSFER;
}

// --- the whole --------------------------------------------------------------------------------

// limit_rate changes an answer that comes too often. Whoever showed a cookie is not an attacker's
// victim.
static so_dns_result limit_rate(exchange *x, so_bytes *out) {
  if (x->has_cookie) {
    return SO_DNS_SEND;
  }
  switch (so_dns_rate_check(x->server, x->client, x->rate_hash)) {
    case DNS_RATE_PASS:
      return SO_DNS_SEND;
    case DNS_RATE_SLIP:
      x->server->stats.slipped++;
      *out = answer_error(x, SO_DNS_NOERROR, true);
      return SO_DNS_SEND;
    case DNS_RATE_DROP:
      break;
  }
  x->server->stats.limited++;
  return SO_DNS_DROP;
}

so_dns_result so_dns_server_answer(so_dns_server *s, const so_dns_client *client, so_bytes query,
                                   uint8_t *buf, size_t cap, so_bytes *out,
                                   so_dns_transfer *transfer) {
  exchange x;
  uint16_t rcode = SO_DNS_NOERROR;
  x.server = s;
  x.client = client;
  x.buf = buf;
  x.has_cookie = false;
  s->stats.queries++;
  s->stats.tcp_queries += client->is_tcp;
  const dns_verdict verdict = so_dns_query_parse(query, &x.q, &rcode);
  if (verdict == DNS_NOTHING || cap < SO_DNS_UDP_LEN_MIN) {
    s->stats.dropped++;
    return SO_DNS_DROP;
  }
  take_edns(&x, cap);
  if (verdict == DNS_ERROR) {
    *out = answer_error(&x, rcode, false);
  } else if (x.q.question.type == SO_DNS_AXFR || x.q.question.type == SO_DNS_IXFR) {
    if (start_transfer(&x, out, transfer) == SO_DNS_TRANSFER) {
      return SO_DNS_TRANSFER;
    }
  } else {
    *out = answer_question(&x);
  }
  return limit_rate(&x, out);
}
