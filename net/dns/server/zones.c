// The set of zones, found by the longest origin above a name.

#include "base/mem.h"
#include "net/dns/server/internal.h"

#define SLOT_MASK (2 * SO_DNS_ZONES_MAX - 1)

_Static_assert((SO_DNS_ZONES_MAX & (SO_DNS_ZONES_MAX - 1)) == 0, "a power of two");

void so_dns_server_init(so_dns_server *s, const so_dns_server_config *config) {
  memset(s, 0, sizeof *s);
  s->config = *config;
  s->generation = 1;
  if (s->config.udp_len_max == 0) {
    s->config.udp_len_max = SO_DNS_UDP_LEN_DEFAULT;
  }
}

// find_slot gives the slot of suffix `i` of the path, or the free one where it would be.
static size_t find_slot(const so_dns_server *s, const so_dns_path *path, size_t i) {
  const so_bytes name = so_dns_path_suffix(path, i);
  size_t at = path->hashes[i] & SLOT_MASK;
  // Half of the slots are free, so the loop ends.
  while (s->slots[at] != 0 && !so_dns_name_equal(s->zones[s->slots[at] - 1]->origin, name)) {
    at = (at + 1) & SLOT_MASK;
  }
  return at;
}

// fill_slots is false when two zones have one origin.
static bool fill_slots(so_dns_server *s, const so_dns_zone *const *zones, size_t count) {
  so_dns_path path;
  for (size_t i = 0; i < count; i++) {
    so_dns_path_init(&path, zones[i]->origin, s->config.seed);
    const size_t slot = find_slot(s, &path, 0);
    if (s->slots[slot] != 0) {
      return false;
    }
    s->slots[slot] = (uint32_t)i + 1;
    s->zones[i] = zones[i];
    s->labels_min = path.labels < s->labels_min ? path.labels : s->labels_min;
    s->labels_max = path.labels > s->labels_max ? path.labels : s->labels_max;
  }
  return true;
}

static void clear(so_dns_server *s) {
  memset(s->slots, 0, sizeof s->slots);
  s->zone_count = 0;
  s->labels_min = SO_DNS_LABELS_MAX;
  s->labels_max = 0;
}

so_status so_dns_server_set_zones(so_dns_server *s, const so_dns_zone *const *zones,
                                  size_t count) {
  if (count > SO_DNS_ZONES_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  clear(s);
  s->generation++;
  if (!fill_slots(s, zones, count)) {
    clear(s);
    return so_status_make(SO_CONFLICT, 0);
  }
  s->zone_count = (uint32_t)count;
  return so_done();
}

const so_dns_zone *so_dns_zone_for(const so_dns_server *s, const so_dns_path *path, uint16_t type) {
  const so_dns_zone *below = NULL;
  size_t i = path->labels > s->labels_max ? path->labels - s->labels_max : 0;
  for (; i <= path->labels && path->labels - i >= s->labels_min && s->zone_count != 0; i++) {
    const uint32_t found = s->slots[find_slot(s, path, i)];
    if (found != 0) {
      // The DS of a zone is data of the zone above (RFC 4035 3.1.4.1).
      if (type != SO_DNS_DS || i != 0) {
        return s->zones[found - 1];
      }
      below = s->zones[found - 1];
    }
  }
  return below;
}
