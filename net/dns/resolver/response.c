// What comes back from name servers: whether it is believed, and what it says.

#include "base/mem.h"
#include "net/dns/resolver/internal.h"

// --- results -------------------------------------------------------------------------------------

static void found(so_resolver *r, resolver_lookup *l, uint64_t now_ns) {
  l->answer.ttl_s = l->ttl_s;
  r->stats.answers++;
  so_resolver_cache_put(r, &l->asked, l->type, false, l->ttl_s, &l->answer, now_ns);
  so_resolver_finish(l, so_done());
}

static void absent(so_resolver *r, resolver_lookup *l, uint64_t now_ns) {
  l->answer.count = 0;
  l->answer.ttl_s = l->ttl_s;
  r->stats.negatives++;
  so_resolver_cache_put(r, &l->asked, l->type, true, l->ttl_s, &l->answer, now_ns);
  so_resolver_finish(l, so_status_make(SO_NOT_FOUND, 0));
}

// --- belief --------------------------------------------------------------------------------------

static bool same_endpoint(const so_endpoint *a, const so_endpoint *b) {
  return a->family == b->family && a->port == b->port &&
         memcmp(a->address, b->address, a->family == 4 ? 4 : 16) == 0;
}

static resolver_lookup *find_waiting(so_resolver *r, const so_endpoint *from, uint16_t port,
                                     uint16_t id) {
  for (size_t i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    resolver_lookup *const l = &r->lookups[i];
    if (l->state == RESOLVER_WAIT && !l->tcp && l->id == id && l->port == port &&
        r->server_count != 0 && same_endpoint(&so_resolver_server_of(r, l)->at, from)) {
      return l;
    }
  }
  return NULL;
}

static bool may_lack_question(uint8_t rcode) {
  return rcode == SO_DNS_FORMERR || rcode == SO_DNS_NOTIMP;
}

// is_answer_to holds the question against the one sent, letter by letter.
static bool is_answer_to(so_resolver *r, resolver_lookup *l, so_bytes message,
                         const so_dns_header *h) {
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  if (h->counts[SO_DNS_QUESTION] == 0 && may_lack_question(h->rcode)) {
    return true;
  }
  if (h->counts[SO_DNS_QUESTION] != 1 || !so_ok(so_dns_question_read(message, &at, &q)) ||
      q.type != l->type || q.qclass != SO_DNS_IN ||
      !so_dns_name_equal(so_dns_name_view(&q.name), so_dns_name_view(&l->sent))) {
    r->stats.bad_question++;
    return false;
  }
  if (!so_bytes_equal(so_dns_name_view(&q.name), so_dns_name_view(&l->sent))) {
    r->stats.bad_case++;
    l->distrust = true;
    return false;
  }
  return true;
}

// read_edns finds the OPT record. MALFORMED: it cannot be read, or there are two.
static so_status read_edns(so_bytes message, const so_dns_header *h, bool *out_has,
                           so_dns_edns *out) {
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  *out_has = false;
  for (uint32_t i = 0; i < h->counts[SO_DNS_QUESTION]; i++) {
    SO_TRY(so_dns_question_read(message, &at, &q));
  }
  const uint32_t total = (uint32_t)h->counts[1] + h->counts[2] + h->counts[3];
  for (uint32_t i = 0; i < total; i++) {
    so_dns_rr rr;
    SO_TRY(so_dns_rr_read(message, &at, &rr));
    if (rr.type == SO_DNS_OPT) {
      if (*out_has) {
        return so_status_make(SO_MALFORMED, 0);
      }
      *out_has = true;
      SO_TRY(so_dns_edns_read(&rr, out));
    }
  }
  return so_done();
}

// check_cookie refuses answers without our cookie from a server that is known to send it back (RFC
// 7873 5.3). Over TCP there is nothing to prove.
static bool check_cookie(so_resolver *r, resolver_lookup *l, bool has_edns,
                         const so_dns_edns *edns) {
  uint8_t ours[SO_DNS_COOKIE_CLIENT_LEN];
  resolver_server *const s = so_resolver_server_of(r, l);
  const bool has = has_edns && edns->has_cookie;
  so_resolver_client_cookie(r, s, ours);
  const bool is_ours = has && memcmp(ours, edns->client_cookie, sizeof ours) == 0;
  if (is_ours && edns->server_cookie_len != 0) {
    s->cookie_len = edns->server_cookie_len;
    memcpy(s->cookie, edns->server_cookie, sizeof s->cookie);
  }
  if (l->tcp || is_ours || (!has && s->cookie_len == 0)) {
    return true;
  }
  r->stats.cookie_missing++;
  l->distrust = true;
  return false;
}

