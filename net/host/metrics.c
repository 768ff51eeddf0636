// Every counter of the stack under one name each.

#include "base/mem.h"
#include "net/host/internal.h"

typedef struct counter {
  const char *name;
  size_t off;  // Of a uint64_t in its struct.
} counter;

#define AT(field) offsetof(so_host_stats, field)
static const counter host_counters[] = {
    {"host_rx_no_pages", AT(rx_no_pages)},
    {"host_rx_refused", AT(rx_refused)},
    {"host_tx_queue_full", AT(tx_queue_full)},
    {"host_tx_refused", AT(tx_refused)},
    {"host_drop_protocol", AT(drop_protocol)},
    {"host_device_failed", AT(device_failed)},
    {"host_turns", AT(turns)},
    {"host_writers_waited", AT(writers_waited)},
    {"host_udp_too_long", AT(udp_too_long)},
    {"host_names_searched", AT(names_searched)},
    {"host_search_refused", AT(search_refused)},
};
#undef AT

#define AT(field) offsetof(so_interface_stats, field)
static const counter interface_counters[] = {
    {"net_rx_frames", AT(rx_frames)},
    {"net_rx_bytes", AT(rx_bytes)},
    {"net_rx_short", AT(rx_short)},
    {"net_rx_other_host", AT(rx_other_host)},
    {"net_rx_ethertype", AT(rx_ethertype)},
    {"net_rx_no_buffer", AT(rx_no_buffer)},
    {"net_ip4_rx", AT(ip4_rx)},
    {"net_ip4_rx_header", AT(ip4_rx_header)},
    {"net_ip4_rx_checksum", AT(ip4_rx_checksum)},
    {"net_ip4_rx_source_route", AT(ip4_rx_source_route)},
    {"net_ip4_rx_source", AT(ip4_rx_source)},
    {"net_ip4_rx_not_ours", AT(ip4_rx_not_ours)},
    {"net_ip4_rx_fragments", AT(ip4_rx_fragments)},
    {"net_ip4_rx_protocol", AT(ip4_rx_protocol)},
    {"net_ip4_rx_delivered", AT(ip4_rx_delivered)},
    {"net_icmp_rx", AT(icmp_rx)},
    {"net_icmp_rx_malformed", AT(icmp_rx_malformed)},
    {"net_icmp_rx_checksum", AT(icmp_rx_checksum)},
    {"net_icmp_rx_echo", AT(icmp_rx_echo)},
    {"net_icmp_rx_errors", AT(icmp_rx_errors)},
    {"net_icmp_rx_ignored", AT(icmp_rx_ignored)},
    {"net_icmp_tx_echo", AT(icmp_tx_echo)},
    {"net_icmp_tx_errors", AT(icmp_tx_errors)},
    {"net_icmp_tx_limited", AT(icmp_tx_limited)},
    {"net_icmp_tx_suppressed", AT(icmp_tx_suppressed)},
    {"net_tx_frames", AT(tx_frames)},
    {"net_tx_bytes", AT(tx_bytes)},
    {"net_tx_segmented", AT(tx_segmented)},
    {"net_tx_summed", AT(tx_summed)},
    {"net_tx_fragmented", AT(tx_fragmented)},
    {"net_tx_no_route", AT(tx_no_route)},
    {"net_tx_no_source", AT(tx_no_source)},
    {"net_tx_too_big", AT(tx_too_big)},
    {"net_tx_no_buffer", AT(tx_no_buffer)},
    {"net_tx_invalid", AT(tx_invalid)},
    {"net_loop_packets", AT(loop_packets)},
    {"net_loop_full", AT(loop_full)},
    {"net_arp_rx", AT(arp_rx)},
    {"net_arp_rx_malformed", AT(arp_rx_malformed)},
    {"net_arp_rx_ignored", AT(arp_rx_ignored)},
    {"net_arp_conflicts", AT(arp_conflicts)},
    {"net_arp_tx_requests", AT(arp_tx_requests)},
    {"net_arp_tx_replies", AT(arp_tx_replies)},
    {"net_arp_tx_announcements", AT(arp_tx_announcements)},
    {"net_arp_tx_limited", AT(arp_tx_limited)},
    {"net_arp_evicted", AT(arp_evicted)},
    {"net_arp_table_full", AT(arp_table_full)},
    {"net_arp_queued", AT(arp_queued)},
    {"net_arp_queue_dropped", AT(arp_queue_dropped)},
    {"net_arp_failed", AT(arp_failed)},
    {"net_reassembly_fragments", AT(reassembly_fragments)},
    {"net_reassembly_done", AT(reassembly_done)},
    {"net_reassembly_duplicates", AT(reassembly_duplicates)},
    {"net_reassembly_overlap", AT(reassembly_overlap)},
    {"net_reassembly_refused", AT(reassembly_refused)},
    {"net_reassembly_invalid", AT(reassembly_invalid)},
    {"net_reassembly_timeout", AT(reassembly_timeout)},
    {"net_reassembly_limit", AT(reassembly_limit)},
    {"net_path_mtu_evicted", AT(path_mtu_evicted)},
    {"net_path_mtu_lowered", AT(path_mtu_lowered)},
    {"net_path_mtu_refused", AT(path_mtu_refused)},
};
#undef AT

