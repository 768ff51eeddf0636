#ifndef SO_NET_MLD_MLD_H_
#define SO_NET_MLD_MLD_H_

// Multicast listener discovery: which groups this host listens to (RFC 3810, and RFC 2710 while
// an old querier is on the link).
//
// Every group is joined for all sources. A join is reported twice (robustness 2), so is a leave;
// queries are answered after a random delay, for one group or for all in one report. All nodes
// (ff02::1) and groups of interface-local scope are never reported.
//
// Pure: messages leave through the sink as ICMPv6 bytes with checksum 0, to go out with hop limit
// 1, a router alert option, and a link-local source, or :: while there is none.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_MLD_GROUPS_MAX 48u
#define SO_MLD_MESSAGE_LEN_MAX (8u + SO_MLD_GROUPS_MAX * 20u)
#define SO_MLD_ROBUSTNESS 2u
#define SO_MLD_UNSOLICITED_MS 1000u     // Between two unsolicited reports (RFC 3810 9.11).
#define SO_MLD_UNSOLICITED_V1_MS 10000u  // RFC 2710 7.10.

typedef struct so_mld_sink {
  // An ICMPv6 message for `dst`. Borrowed for the call.
  void (*message)(void *ctx, const so_ip *dst, so_bytes icmp);
  void *ctx;
} so_mld_sink;

typedef struct so_mld_group {
  so_ip address;        // Family 0: free.
  uint16_t refs;        // 0: left, and the leave is still to be reported.
  uint8_t changes;      // State change reports still to send.
  bool last_reporter;   // MLDv1: ours was the last report heard.
  uint64_t change_ns;   // When the next of them goes.
  uint64_t answer_ns;   // When a query is answered; SO_NEVER: none is.
} so_mld_group;

typedef struct so_mld_stats {
  uint64_t queries;
  uint64_t reports_sent;
  uint64_t invalid;
  uint64_t refused;     // Joins for which there was no room.
} so_mld_stats;

typedef struct so_mld {
  uint8_t key[16];
  uint64_t draws;
  uint64_t general_ns;   // When the answer to a query for all groups goes; SO_NEVER: none.
  uint64_t v1_until_ns;  // An MLDv1 querier is present until then.
  so_mld_group groups[SO_MLD_GROUPS_MAX];
  so_mld_stats stats;
} so_mld;

void so_mld_init(so_mld *m, const uint8_t key[16]);

// so_mld_join adds a reference to `group`, and reports the first. LIMIT: SO_MLD_GROUPS_MAX groups.
SO_MUST_USE so_status so_mld_join(so_mld *m, const so_ip *group, uint64_t now_ns,
                                  const so_mld_sink *sink);

// so_mld_leave drops a reference, and reports when it was the last. Unknown groups: nothing.
void so_mld_leave(so_mld *m, const so_ip *group, uint64_t now_ns, const so_mld_sink *sink);

// so_mld_is_member says whether packets to `group` are for us; true for all nodes (ff02::1,
// ff01::1).
bool so_mld_is_member(const so_mld *m, const so_ip *group);

// so_mld_input reads a query or an MLDv1 report (types 130, 131). `src`, `hop_limit` and
// `router_alert` are those of its packet. MALFORMED: it is not valid (RFC 3810 6.2).
SO_MUST_USE so_status so_mld_input(so_mld *m, so_bytes icmp, const so_ip *src, const so_ip *dst,
                                   uint8_t hop_limit, bool router_alert, uint64_t now_ns);

void so_mld_tick(so_mld *m, uint64_t now_ns, const so_mld_sink *sink);
uint64_t so_mld_deadline(const so_mld *m);

// so_mld_announce reports every group anew: the link came back, or a link-local address now is
// there.
void so_mld_announce(so_mld *m, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_MLD_MLD_H_
