// What IPv6 counts.

#include "base/mem.h"
#include "net/host/internal.h"
#include "net/interface/ipv6.h"

typedef struct counter {
  const char *name;
  size_t off;  // Of a uint64_t in its struct.
} counter;

#define AT(field) offsetof(so_interface_ipv6_stats, field)
static const counter counters[] = {
    {"net_ip6_received", AT(received)},
    {"net_ip6_delivered", AT(delivered)},
    {"net_ip6_malformed", AT(malformed)},
    {"net_ip6_not_ours", AT(not_ours)},
    {"net_ip6_bad_source", AT(bad_source)},
    {"net_ip6_empty", AT(empty)},
    {"net_ip6_unknown_protocol", AT(unknown_protocol)},
    {"net_ip6_fragments_received", AT(fragments_received)},
    {"net_ip6_no_buffer", AT(no_buffer)},
    {"net_ip6_sent", AT(sent)},
    {"net_ip6_fragmented", AT(fragmented)},
    {"net_ip6_waiting_dropped", AT(waiting_dropped)},
    {"net_ip6_unreachable", AT(unreachable)},
    {"net_ip6_icmp_received", AT(icmp_received)},
    {"net_ip6_icmp_checksum", AT(icmp_checksum)},
    {"net_ip6_icmp_malformed", AT(icmp_malformed)},
    {"net_ip6_icmp_ignored", AT(icmp_ignored)},
    {"net_ip6_icmp_errors", AT(icmp_errors)},
    {"net_ip6_icmp_too_small", AT(icmp_too_small)},
    {"net_ip6_icmp_echo", AT(icmp_echo)},
    {"net_ip6_icmp_sent_echo", AT(icmp_sent_echo)},
    {"net_ip6_icmp_sent_errors", AT(icmp_sent_errors)},
    {"net_ip6_icmp_limited", AT(icmp_limited)},
    {"net_ip6_icmp_suppressed", AT(icmp_suppressed)},
};
#undef AT

#define AT(field) offsetof(so_ndp_stats, field)
static const counter ndp_counters[] = {
    {"net_ndp_received", AT(received)},
    {"net_ndp_invalid", AT(invalid)},
    {"net_ndp_fragmented", AT(fragmented)},
    {"net_ndp_ignored", AT(ignored)},
    {"net_ndp_options_ignored", AT(options_ignored)},
    {"net_ndp_adverts_sent", AT(adverts_sent)},
    {"net_ndp_solicits_sent", AT(solicits_sent)},
    {"net_ndp_duplicates", AT(duplicates)},
    {"net_ndp_redirects", AT(redirects)},
    {"net_ndp_redirects_refused", AT(redirects_refused)},
    {"net_ndp_table_full", AT(table_full)},
    {"net_ndp_values_refused", AT(values_refused)},
    {"net_ndp_no_route", AT(no_route)},
};
#undef AT

#define AT(field) offsetof(so_neighbor_stats, field)
static const counter neighbor_counters[] = {
    {"net_ndp_cache_created", AT(created)},
    {"net_ndp_cache_evicted", AT(evicted)},
    {"net_ndp_cache_refused", AT(refused)},
    {"net_ndp_cache_failed", AT(failed)},
    {"net_ndp_cache_waiting_dropped", AT(waiting_dropped)},
    {"net_ndp_cache_probes", AT(probes)},
};
#undef AT

#define AT(field) offsetof(so_mld_stats, field)
static const counter mld_counters[] = {
    {"net_mld_queries", AT(queries)},
    {"net_mld_reports_sent", AT(reports_sent)},
    {"net_mld_invalid", AT(invalid)},
    {"net_mld_refused", AT(refused)},
};
#undef AT

// What a module counts is shown: a new counter without a name does not compile.
#define COUNT(table) (sizeof table / sizeof table[0])
#define ALL_OF(type, others, table)                                           \
  _Static_assert(sizeof(type) == (COUNT(table) + (others)) * sizeof(uint64_t), \
                 "a counter of " #type " is missing")
ALL_OF(so_interface_ipv6_stats, SO_IPV6_FAULT_COUNT, counters);
ALL_OF(so_ndp_stats, 0, ndp_counters);
ALL_OF(so_neighbor_stats, 0, neighbor_counters);
ALL_OF(so_mld_stats, 0, mld_counters);

static void visit_table(const counter *table, size_t count, const void *stats,
                        so_metric_visit *visit, void *visit_ctx) {
  for (size_t k = 0; k < count; k++) {
    uint64_t value;
    memcpy(&value, (const uint8_t *)stats + table[k].off, sizeof value);
    visit(visit_ctx, table[k].name, SO_METRIC_COUNTER, value);
  }
}

static void each(const so_interface *i, so_metric_visit *visit, void *visit_ctx) {
  const so_interface_ipv6_stats *const stats = so_interface_ipv6_stats_of(i);
  const so_ndp *const ndp = so_interface_ipv6_ndp(i);
  visit_table(counters, COUNT(counters), stats, visit, visit_ctx);
  visit_table(ndp_counters, COUNT(ndp_counters), &ndp->stats, visit, visit_ctx);
  visit_table(neighbor_counters, COUNT(neighbor_counters), &ndp->neighbors.stats, visit, visit_ctx);
  visit_table(mld_counters, COUNT(mld_counters), &so_interface_ipv6_mld(i)->stats, visit,
              visit_ctx);
  uint64_t faults = 0;
  for (size_t k = 0; k < sizeof stats->faults / sizeof stats->faults[0]; k++) {
    faults += stats->faults[k];
  }
  visit(visit_ctx, "net_ip6_extension_faults", SO_METRIC_COUNTER, faults);
}

void so_host_config_ipv6_metrics(so_host_config *c) {
  static const so_host_ipv6_metrics_part part = {each};
  c->parts.ipv6_metrics = &part;
}
