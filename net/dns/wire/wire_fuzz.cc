// Any bytes as a message: no crash, no read outside, and what is accepted can be written again and
// reads the same.

#include <stdlib.h>

#include <vector>

#include "net/dns/wire/wire.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

void CheckName(const so_dns_name &n) {
  so_dns_name again;
  Require(n.len >= 1 && n.bytes[n.len - 1] == 0);
  Require(so_ok(so_dns_name_copy(so_dns_name_view(&n), &again)));
  uint8_t text[1100];
  so_writer w = so_writer_of(text, sizeof text);
  so_dns_name_write_text(&w, so_dns_name_view(&n));
  Require(so_ok(so_dns_name_from_text(so_writer_bytes(&w), so_bytes_of(nullptr, 0), &again)));
  Require(so_bytes_equal(so_dns_name_view(&n), so_dns_name_view(&again)));
}

void Rewrite(so_bytes in, const so_dns_header &h) {
  static uint8_t buf[SO_DNS_MESSAGE_LEN_MAX], rdata[SO_DNS_RDATA_LEN_MAX];
  so_dns_builder b;
  so_dns_builder_init(&b, buf, sizeof buf, &h);
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  for (unsigned i = 0; i < h.counts[0]; i++) {
    Require(so_ok(so_dns_question_read(in, &at, &q)));
    CheckName(q.name);
    so_dns_write_question(&b, so_dns_name_view(&q.name), q.type, q.qclass);
  }
  for (int section = 1; section < 4; section++) {
    for (unsigned i = 0; i < h.counts[section]; i++) {
      so_dns_rr rr;
      Require(so_ok(so_dns_rr_read(in, &at, &rr)));
      CheckName(rr.name);
      so_writer w = so_writer_of(rdata, sizeof rdata);
      so_bytes plain;
      if (!so_ok(so_dns_rdata_read(in, &rr, &w)) || !so_ok(so_writer_end(&w, &plain))) {
        return;  // An empty record of an update, or data that grows too long.
      }
      Require(so_ok(so_dns_rdata_check(rr.type, plain)));
      so_dns_write_rr(&b, static_cast<so_dns_section>(section), so_dns_name_view(&rr.name), rr.type,
                      rr.rclass, rr.ttl, plain);
      so_dns_edns e;
      (void)!so_ok(so_dns_edns_read(&rr, &e));
    }
  }
  so_bytes out;
  if (so_ok(so_dns_builder_end(&b, &out))) {
    Require(so_ok(so_dns_message_check(out)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const so_bytes in = so_bytes_of(data, len);
  so_dns_header h;
  if (so_ok(so_dns_header_read(in, &h)) && so_ok(so_dns_message_check(in))) {
    Rewrite(in, h);
  }
  so_dns_name name;
  if (so_ok(so_dns_name_from_text(in, so_bytes_of(nullptr, 0), &name))) {
    CheckName(name);
  }
  for (size_t at = 0; at < len && at < 64; at++) {
    size_t from = at;
    if (so_ok(so_dns_name_read(in, &from, &name))) {
      Require(from > at && from <= len);
      CheckName(name);
    }
  }
  return 0;
}
