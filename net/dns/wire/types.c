// The types that this module knows by name and layout.

#include "base/fmt.h"
#include "net/dns/wire/wire.h"

// Ordered by type. The layouts are those of wire.h.
static const so_dns_type_info types[] = {
    {"A", "a", SO_DNS_A},
    {"NS", "c", SO_DNS_NS},
    {"MD", "c", 3},
    {"MF", "c", 4},
    {"CNAME", "c", SO_DNS_CNAME},
    {"SOA", "cc44444", SO_DNS_SOA},
    {"MB", "c", 7},
    {"MG", "c", 8},
    {"MR", "c", 9},
    {"PTR", "c", SO_DNS_PTR},
    {"HINFO", "ss", SO_DNS_HINFO},
    {"MINFO", "cc", 14},
    {"MX", "2c", SO_DNS_MX},
    {"TXT", "S", SO_DNS_TXT},
    {"RP", "nn", SO_DNS_RP},
    {"AFSDB", "2n", SO_DNS_AFSDB},
    {"X25", "s", 19},
    {"ISDN", "S", 20},
    {"RT", "2n", 21},
    {"KEY", "211b", 25},
    {"PX", "2nn", 26},
    {"AAAA", "A", SO_DNS_AAAA},
    {"SRV", "222n", SO_DNS_SRV},
    {"NAPTR", "22sssn", SO_DNS_NAPTR},
    {"KX", "2n", 36},
    {"CERT", "221b", 37},
    {"DNAME", "n", SO_DNS_DNAME},
    {"OPT", NULL, SO_DNS_OPT},
    {"DS", "211x", SO_DNS_DS},
    {"SSHFP", "11x", SO_DNS_SSHFP},
    {"RRSIG", "y114dd2nb", SO_DNS_RRSIG},
    {"NSEC", "nm", SO_DNS_NSEC},
    {"DNSKEY", "211b", SO_DNS_DNSKEY},
    {"DHCID", "b", 49},
    {"NSEC3", "112XHm", SO_DNS_NSEC3},
    {"NSEC3PARAM", "112X", SO_DNS_NSEC3PARAM},
    {"TLSA", "111x", SO_DNS_TLSA},
    {"SMIMEA", "111x", SO_DNS_SMIMEA},
    {"CDS", "211x", SO_DNS_CDS},
    {"CDNSKEY", "211b", SO_DNS_CDNSKEY},
    {"OPENPGPKEY", "b", SO_DNS_OPENPGPKEY},
    {"CSYNC", "42m", SO_DNS_CSYNC},
    {"ZONEMD", "411x", SO_DNS_ZONEMD},
    {"SVCB", "2np", SO_DNS_SVCB},
    {"HTTPS", "2np", SO_DNS_HTTPS},
    {"SPF", "S", SO_DNS_SPF},
    {"EUI48", "e", SO_DNS_EUI48},
    {"EUI64", "E", SO_DNS_EUI64},
    {"TKEY", NULL, 249},
    {"TSIG", NULL, SO_DNS_TSIG},
    {"IXFR", NULL, SO_DNS_IXFR},
    {"AXFR", NULL, SO_DNS_AXFR},
    {"MAILB", NULL, 253},
    {"MAILA", NULL, 254},
    {"ANY", NULL, SO_DNS_ANY},
    {"URI", "22v", SO_DNS_URI},
    {"CAA", "1tv", SO_DNS_CAA},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

const so_dns_type_info *so_dns_type_find(uint16_t type) {
  size_t from = 0;
  size_t to = TYPE_COUNT;
  while (from < to) {
    const size_t middle = from + (to - from) / 2;
    if (types[middle].type == type) {
      return &types[middle];
    }
    if (types[middle].type < type) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return NULL;
}

so_status so_dns_type_from_text(so_bytes text, uint16_t *out) {
  for (size_t i = 0; i < TYPE_COUNT; i++) {
    if (so_bytes_equal_nocase(text, so_str(types[i].name))) {
      *out = types[i].type;
      return so_done();
    }
  }
  uint64_t number;
  if (so_bytes_equal_nocase(so_bytes_first(text, 4), so_str("TYPE")) &&
      so_ok(so_parse_u64(so_bytes_from(text, 4), &number)) && number <= UINT16_MAX) {
    *out = (uint16_t)number;
    return so_done();
  }
  return so_status_make(SO_NOT_FOUND, 0);
}

void so_dns_type_write_text(so_writer *w, uint16_t type) {
  const so_dns_type_info *const info = so_dns_type_find(type);
  if (info != NULL) {
    so_write_str(w, info->name);
  } else {
    so_write_printf(w, "TYPE%u", (unsigned)type);
  }
}
