#ifndef SO_NET_DHCP_INTERNAL_H_
#define SO_NET_DHCP_INTERNAL_H_

#include "base/writer.h"
#include "net/dhcp/dhcp.h"

#define DHCP_MAGIC UINT32_C(0x63825363)
#define DHCP_BOOTREQUEST 1
#define DHCP_BOOTREPLY 2
#define DHCP_ETHERNET 1
#define DHCP_FLAG_BROADCAST 0x8000
#define DHCP_LEN_MIN 300  // Of BOOTP; some relays drop shorter ones.

enum dhcp_option {
  DHCP_OPTION_PAD = 0,
  DHCP_OPTION_SUBNET = 1,
  DHCP_OPTION_ROUTERS = 3,
  DHCP_OPTION_DNS = 6,
  DHCP_OPTION_HOSTNAME = 12,
  DHCP_OPTION_DOMAIN = 15,
  DHCP_OPTION_MTU = 26,
  DHCP_OPTION_NTP = 42,
  DHCP_OPTION_REQUESTED = 50,
  DHCP_OPTION_LEASE = 51,
  DHCP_OPTION_OVERLOAD = 52,
  DHCP_OPTION_TYPE = 53,
  DHCP_OPTION_SERVER = 54,
  DHCP_OPTION_PARAMETERS = 55,
  DHCP_OPTION_MESSAGE_LEN = 57,
  DHCP_OPTION_T1 = 58,
  DHCP_OPTION_T2 = 59,
  DHCP_OPTION_CLIENT_ID = 61,
  DHCP_OPTION_SEARCH = 119,
  DHCP_OPTION_ROUTES = 121,
  DHCP_OPTION_END = 255,
};

// so_dhcp_message_make puts a message of `type` into d->out, and says where it goes.
void so_dhcp_message_make(so_dhcp *d, so_dhcp_type type, uint64_t now_ns);

#endif  // SO_NET_DHCP_INTERNAL_H_
