#include "net/interface/internal.h"

void so_interface_read_stats(const so_interface *i, so_interface_stats *out) {
  const so_arp_stats *arp = &i->core->arp.stats;
  const so_reassembly_stats *r = &i->core->reassembly.stats;
  *out = i->stats;
  out->arp_rx = arp->rx;
  out->arp_rx_malformed = arp->rx_malformed;
  out->arp_rx_ignored = arp->rx_ignored;
  out->arp_conflicts = arp->conflicts;
  out->arp_tx_requests = arp->tx_requests;
  out->arp_tx_replies = arp->tx_replies;
  out->arp_tx_announcements = arp->tx_announcements;
  out->arp_tx_limited = arp->tx_limited;
  out->arp_evicted = arp->evicted;
  out->arp_table_full = arp->table_full;
  out->arp_queued = arp->queued;
  out->arp_queue_dropped = arp->queue_dropped;
  out->arp_failed = arp->failed;
  out->reassembly_fragments = r->fragments;
  out->reassembly_done = r->done;
  out->reassembly_duplicates = r->duplicates;
  out->reassembly_overlap = r->overlap;
  out->reassembly_refused = r->refused;
  out->reassembly_invalid = r->invalid;
  out->reassembly_timeout = r->timeout;
  out->reassembly_limit = r->limit;
  out->path_mtu_evicted = i->core->pmtu.evicted;
}
