#include "base/mem.h"
#include "base/reader.h"
#include "net/dhcp/internal.h"

#define SNAME_LEN 64
#define FILE_LEN 128
#define MTU_MIN 68  // RFC 2132 5.1.
#define AREAS 3

// Where options stand, in the order in which pieces of one are joined (RFC 3396 5).
typedef struct areas {
  so_bytes area[AREAS];  // Options field, file, sname.
} areas;

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// next_option takes the next option off; AGAIN at the end of the area.
static so_status next_option(so_reader *r, uint8_t *code, so_bytes *value) {
  do {
    if (r->len == 0 || !so_read_u8(r, code) || *code == DHCP_OPTION_END) {
      return so_status_make(SO_AGAIN, 0);
    }
  } while (*code == DHCP_OPTION_PAD);
  so_reader body;
  if (!so_read_sub8(r, &body)) {
    return malformed();
  }
  *value = so_reader_rest(&body);
  return so_done();
}

// join appends the pieces of `code` in one area.
static so_status join(so_bytes area, uint8_t code, so_writer *w, bool *found) {
  so_reader r = so_reader_of(area);
  for (;;) {
    uint8_t have;
    so_bytes value;
    const so_status s = next_option(&r, &have, &value);
    if (so_is(s, SO_AGAIN)) {
      return so_done();
    }
    SO_TRY(s);
    if (have == code) {
      *found = true;
      so_write_bytes(w, value);
    }
  }
}

// option joins all pieces of an option into `buf`; `*found`: there is one, and `*out` views it.
static so_status option(const areas *a, uint8_t code, uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX],
                        so_bytes *out, bool *found) {
  so_writer w = so_writer_of(buf, SO_DHCP_MESSAGE_LEN_MAX);
  *found = false;
  for (size_t i = 0; i < AREAS; i++) {
    SO_TRY(join(a->area[i], code, &w, found));
  }
  return so_writer_end(&w, out);
}

// read_overload finds whether `file` and `sname` hold options (RFC 2132 9.3).
static so_status read_overload(areas *a, so_bytes file, so_bytes sname) {
  uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX];
  so_bytes value;
  bool found;
  SO_TRY(option(a, DHCP_OPTION_OVERLOAD, buf, &value, &found));
  if (!found) {
    return so_done();
  }
  if (value.len != 1 || value.ptr[0] == 0 || value.ptr[0] > 3) {
    return malformed();
  }
  if ((value.ptr[0] & 1) != 0) {
    a->area[1] = file;
  }
  if ((value.ptr[0] & 2) != 0) {
    a->area[2] = sname;
  }
  return so_done();
}

// --- single options: absent ones leave `*out` as it is -------------------------------------------

static so_status read_number(const areas *a, uint8_t code, size_t len, uint32_t *out) {
  uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX];
  so_bytes value;
  bool found;
  SO_TRY(option(a, code, buf, &value, &found));
  if (!found) {
    return so_done();
  }
  if (value.len != len) {
    return malformed();
  }
  uint32_t v = 0;
  for (size_t i = 0; i < len; i++) {
    v = v << 8 | value.ptr[i];
  }
  *out = v;
  return so_done();
}

// read_addresses keeps the first `cap`.
static so_status read_addresses(const areas *a, uint8_t code, so_ip *out, uint8_t cap,
                                uint8_t *out_count) {
  uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX];
  so_bytes value;
  bool found;
  SO_TRY(option(a, code, buf, &value, &found));
  if (!found) {
    return so_done();
  }
  if (value.len == 0 || value.len % 4 != 0) {
    return malformed();
  }
  for (size_t i = 0; i < value.len / 4 && *out_count < cap; i++) {
    const so_ip ip = so_ip4(value.ptr + 4 * i);
    if (!so_ip_is_any(&ip)) {
      out[(*out_count)++] = ip;
    }
  }
  return so_done();
}

