#ifndef SO_NET_DNS_SEARCH_SEARCH_H_
#define SO_NET_DNS_SEARCH_SEARCH_H_

// Search lists: the domains that end names of one label, as the network names them (DHCP option
// 119, RFC 3397; DNSSL of router advertisements, RFC 8106 5.2) or a person does.
//
// Which names are searched (RFC 1535, RFC 1536 6): those without a dot alone. They are asked with
// each domain of the list in turn, and as they stand at last. A name that has a dot is complete: it
// is asked as it stands and never lengthened, so that a mistyped "www.example.com" does not become
// "www.example.com.some.net", and no denial of a whole name costs further questions. "localhost"
// and "invalid" are complete too (RFC 6761), and so is what ends in a dot.
//
// Domains are what host names can end in: letters, digits, hyphens, underscores. Others are
// refused.
//
// Pure; a list is a value without pointers.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "net/dns/wire/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SEARCH_DOMAINS_MAX 6u  // Each may cost two questions for a name that is not there.
#define SO_SEARCH_NAME_LEN_MAX (SO_DNS_LABEL_LEN_MAX + 1u + SO_DNS_NAME_LEN_MAX)

typedef struct so_search {
  uint8_t count;
  so_dns_name domains[SO_SEARCH_DOMAINS_MAX];  // In order of preference, lower case.
} so_search;

// so_search_add appends a domain, unless it is there. MALFORMED: the root, or a name that no host's
// name can end in. LIMIT: the list is full.
SO_MUST_USE so_status so_search_add(so_search *s, const so_dns_name *domain);

// so_search_add_all appends what is not there yet, as far as there is room.
void so_search_add_all(so_search *s, const so_search *more);

// so_search_add_text appends domains written one after the other with `separator` between them.
// Returns how many were refused; empty ones are passed over.
unsigned so_search_add_text(so_search *s, so_bytes text, uint8_t separator);

// so_search_add_dhcp appends those of option 119, its pieces joined (RFC 3396). Names may be
// compressed within the option. Returns how many were refused; what follows a name that cannot be
// read counts as one.
unsigned so_search_add_dhcp(so_search *s, so_bytes option);

// so_search_next_nd takes the next name of a DNSSL option, whose names begin at `*offset` 0 of
// `names` and are padded with zeros. NOT_FOUND: there is no further one. MALFORMED: it cannot be
// read, nor what follows.
SO_MUST_USE so_status so_search_next_nd(so_bytes names, size_t *offset, so_dns_name *out);

// so_search_candidate gives the n-th name to look up for `name`, from 0 on; false: there is none.
// It is written into `buf`, or is `name` itself; `*out` views either.
bool so_search_candidate(const so_search *s, so_bytes name, size_t n,
                         uint8_t buf[SO_SEARCH_NAME_LEN_MAX], so_bytes *out);

// so_search_write_text writes the domains with ", " between them, without their last dots.
void so_search_write_text(const so_search *s, so_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_DNS_SEARCH_SEARCH_H_
