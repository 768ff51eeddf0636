#include "net/dns/search/search.h"

#include "base/mem.h"
#include "base/writer.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// --- lists ------------------------------------------------------------------------------------

static bool fits_host_names(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_domain(const so_dns_name *name) {
  size_t at = 0;
  while (name->bytes[at] != 0) {
    const size_t end = at + 1 + name->bytes[at];
    for (size_t i = at + 1; i < end; i++) {
      if (!fits_host_names(name->bytes[i])) {
        return false;
      }
    }
    at = end;
  }
  return at != 0;
}

so_status so_search_add(so_search *s, const so_dns_name *domain) {
  so_dns_name lower = {.len = domain->len};
  memcpy(lower.bytes, domain->bytes, domain->len);
  so_dns_name_lower(&lower);
  if (!is_domain(&lower)) {
    return malformed();
  }
  for (size_t i = 0; i < s->count; i++) {
    if (so_bytes_equal(so_dns_name_view(&s->domains[i]), so_dns_name_view(&lower))) {
      return so_done();
    }
  }
  if (s->count == SO_SEARCH_DOMAINS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  s->domains[s->count++] = lower;
  return so_done();
}

void so_search_add_all(so_search *s, const so_search *more) {
  for (size_t i = 0; i < more->count; i++) {
    (void)so_search_add(s, &more->domains[i]).code;
  }
}

unsigned so_search_add_text(so_search *s, so_bytes text, uint8_t separator) {
  unsigned refused = 0;
  while (text.len != 0) {
    const size_t n = so_bytes_find(text, separator);
    const so_bytes one = so_bytes_first(text, n);
    so_dns_name domain;
    text = so_bytes_from(text, n + 1);
    if (one.len != 0) {
      const bool taken = so_ok(so_dns_name_from_text(one, so_bytes_of(NULL, 0), &domain)) &&
                         so_ok(so_search_add(s, &domain));
      refused += taken ? 0 : 1;
    }
  }
  return refused;
}

// --- options ----------------------------------------------------------------------------------

unsigned so_search_add_dhcp(so_search *s, so_bytes option) {
  unsigned refused = 0;
  size_t offset = 0;
  while (offset < option.len) {
    so_dns_name domain;
    if (!so_ok(so_dns_name_read_in(option, 0, &offset, &domain))) {
      return refused + 1;
    }
    refused += so_ok(so_search_add(s, &domain)) ? 0 : 1;
  }
  return refused;
}

static bool is_padding(so_bytes rest) {
  for (size_t i = 0; i < rest.len; i++) {
    if (rest.ptr[i] != 0) {
      return false;
    }
  }
  return true;
}

so_status so_search_next_nd(so_bytes names, size_t *offset, so_dns_name *out) {
  if (is_padding(so_bytes_from(names, *offset))) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  return so_dns_name_read_in(names, SO_DNS_NO_POINTERS, offset, out);
}

// --- names to look up -------------------------------------------------------------------------

static bool is_searched(so_bytes name) {
  return name.len != 0 && name.len <= SO_DNS_LABEL_LEN_MAX &&
         so_bytes_find(name, '.') == name.len &&
         !so_bytes_equal_nocase(name, so_str("localhost")) &&
         !so_bytes_equal_nocase(name, so_str("invalid"));
}

// write_domain writes no dot at the end. Letters of domains never need escapes.
static void write_domain(so_writer *w, const so_dns_name *domain) {
  so_bytes name = so_dns_name_view(domain);
  while (name.ptr[0] != 0) {
    so_write_bytes(w, so_bytes_first(so_bytes_from(name, 1), name.ptr[0]));
    name = so_dns_name_parent(name);
    so_write_str(w, name.ptr[0] != 0 ? "." : "");
  }
}

bool so_search_candidate(const so_search *s, so_bytes name, size_t n,
                         uint8_t buf[SO_SEARCH_NAME_LEN_MAX], so_bytes *out) {
  const size_t searched = is_searched(name) ? s->count : 0;
  if (n < searched) {
    so_writer w = so_writer_of(buf, SO_SEARCH_NAME_LEN_MAX);
    so_write_bytes(&w, name);
    so_write_u8(&w, '.');
    write_domain(&w, &s->domains[n]);
    *out = so_writer_bytes(&w);
    return true;
  }
  *out = name;
  return n == searched;
}

void so_search_write_text(const so_search *s, so_writer *w) {
  for (size_t i = 0; i < s->count; i++) {
    so_write_str(w, i == 0 ? "" : ", ");
    write_domain(w, &s->domains[i]);
  }
}