// A mask has its ones in front; so -mask is one bit.
static so_status read_subnet(const areas *a, so_dhcp_lease *lease) {
  uint32_t mask = 0;
  SO_TRY(read_number(a, DHCP_OPTION_SUBNET, 4, &mask));
  if (mask == 0) {
    // As the classes had it, RFC 950: nothing better is known.
    const uint8_t first = lease->address.bytes[0];
    lease->prefix_len = first < 128 ? 8 : first < 192 ? 16 : 24;
    return so_done();
  }
  const uint32_t low = ~mask + 1;
  if ((low & (low - 1)) != 0) {
    return malformed();
  }
  lease->prefix_len = 0;
  for (; mask != 0; mask <<= 1) {
    lease->prefix_len++;
  }
  return so_done();
}

static so_status read_route(so_reader *r, so_dhcp_route *out) {
  uint8_t destination[4] = {0};
  uint8_t gateway[4];
  if (!so_read_u8(r, &out->prefix_len) || out->prefix_len > 32 ||
      !so_read_copy(r, destination, (out->prefix_len + 7u) / 8) ||
      !so_read_copy(r, gateway, sizeof gateway)) {
    return malformed();
  }
  // Bits past the prefix do not count (RFC 3442).
  for (unsigned bit = out->prefix_len; bit < 32; bit++) {
    destination[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
  }
  out->destination = so_ip4(destination);
  out->gateway = so_ip4(gateway);
  return so_done();
}

// read_routes: with classless routes a client ignores the routers (RFC 3442).
static so_status read_routes(const areas *a, so_dhcp_lease *lease) {
  uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX];
  so_bytes value;
  bool found;
  SO_TRY(option(a, DHCP_OPTION_ROUTES, buf, &value, &found));
  if (!found) {
    return so_done();
  }
  so_reader r = so_reader_of(value);
  while (r.len != 0) {
    so_dhcp_route route;
    SO_TRY(read_route(&r, &route));
    if (lease->route_count < SO_DHCP_ROUTES_MAX) {
      lease->routes[lease->route_count++] = route;
    }
  }
  if (!so_reader_done(&r) || value.len == 0) {
    return malformed();
  }
  lease->router_count = 0;
  return so_done();
}

static so_status read_domain(const areas *a, so_dhcp_lease *lease) {
  uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX];
  so_bytes value;
  bool found;
  SO_TRY(option(a, DHCP_OPTION_DOMAIN, buf, &value, &found));
  if (!found) {
    return so_done();
  }
  // Some servers count a NUL at the end.
  if (value.len != 0 && value.ptr[value.len - 1] == 0) {
    value.len--;
  }
  if (value.len > sizeof lease->domain || so_bytes_find(value, 0) != value.len) {
    return malformed();
  }
  lease->domain_len = (uint8_t)value.len;
  if (value.len != 0) {
    memcpy(lease->domain, value.ptr, value.len);
  }
  return so_done();
}

// read_search keeps the list as it came: one that cannot be read must not cost the lease.
static so_status read_search(const areas *a, so_dhcp_lease *lease) {
  uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX];
  so_bytes value;
  bool found;
  SO_TRY(option(a, DHCP_OPTION_SEARCH, buf, &value, &found));
  if (!found) {
    return so_done();
  }
  value = so_bytes_first(value, sizeof lease->search);
  lease->search_len = (uint16_t)value.len;
  if (value.len != 0) {
    memcpy(lease->search, value.ptr, value.len);
  }
  return so_done();
}

static so_status read_times(const areas *a, so_dhcp_lease *lease) {
  uint32_t mtu = 0;
  SO_TRY(read_number(a, DHCP_OPTION_LEASE, 4, &lease->lease_s));
  SO_TRY(read_number(a, DHCP_OPTION_T1, 4, &lease->renew_s));
  SO_TRY(read_number(a, DHCP_OPTION_T2, 4, &lease->rebind_s));
  SO_TRY(read_number(a, DHCP_OPTION_MTU, 2, &mtu));
  lease->mtu = mtu >= MTU_MIN ? (uint16_t)mtu : 0;
  return so_done();
}

