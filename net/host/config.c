#include "base/fmt.h"
#include "base/mem.h"
#include "net/host/host.h"

// The most that a page pool can have and still number its pages with room to spare.
#define PAGES_MIN 64u
#define PAGES_MAX (1u << 22)
#define CONNECTIONS_MAX (1u << 20)

// next_part takes what is before the first `separator` off `*rest`.
static so_bytes next_part(so_bytes *rest, uint8_t separator) {
  const size_t n = so_bytes_find(*rest, separator);
  const so_bytes part = so_bytes_first(*rest, n);
  *rest = so_bytes_from(*rest, n + 1);
  return part;
}

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

static so_status parse_number(so_bytes text, uint32_t min, uint32_t max, uint32_t *out) {
  uint64_t v;
  SO_TRY(so_parse_u64(text, &v));
  if (v < min || v > max) {
    return malformed();
  }
  *out = (uint32_t)v;
  return so_done();
}

// parse_word finds `text` among `count` names.
static so_status parse_word(so_bytes text, const char *const *names, size_t count, size_t *out) {
  for (size_t i = 0; i < count; i++) {
    if (so_bytes_equal(text, so_str(names[i]))) {
      *out = i;
      return so_done();
    }
  }
  return malformed();
}

static so_status parse_address(so_bytes text, so_host_config *c) {
  if (so_bytes_equal(text, so_str("dhcp"))) {
    c->dhcp = true;
    return so_done();
  }
  if (c->address_count == SO_HOST_ADDRESSES_MAX) {
    return malformed();
  }
  so_host_address *const a = &c->addresses[c->address_count];
  const so_bytes ip = next_part(&text, '/');
  SO_TRY(so_ip_parse(ip, &a->ip));
  uint32_t len;
  SO_TRY(parse_number(text, 1, (uint32_t)(8 * so_ip_len(&a->ip)), &len));
  if (so_ip_is_any(&a->ip) || so_ip_is_multicast(&a->ip) || so_ip_is_loopback(&a->ip) ||
      so_ip_is_broadcast(&a->ip)) {
    return malformed();
  }
  a->prefix_len = (uint8_t)len;
  c->address_count++;
  return so_done();
}

static so_status parse_gateway(so_bytes text, so_host_config *c) {
  so_ip ip;
  SO_TRY(so_ip_parse(text, &ip));
  so_ip *const at = &c->gateways[ip.family == 4 ? 0 : 1];
  if (at->family != 0 || so_ip_is_any(&ip) || so_ip_is_multicast(&ip) || so_ip_is_broadcast(&ip)) {
    return malformed();
  }
  *at = ip;
  return so_done();
}

static so_status parse_list(so_bytes text, so_ip *list, size_t cap, size_t *count) {
  do {
    if (*count == cap) {
      return malformed();
    }
    const so_bytes one = next_part(&text, ',');
    SO_TRY(so_ip_parse(one, &list[*count]));
    ++*count;
  } while (text.len != 0);
  return so_done();
}