#define AT(field) offsetof(so_tcp_stats, field)
static const counter tcp_counters[] = {
    {"tcp_segments_in", AT(segments_in)},
    {"tcp_segments_out", AT(segments_out)},
    {"tcp_bytes_in", AT(bytes_in)},
    {"tcp_bytes_out", AT(bytes_out)},
    {"tcp_bytes_retransmitted", AT(bytes_retransmitted)},
    {"tcp_segments_retransmitted", AT(segments_retransmitted)},
    {"tcp_opened_active", AT(opened_active)},
    {"tcp_opened_passive", AT(opened_passive)},
    {"tcp_connect_failed", AT(connect_failed)},
    {"tcp_reset_in", AT(reset_in)},
    {"tcp_reset_out", AT(reset_out)},
    {"tcp_rto_expired", AT(rto_expired)},
    {"tcp_tail_loss_probes", AT(tail_loss_probes)},
    {"tcp_fast_recoveries", AT(fast_recoveries)},
    {"tcp_spurious_recoveries", AT(spurious_recoveries)},
    {"tcp_zero_window_probes", AT(zero_window_probes)},
    {"tcp_keepalive_probes", AT(keepalive_probes)},
    {"tcp_timed_out", AT(timed_out)},
    {"tcp_challenge_acks", AT(challenge_acks)},
    {"tcp_challenge_acks_limited", AT(challenge_acks_limited)},
    {"tcp_acks_limited", AT(acks_limited)},
    {"tcp_cookies_sent", AT(cookies_sent)},
    {"tcp_cookies_accepted", AT(cookies_accepted)},
    {"tcp_cookies_rejected", AT(cookies_rejected)},
    {"tcp_time_wait_entered", AT(time_wait_entered)},
    {"tcp_time_wait_reused", AT(time_wait_reused)},
    {"tcp_time_wait_evicted", AT(time_wait_evicted)},
    {"tcp_ecn_marked_in", AT(ecn_marked_in)},
    {"tcp_ecn_reduced", AT(ecn_reduced)},
    {"tcp_black_holes", AT(black_holes)},
    {"tcp_path_mtu_changes", AT(path_mtu_changes)},
    {"tcp_receive_copied", AT(receive_copied)},
    {"tcp_drop_malformed", AT(drop_malformed)},
    {"tcp_drop_checksum", AT(drop_checksum)},
    {"tcp_drop_address", AT(drop_address)},
    {"tcp_drop_no_connection", AT(drop_no_connection)},
    {"tcp_drop_sequence", AT(drop_sequence)},
    {"tcp_drop_paws", AT(drop_paws)},
    {"tcp_drop_ack", AT(drop_ack)},
    {"tcp_drop_window", AT(drop_window)},
    {"tcp_drop_reassembly", AT(drop_reassembly)},
    {"tcp_drop_backlog", AT(drop_backlog)},
    {"tcp_drop_connections", AT(drop_connections)},
    {"tcp_drop_memory", AT(drop_memory)},
    {"tcp_drop_icmp", AT(drop_icmp)},
    {"tcp_send_failed", AT(send_failed)},
};
#undef AT

#define AT(field) offsetof(so_udp_stats, field)
static const counter udp_counters[] = {
    {"udp_rx", AT(rx)},
    {"udp_rx_malformed", AT(rx_malformed)},
    {"udp_rx_checksum", AT(rx_checksum)},
    {"udp_rx_no_port", AT(rx_no_port)},
    {"udp_rx_queue_full", AT(rx_queue_full)},
    {"udp_rx_no_buffer", AT(rx_no_buffer)},
    {"udp_rx_errors", AT(rx_errors)},
    {"udp_rx_errors_ignored", AT(rx_errors_ignored)},
    {"udp_tx", AT(tx)},
    {"udp_tx_failed", AT(tx_failed)},
};
#undef AT

