// Queries taken apart, and what is wrong with those that are wrong (RFC 1035 4.1, RFC 6891 6.1).

#include "base/mem.h"
#include "net/dns/server/internal.h"

// Types that are no data and no question of ours either.
static bool is_meta(uint16_t type) {
  return type == SO_DNS_OPT || (type >= 128 && type < SO_DNS_IXFR) ||
         (type > SO_DNS_AXFR && type < SO_DNS_ANY);
}

// read_opt takes the additional record at `*at`. False: the message is malformed.
static bool read_additional(so_bytes message, size_t *at, dns_query *q) {
  so_dns_rr rr;
  if (!so_ok(so_dns_rr_read(message, at, &rr))) {
    return false;
  }
  if (rr.type == SO_DNS_TSIG) {
    q->has_tsig = true;
    return true;
  }
  if (rr.type != SO_DNS_OPT) {
    return true;
  }
  if (q->has_edns || !so_ok(so_dns_edns_read(&rr, &q->edns))) {
    return false;
  }
  q->has_edns = true;
  return true;
}

static bool skip_records(so_bytes message, size_t *at, size_t count) {
  so_dns_rr rr;
  for (size_t i = 0; i < count; i++) {
    if (!so_ok(so_dns_rr_read(message, at, &rr))) {
      return false;
    }
  }
  return true;
}

// read_sections reads all behind the header of a query. An IXFR has a SOA in its authority section.
static bool read_sections(so_bytes message, dns_query *q) {
  const so_dns_header *const h = &q->header;
  size_t at = SO_DNS_HEADER_LEN;
  if (h->counts[0] != 1 || h->tc || !so_ok(so_dns_question_read(message, &at, &q->question))) {
    return false;
  }
  q->has_question = true;
  const bool is_ixfr = q->question.type == SO_DNS_IXFR;
  if (h->counts[1] != 0 || h->counts[2] > (is_ixfr ? 1 : 0) || h->counts[3] > 4 ||
      !skip_records(message, &at, h->counts[2])) {
    return false;
  }
  for (size_t i = 0; i < h->counts[3]; i++) {
    if (!read_additional(message, &at, q)) {
      return false;
    }
  }
  return at == message.len;
}

static dns_verdict refuse(uint16_t *rcode, uint16_t value) {
  *rcode = value;
  return DNS_ERROR;
}

// For opcodes other than QUERY only the question is looked at, to be sent back.
static dns_verdict other_opcode(so_bytes message, dns_query *q, uint16_t *rcode) {
  size_t at = SO_DNS_HEADER_LEN;
  q->has_question = q->header.counts[0] == 1 &&
                    so_ok(so_dns_question_read(message, &at, &q->question));
  return refuse(rcode, q->header.opcode == SO_DNS_NOTIFY ? SO_DNS_REFUSED : SO_DNS_NOTIMP);
}

dns_verdict so_dns_query_parse(so_bytes message, dns_query *q, uint16_t *rcode) {
  q->has_question = false;
  q->has_edns = false;
  q->has_tsig = false;
  if (!so_ok(so_dns_header_read(message, &q->header)) || q->header.qr) {
    return DNS_NOTHING;
  }
  if (q->header.opcode != SO_DNS_QUERY) {
    return other_opcode(message, q, rcode);
  }
  if (!read_sections(message, q)) {
    q->has_edns = false;
    return refuse(rcode, SO_DNS_FORMERR);
  }
  if (q->has_edns && q->edns.version != 0) {
    return refuse(rcode, SO_DNS_BADVERS);
  }
  if (q->has_tsig) {
    return refuse(rcode, SO_DNS_NOTAUTH);  // No keys are shared with anyone.
  }
  if (q->question.qclass != SO_DNS_IN && q->question.qclass != SO_DNS_CLASS_ANY) {
    return refuse(rcode, SO_DNS_REFUSED);
  }
  if (is_meta(q->question.type)) {
    return refuse(rcode, q->question.type == SO_DNS_OPT ? SO_DNS_FORMERR : SO_DNS_NOTIMP);
  }
  return DNS_ANSWER;
}
