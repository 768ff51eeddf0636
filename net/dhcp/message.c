#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/dhcp/internal.h"

// What goes in front of the options.
static void write_fixed(const so_dhcp *d, uint16_t secs, const so_ip *client, so_writer *w) {
  so_write_u8(w, DHCP_BOOTREQUEST);
  so_write_u8(w, DHCP_ETHERNET);
  so_write_u8(w, sizeof d->mac);
  so_write_u8(w, 0);
  so_write_u32be(w, d->xid);
  so_write_u16be(w, secs);
  // Who has no address yet cannot be answered to it.
  so_write_u16be(w, so_ip_is_any(client) ? DHCP_FLAG_BROADCAST : 0);
  so_write_bytes(w, so_bytes_of(client->bytes, 4));
  so_write_zeros(w, 4 + 4 + 4);
  so_write_bytes(w, so_bytes_of(d->mac, sizeof d->mac));
  so_write_zeros(w, 16 - sizeof d->mac + 64 + 128);
  so_write_u32be(w, DHCP_MAGIC);
}

static void write_option(so_writer *w, uint8_t code, so_bytes value) {
  so_write_u8(w, code);
  const size_t mark = so_open8(w);
  so_write_bytes(w, value);
  so_close8(w, mark);
}

static void write_address(so_writer *w, uint8_t code, const so_ip *ip) {
  write_option(w, code, so_bytes_of(ip->bytes, 4));
}

// What only a client that wants something says.
static void write_wishes(const so_dhcp *d, so_writer *w) {
  static const uint8_t wanted[] = {
      DHCP_OPTION_ROUTES, DHCP_OPTION_SUBNET, DHCP_OPTION_ROUTERS, DHCP_OPTION_DNS,
      DHCP_OPTION_DOMAIN, DHCP_OPTION_MTU,    DHCP_OPTION_NTP,     DHCP_OPTION_LEASE,
      DHCP_OPTION_T1,     DHCP_OPTION_T2,     DHCP_OPTION_SEARCH,
  };
  write_option(w, DHCP_OPTION_PARAMETERS, so_bytes_of(wanted, sizeof wanted));
  so_write_u8(w, DHCP_OPTION_MESSAGE_LEN);
  so_write_u8(w, 2);
  so_write_u16be(w, SO_DHCP_MESSAGE_LEN_MAX - 28);  // Without IP and UDP headers, to be safe.
  if (d->hostname_len != 0) {
    write_option(w, DHCP_OPTION_HOSTNAME, so_bytes_of(d->hostname, d->hostname_len));
  }
}

// Which addresses a message names: the table 5 of RFC 2131 for our cases.
typedef struct names {
  bool client;     // ciaddr
  bool requested;  // Option 50.
  bool server;     // Option 54.
  bool wishes;
  bool unicast;    // To the server.
} names;

static names names_of(const so_dhcp *d, so_dhcp_type type) {
  const bool renewing = d->state == SO_DHCP_RENEWING;
  const bool rebinding = d->state == SO_DHCP_REBINDING;
  if (type == SO_DHCP_DISCOVER) {
    return (names){.requested = d->wanted.family != 0, .wishes = true};
  }
  if (type == SO_DHCP_DECLINE) {
    return (names){.requested = true, .server = true};
  }
  if (type == SO_DHCP_RELEASE) {
    return (names){.client = true, .server = true, .unicast = true};
  }
  if (renewing || rebinding) {
    return (names){.client = true, .wishes = true, .unicast = renewing};
  }
  return (names){.requested = true, .server = d->state == SO_DHCP_REQUESTING, .wishes = true};
}

void so_dhcp_message_make(so_dhcp *d, so_dhcp_type type, uint64_t now_ns) {
  const names n = names_of(d, type);
  const so_ip any = so_ip_any(4);
  const uint64_t secs = (now_ns - d->begun_ns) / SO_NS_PER_S;
  so_writer w = so_writer_of(d->out, sizeof d->out);
  d->out_src = n.client ? d->lease.address : any;
  d->out_dst = n.unicast ? d->lease.server : so_ip_broadcast();
  write_fixed(d, secs < UINT16_MAX ? (uint16_t)secs : UINT16_MAX, &d->out_src, &w);
  const uint8_t type_byte = (uint8_t)type;
  write_option(&w, DHCP_OPTION_TYPE, so_bytes_of(&type_byte, 1));
  write_option(&w, DHCP_OPTION_CLIENT_ID, so_bytes_of(d->client_id, sizeof d->client_id));
  if (n.requested) {
    write_address(&w, DHCP_OPTION_REQUESTED, &d->wanted);
  }
  if (n.server) {
    write_address(&w, DHCP_OPTION_SERVER, &d->wanted_server);
  }
  if (n.wishes) {
    write_wishes(d, &w);
  }
  so_write_u8(&w, DHCP_OPTION_END);
  if (w.len < DHCP_LEN_MIN) {
    so_write_zeros(&w, DHCP_LEN_MIN - w.len);
  }
  d->out_len = w.len;
  d->has_message = !w.failed;
  d->stats.sent[type]++;
}