#define AT(field) offsetof(so_resolver_stats, field)
static const counter resolver_counters[] = {
    {"resolver_lookups", AT(lookups)},
    {"resolver_joined", AT(joined)},
    {"resolver_cache_hits", AT(cache_hits)},
    {"resolver_evicted", AT(evicted)},
    {"resolver_sent_udp", AT(sent_udp)},
    {"resolver_sent_tcp", AT(sent_tcp)},
    {"resolver_answers", AT(answers)},
    {"resolver_negatives", AT(negatives)},
    {"resolver_timeouts", AT(timeouts)},
    {"resolver_truncated", AT(truncated)},
    {"resolver_server_failures", AT(server_failures)},
    {"resolver_without_edns", AT(without_edns)},
    {"resolver_bad_cookies", AT(bad_cookies)},
    {"resolver_malformed", AT(malformed)},
    {"resolver_stray", AT(stray)},
    {"resolver_bad_question", AT(bad_question)},
    {"resolver_bad_case", AT(bad_case)},
    {"resolver_cookie_missing", AT(cookie_missing)},
};
#undef AT

#define AT(field) offsetof(so_dhcp_stats, field)
static const counter dhcp_counters[] = {
    {"dhcp_malformed", AT(malformed)}, {"dhcp_other", AT(other)},
    {"dhcp_timeouts", AT(timeouts)},   {"dhcp_bound", AT(bound)},
    {"dhcp_lost", AT(lost)},           {"dhcp_conflicts", AT(conflicts)},
    {"dhcp_sent_discover", AT(sent[SO_DHCP_DISCOVER])},
    {"dhcp_sent_request", AT(sent[SO_DHCP_REQUEST])},
    {"dhcp_sent_decline", AT(sent[SO_DHCP_DECLINE])},
    {"dhcp_sent_release", AT(sent[SO_DHCP_RELEASE])},
    {"dhcp_received_offer", AT(received[SO_DHCP_OFFER])},
    {"dhcp_received_ack", AT(received[SO_DHCP_ACK])},
    {"dhcp_received_nak", AT(received[SO_DHCP_NAK])},
};
#undef AT

// What a module counts is shown: a new counter without a name does not compile.
#define COUNT(table) (sizeof table / sizeof table[0])
#define ALL_OF(type, table) \
  _Static_assert(sizeof(type) == COUNT(table) * sizeof(uint64_t), "a counter of " #type " is missing")
ALL_OF(so_host_stats, host_counters);
ALL_OF(so_interface_stats, interface_counters);
ALL_OF(so_tcp_stats, tcp_counters);
ALL_OF(so_udp_stats, udp_counters);
ALL_OF(so_resolver_stats, resolver_counters);

typedef struct visitor {
  so_metric_visit *visit;
  void *ctx;
} visitor;

static void visit_table(const visitor *v, const counter *table, size_t count, const void *stats) {
  for (size_t i = 0; i < count; i++) {
    uint64_t value;
    memcpy(&value, (const uint8_t *)stats + table[i].off, sizeof value);
    v->visit(v->ctx, table[i].name, SO_METRIC_COUNTER, value);
  }
}

static void gauge(const visitor *v, const char *name, uint64_t value) {
  v->visit(v->ctx, name, SO_METRIC_GAUGE, value);
}

static void each(void *ctx, so_metric_visit *visit, void *visit_ctx) {
  const so_host *const h = ctx;
  const visitor v = {visit, visit_ctx};
  so_interface_stats interface;
  so_interface_read_stats(&h->interface, &interface);
  visit_table(&v, host_counters, COUNT(host_counters), &h->stats);
  visit_table(&v, interface_counters, COUNT(interface_counters), &interface);
  visit_table(&v, tcp_counters, COUNT(tcp_counters), so_tcp_statistics(h->tcp));
  visit_table(&v, udp_counters, COUNT(udp_counters), &h->udp.stats);
  if (h->config.parts.names != NULL) {
    visit_table(&v, resolver_counters, COUNT(resolver_counters), h->config.parts.names->stats(h));
  }
  visit_table(&v, dhcp_counters, COUNT(dhcp_counters), &h->dhcp.stats);
  if (h->interface.config.ipv6 != NULL && h->config.parts.ipv6_metrics != NULL) {
    h->config.parts.ipv6_metrics->each(&h->interface, visit, visit_ctx);
  }
  gauge(&v, "tcp_connections", so_tcp_connection_count(h->tcp));
  gauge(&v, "tcp_half_open", so_tcp_half_open_count(h->tcp));
  gauge(&v, "tcp_time_wait", so_tcp_time_wait_count(h->tcp));
  gauge(&v, "pool_pages", h->pool.page_count);
  gauge(&v, "pool_pages_used", h->pool.pages_used);
  gauge(&v, "pool_pages_used_max", h->pool.pages_used_max);
  gauge(&v, "pool_packets_used", h->pool.packets_used);
  v.visit(v.ctx, "pool_refusals", SO_METRIC_COUNTER, h->pool.refusals);
  gauge(&v, "host_tx_queue", h->tx_count);
}

void so_host_config_metrics(so_host_config *c) {
  static const so_host_metrics_part part = {each};
  c->parts.metrics = &part;
}