static bool letter_or_digit(uint8_t ch) {
  return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

// is_name_list: letters, digits and `others`, and not too much.
static bool is_name_list(so_bytes text, const char *others, size_t most) {
  for (size_t i = 0; i < text.len; i++) {
    const so_bytes also = so_str(others);
    if (!letter_or_digit(text.ptr[i]) && so_bytes_find(also, text.ptr[i]) == also.len) {
      return false;
    }
  }
  return text.len != 0 && text.len <= most;
}

// parse_search: whether each is a domain is seen by net/dns/search.
static so_status parse_search(so_bytes text, so_host_config *c) {
  if (so_bytes_equal(text, so_str("off"))) {
    c->no_search = true;
    return so_done();
  }
  if (c->search_len != 0 || !is_name_list(text, "-_.,", sizeof c->search)) {
    return malformed();
  }
  memcpy(c->search, text.ptr, text.len);
  c->search_len = (uint8_t)text.len;
  return so_done();
}

// parse_ntp reads names and addresses; whether a name exists shows when it is looked up.
static so_status parse_ntp(so_bytes text, so_host_config *c) {
  if (so_bytes_equal(text, so_str("off"))) {
    c->no_ntp = true;
    return so_done();
  }
  do {
    const so_bytes one = next_part(&text, ',');
    if (c->ntp_count == SO_HOST_NTP_MAX || !is_name_list(one, "-.:", SO_HOST_NTP_NAME_LEN_MAX)) {
      return malformed();
    }
    so_host_ntp *const n = &c->ntp[c->ntp_count++];
    memcpy(n->name, one.ptr, one.len);
    n->len = (uint8_t)one.len;
  } while (text.len != 0);
  return so_done();
}

// RFC 952 and 1123: letters, digits, hyphens inside.
static so_status parse_hostname(so_bytes text, so_host_config *c) {
  if (text.len == 0 || text.len > SO_HOST_NAME_LEN_MAX || text.ptr[0] == '-' ||
      text.ptr[text.len - 1] == '-') {
    return malformed();
  }
  for (size_t i = 0; i < text.len; i++) {
    if (!letter_or_digit(text.ptr[i]) && text.ptr[i] != '-') {
      return malformed();
    }
  }
  memcpy(c->hostname, text.ptr, text.len);
  c->hostname_len = (uint8_t)text.len;
  return so_done();
}

enum {
  KEY_IP,
  KEY_GW,
  KEY_DNS,
  KEY_NTP,
  KEY_SEARCH,
  KEY_IPV6,
  KEY_HOSTNAME,
  KEY_PAGES,
  KEY_CONNECTIONS,
  KEY_CONGESTION,
  KEY_COUNT
};

static so_status parse_setting(so_bytes word, so_host_config *c) {
  static const char *const keys[KEY_COUNT] = {
      "ip",   "gw",       "dns",   "ntp",         "search",
      "ipv6", "hostname", "pages", "connections", "congestion"};
  static const char *const on_off[] = {"on", "off"};
  static const char *const congestions[] = {"cubic", "newreno"};
  const so_bytes key_text = next_part(&word, '=');
  size_t key;
  size_t choice;
  SO_TRY(parse_word(key_text, keys, KEY_COUNT, &key));
  switch (key) {
    case KEY_IP: return parse_address(word, c);
    case KEY_GW: return parse_gateway(word, c);
    case KEY_DNS: return parse_list(word, c->dns, SO_HOST_DNS_MAX, &c->dns_count);
    case KEY_NTP: return parse_ntp(word, c);
    case KEY_SEARCH: return parse_search(word, c);
    case KEY_IPV6:
      SO_TRY(parse_word(word, on_off, 2, &choice));
      c->no_ipv6 = choice == 1;
      return so_done();
    case KEY_HOSTNAME: return parse_hostname(word, c);
    case KEY_PAGES: return parse_number(word, PAGES_MIN, PAGES_MAX, &c->page_count);
    case KEY_CONNECTIONS: return parse_number(word, 1, CONNECTIONS_MAX, &c->connections_max);
    default:
      SO_TRY(parse_word(word, congestions, 2, &choice));
      c->congestion = choice == 0 ? SO_TCP_CUBIC : SO_TCP_NEWRENO;
      return so_done();
  }
}

so_status so_host_config_parse(so_bytes text, so_host_config *out, so_bytes *out_bad) {
  memset(out, 0, sizeof *out);
  *out_bad = (so_bytes){0};
  while (text.len != 0) {
    const so_bytes word = next_part(&text, ' ');
    if (word.len == 0) {
      continue;
    }
    const so_status s = parse_setting(word, out);
    if (!so_ok(s)) {
      *out_bad = word;
      return malformed();
    }
  }
  return so_done();
}

static bool needs_ipv6(const so_host_config *c) {
  bool needs = c->gateways[1].family != 0;
  for (size_t i = 0; i < c->address_count; i++) {
    needs = needs || c->addresses[i].ip.family == 6;
  }
  return needs;
}

const char *so_host_config_missing(const so_host_config *c, bool *out_needed) {
  const so_host_parts *const parts = &c->parts;
  *out_needed = true;
  if (c->dhcp && parts->dhcp == NULL) {
    return "ip=dhcp: this program is built without the part dhcp; give it ip=ADDR/LEN and gw=ADDR";
  }
  if (needs_ipv6(c) && parts->ipv6 == NULL) {
    return "an address of IPv6: this program is built without the part ipv6";
  }
  *out_needed = false;
  if (c->dns_count != 0 && parts->names == NULL) {
    return "dns= is left aside: this program is built without the part names";
  }
  if (c->search_len != 0 && parts->names == NULL) {
    return "search= is left aside: this program is built without the part names";
  }
  if (c->ntp_count != 0 && parts->clock == NULL) {
    return "ntp= is left aside: this program is built without the part clock";
  }
  return NULL;
}