static so_status read_lease(const areas *a, so_dhcp_lease *lease) {
  SO_TRY(read_times(a, lease));
  SO_TRY(read_subnet(a, lease));
  SO_TRY(read_addresses(a, DHCP_OPTION_ROUTERS, lease->routers, SO_DHCP_ROUTERS_MAX,
                        &lease->router_count));
  SO_TRY(read_addresses(a, DHCP_OPTION_DNS, lease->dns, SO_DHCP_DNS_MAX, &lease->dns_count));
  SO_TRY(read_addresses(a, DHCP_OPTION_NTP, lease->ntp, SO_DHCP_NTP_MAX, &lease->ntp_count));
  SO_TRY(read_domain(a, lease));
  SO_TRY(read_search(a, lease));
  return read_routes(a, lease);
}

// --- who and whom --------------------------------------------------------------------------------

static so_status read_type(const areas *a, so_dhcp_reply *out) {
  uint32_t type = 0;
  SO_TRY(read_number(a, DHCP_OPTION_TYPE, 1, &type));
  if (type > SO_DHCP_INFORM) {
    return malformed();
  }
  out->type = (so_dhcp_type)type;
  return so_done();
}

static so_status read_parties(const areas *a, so_bytes client_id, so_dhcp_reply *out) {
  uint8_t buf[SO_DHCP_MESSAGE_LEN_MAX];
  uint8_t count = 0;
  so_bytes value;
  SO_TRY(read_addresses(a, DHCP_OPTION_SERVER, &out->lease.server, 1, &count));
  out->has_server = count != 0;
  SO_TRY(option(a, DHCP_OPTION_CLIENT_ID, buf, &value, &out->has_client_id));
  out->client_id_is_ours = out->has_client_id && so_bytes_equal(value, client_id);
  return so_done();
}

// read_fixed reads what stands before the options.
static so_status read_fixed(so_reader *r, so_dhcp_reply *out, so_bytes *sname, so_bytes *file) {
  uint8_t op, hardware_type, hardware_len, address[4];
  uint32_t magic;
  if (!so_read_u8(r, &op) || !so_read_u8(r, &hardware_type) || !so_read_u8(r, &hardware_len) ||
      !so_skip(r, 1) || !so_read_u32be(r, &out->xid) || !so_skip(r, 2 + 2 + 4) ||
      !so_read_copy(r, address, sizeof address) || !so_skip(r, 4 + 4) ||
      !so_read_copy(r, out->hardware, sizeof out->hardware) ||
      !so_skip(r, 16 - sizeof out->hardware) || !so_read_bytes(r, SNAME_LEN, sname) ||
      !so_read_bytes(r, FILE_LEN, file) || !so_read_u32be(r, &magic)) {
    return malformed();
  }
  if (magic != DHCP_MAGIC) {
    return malformed();
  }
  if (op != DHCP_BOOTREPLY || hardware_type != DHCP_ETHERNET ||
      hardware_len != sizeof out->hardware) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  out->lease.address = so_ip4(address);
  return so_done();
}

so_status so_dhcp_reply_parse(so_bytes message, so_bytes client_id, so_dhcp_reply *out) {
  so_bytes sname, file;
  areas a = {{{NULL, 0}, {NULL, 0}, {NULL, 0}}};
  memset(out, 0, sizeof *out);
  if (message.len > SO_DHCP_MESSAGE_LEN_MAX) {
    return malformed();
  }
  so_reader r = so_reader_of(message);
  SO_TRY(read_fixed(&r, out, &sname, &file));
  a.area[0] = so_reader_rest(&r);
  SO_TRY(read_overload(&a, file, sname));
  SO_TRY(read_type(&a, out));
  SO_TRY(read_parties(&a, client_id, out));
  return read_lease(&a, &out->lease);
}