static void retry_tcp(resolver_lookup *l) {
  l->tcp = true;
  l->state = RESOLVER_SEND;
}

static void read_result(so_resolver *r, resolver_lookup *l, so_bytes message,
                        const so_dns_header *h, uint64_t now_ns) {
  switch (so_resolver_read_answer(l, message, h)) {
    case RESOLVER_FOUND:
      found(r, l, now_ns);
      break;
    case RESOLVER_ABSENT:
      absent(r, l, now_ns);
      break;
    case RESOLVER_CONTINUE:
      so_resolver_ask(l);
      break;
    case RESOLVER_TOO_LONG:
      so_resolver_finish(l, so_status_make(SO_LIMIT, 0));
      break;
  }
}

// act does what a believed response says. `rcode` has 12 bits.
static void act(so_resolver *r, resolver_lookup *l, so_bytes message, const so_dns_header *h,
                uint16_t rcode, uint64_t now_ns) {
  resolver_server *const s = so_resolver_server_of(r, l);
  if (rcode == SO_DNS_BADCOOKIE) {
    r->stats.bad_cookies++;
    if (l->tcp || ++l->bad_cookies > 2) {
      so_resolver_attempt_failed(r, l);
    } else if (l->bad_cookies == 2) {
      retry_tcp(l);
    } else {
      l->state = RESOLVER_SEND;  // The server's new cookie is known now.
    }
  } else if (h->tc && !l->tcp) {
    r->stats.truncated++;
    retry_tcp(l);
  } else if (rcode == SO_DNS_NOERROR || rcode == SO_DNS_NXDOMAIN) {
    if (h->tc) {
      so_resolver_attempt_failed(r, l);
    } else {
      read_result(r, l, message, h, now_ns);
    }
  } else if ((may_lack_question(h->rcode) || rcode == SO_DNS_BADVERS) && l->with_edns) {
    r->stats.without_edns++;
    s->no_edns = true;  // RFC 6891 6.2.2.
    s->cookie_len = 0;
    l->state = RESOLVER_SEND;
  } else {
    r->stats.server_failures++;
    so_resolver_attempt_failed(r, l);
  }
}

// believe checks a message for `l`; false: dropped, still waiting.
static bool believe(so_resolver *r, resolver_lookup *l, so_bytes message, const so_dns_header *h,
                    uint64_t now_ns) {
  so_dns_edns edns = {0};
  bool has_edns;
  if (!h->qr || h->opcode != SO_DNS_QUERY || !so_ok(so_dns_message_check(message)) ||
      !so_ok(read_edns(message, h, &has_edns, &edns))) {
    r->stats.malformed++;
    return false;
  }
  if (!is_answer_to(r, l, message, h) || !check_cookie(r, l, has_edns, &edns)) {
    return false;
  }
  const uint16_t high = has_edns ? (uint16_t)(edns.rcode_high << 4) : 0;
  act(r, l, message, h, high | h->rcode, now_ns);
  return true;
}

bool so_resolver_udp(so_resolver *r, const so_endpoint *from, uint16_t local_port,
                     so_bytes message, uint64_t now_ns) {
  so_dns_header h;
  if (!so_ok(so_dns_header_read(message, &h))) {
    r->stats.malformed++;
    return false;
  }
  resolver_lookup *const l = find_waiting(r, from, local_port, h.id);
  if (l == NULL) {
    r->stats.stray++;
    return false;
  }
  return believe(r, l, message, &h, now_ns);
}

void so_resolver_tcp(so_resolver *r, so_resolver_id id, so_status outcome, so_bytes message,
                     uint64_t now_ns) {
  so_dns_header h;
  resolver_lookup *const l = so_resolver_lookup_of(r, id);
  if (l == NULL || l->state != RESOLVER_WAIT || !l->tcp) {
    r->stats.stray++;
    return;
  }
  if (!so_ok(outcome) || !so_ok(so_dns_header_read(message, &h)) || h.id != l->id ||
      !believe(r, l, message, &h, now_ns)) {
    so_resolver_attempt_failed(r, l);
  }
}
