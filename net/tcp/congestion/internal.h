#ifndef SO_NET_TCP_CONGESTION_INTERNAL_H_
#define SO_NET_TCP_CONGESTION_INTERNAL_H_

// What the files of congestion control share.

#include "net/tcp/congestion/congestion.h"

// so_hystart_reset forgets all rounds; `seq` is snd.nxt.
void so_hystart_reset(so_tcp_congestion *c, uint32_t seq);

// so_hystart_ack takes one ACK during the first slow start (RFC 9406 4.2) and says by how many
// bytes the window grows. It ends slow start by setting ssthresh.
uint32_t so_hystart_ack(so_tcp_congestion *c, const so_tcp_ack_report *report);

// so_congestion_add widens the window within its limit.
void so_congestion_add(so_tcp_congestion *c, uint64_t bytes);

#endif  // SO_NET_TCP_CONGESTION_INTERNAL_H_
