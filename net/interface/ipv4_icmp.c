#include "base/mem.h"
#include "net/checksum/checksum.h"
#include "net/interface/internal.h"

// An error needs its quote in one piece; longer ones than this are cut, which loses nothing that is
// read.
enum { ERROR_LEN_MAX = 576 };

static void send_icmp(so_interface *i, so_packet *p, uint64_t *counter, uint64_t now_ns) {
  p->protocol = SO_PROTOCOL_ICMP;
  if (so_ok(so_interface_ipv4_send(i, p, now_ns))) {
    (*counter)++;
  }
}

void so_interface_icmp_error(so_interface *i, uint8_t type, uint8_t code, const so_ipv4_header *h,
                             const so_packet *payload, bool link_group, uint64_t now_ns) {
  uint8_t start[1];
  const size_t n = payload->len < sizeof start ? payload->len : sizeof start;
  so_packet_copy(payload, 0, start, n);
  if (!so_icmp_may_answer(h, so_bytes_of(start, n), link_group) ||
      so_interface_ipv4_is_broadcast(i, &h->dst)) {
    i->stats.icmp_tx_suppressed++;
    return;
  }
  if (!so_icmp_limit_take(&i->core->icmp_errors, &h->src, now_ns)) {
    i->stats.icmp_tx_limited++;
    return;
  }
  so_packet *p = so_icmp_make_error(i->pool, type, code, 0, h, payload);
  if (p == NULL) {
    i->stats.tx_no_buffer++;
    return;
  }
  send_icmp(i, p, &i->stats.icmp_tx_errors, now_ns);
}

// The reply shares the request's payload; its checksum differs by the type alone.
static void echo(so_interface *i, so_packet *p, const so_ipv4_header *h,
                 const so_icmp_header *request, uint64_t now_ns) {
  uint8_t head[SO_ICMP_HEADER_LEN];
  i->stats.icmp_rx_echo++;
  if (!so_icmp_limit_take(&i->core->icmp_echoes, &h->src, now_ns)) {
    so_interface_drop(i, p, &i->stats.icmp_tx_limited);
    return;
  }
  const so_icmp_header reply = {
      SO_ICMP_ECHO_REPLY, 0,
      so_checksum_update(request->checksum, (uint16_t)(SO_ICMP_ECHO_REQUEST << 8 | request->code),
                         SO_ICMP_ECHO_REPLY << 8),
      request->rest};
  so_icmp_emit(&reply, head);
  so_packet *out = so_packet_alloc(i->pool, SO_PACKET_HEADROOM, sizeof head);
  if (out == NULL || !so_ok(so_packet_append(i->pool, out, so_bytes_of(head, sizeof head))) ||
      !so_ok(so_packet_share(i->pool, out, p, sizeof head, p->len - sizeof head))) {
    so_packet_free(i->pool, out);
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
    return;
  }
  out->src = h->dst;
  out->dst = h->src;
  out->traffic_class = (uint8_t)(h->traffic_class & 0xfc);
  so_packet_free(i->pool, p);
  send_icmp(i, out, &i->stats.icmp_tx_echo, now_ns);
}

static void error_input(so_interface *i, so_packet *p, const so_ipv4_header *h, uint64_t now_ns) {
  const size_t n = p->len < ERROR_LEN_MAX ? p->len : ERROR_LEN_MAX;
  const uint8_t *head = so_packet_head(i->pool, p, n);
  so_ip_error e;
  uint16_t sent_len;
  i->stats.icmp_rx_errors++;
  if (head == NULL) {
    so_interface_drop(i, p, &i->stats.rx_no_buffer);
    return;
  }
  const so_status status = so_icmp_read_error(so_bytes_of(head, n), &e, &sent_len);
  if (!so_ok(status)) {
    so_interface_drop(i, p, so_is(status, SO_MALFORMED) ? &i->stats.icmp_rx_malformed
                                                        : &i->stats.icmp_rx_ignored);
    return;
  }
  if (!so_interface_ipv4_is_own(i, &e.src)) {
    so_interface_drop(i, p, &i->stats.icmp_rx_ignored);
    return;
  }
  e.from = h->src;
  so_interface_report(i, &e, sent_len, now_ns);
  so_packet_free(i->pool, p);
}

static bool is_sum_right(const so_packet *p) {
  so_checksum c = so_checksum_start();
  so_checksum_add_packet(&c, p, 0, p->len);
  return so_checksum_end(&c) == 0;
}

void so_interface_icmp_input(so_interface *i, so_packet *p, const so_ipv4_header *h, bool group,
                             uint64_t now_ns) {
  so_icmp_header header;
  i->stats.icmp_rx++;
  const uint8_t *head = so_packet_head(i->pool, p, SO_ICMP_HEADER_LEN);
  if (head == NULL || !so_ok(so_icmp_parse(so_bytes_of(head, SO_ICMP_HEADER_LEN), &header))) {
    so_interface_drop(i, p, &i->stats.icmp_rx_malformed);
    return;
  }
  if (!is_sum_right(p)) {
    so_interface_drop(i, p, &i->stats.icmp_rx_checksum);
    return;
  }
  // RFC 1122 3.2.2.6 leaves echoes to groups open; an answer would make us an amplifier.
  if (group) {
    so_interface_drop(i, p, &i->stats.icmp_rx_ignored);
  } else if (header.type == SO_ICMP_ECHO_REQUEST) {
    echo(i, p, h, &header, now_ns);
  } else if (so_icmp_is_error(header.type)) {
    error_input(i, p, h, now_ns);
  } else {
    so_interface_drop(i, p, &i->stats.icmp_rx_ignored);
  }
}
