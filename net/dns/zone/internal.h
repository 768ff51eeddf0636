#ifndef SO_NET_DNS_ZONE_INTERNAL_H_
#define SO_NET_DNS_ZONE_INTERNAL_H_

#include "base/reader.h"
#include "net/dns/zone/zone.h"

// --- tokens -----------------------------------------------------------------------------------

typedef enum token_kind {
  TOKEN_WORD,    // Escapes, and quotes inside of it, stand as they were written.
  TOKEN_QUOTED,  // Without its quotes.
  TOKEN_NEWLINE,
  TOKEN_END,
  TOKEN_BAD,
} token_kind;

typedef struct token {
  token_kind kind;
  so_bytes text;
  const char *reason;  // Of TOKEN_BAD.
} token;

typedef struct lexer {
  so_reader in;
  uint32_t line;
  uint32_t depth;  // Of parentheses.
} lexer;

void so_zone_lexer_init(lexer *l, so_bytes text);
void so_zone_lexer_next(lexer *l, token *out);

// so_zone_lexer_blank is true when the line that begins here begins with white space.
bool so_zone_lexer_blank(const lexer *l);

// so_zone_unescape appends `text` with its escapes resolved. False: a bad escape.
bool so_zone_unescape(so_bytes text, so_buf *out);

// --- records as read --------------------------------------------------------------------------

// A record; `name`, `key` and `rdata` are offsets into `bytes` of the pile.
typedef struct record {
  size_t name;
  size_t key;  // The name in a form that sorts canonically as bytes.
  size_t rdata;
  uint32_t ttl;
  uint32_t line;
  uint16_t file;
  uint16_t type;  // Of a signature: the type that it covers.
  uint16_t rdata_len;
  uint16_t key_len;
  uint8_t name_len;
  uint8_t labels;
  bool is_signature;
  bool is_nsec3;
} record;

typedef struct pile {
  so_buf bytes;
  so_buf records;
  so_bytes files[SO_DNS_ZONE_FILES_MAX];
  size_t file_count;
} pile;

static inline record *pile_record(const pile *p, size_t i) {
  return (record *)(void *)p->records.ptr + i;
}
static inline size_t pile_count(const pile *p) { return p->records.len / sizeof(record); }

// so_zone_fail fills in `*error` with the reason and, when not empty, what it is about. Returns
// MALFORMED.
so_status so_zone_fail(so_dns_zone_error *error, so_bytes file, uint32_t line, const char *reason,
                    so_bytes about);

// so_zone_fail_name is about a name of the zone.
so_status so_zone_fail_name(so_dns_zone_error *error, so_bytes file, uint32_t line,
                         const char *reason, so_bytes name);

// so_zone_read_entries reads all text into the pile.
so_status so_zone_read_entries(const so_dns_zone_text *text, const so_heap *heap, pile *p,
                            so_dns_zone_error *error);

// --- data from text ---------------------------------------------------------------------------

typedef struct rdata_input {
  lexer *lexer;
  so_bytes origin;
  so_buf *out;      // Empty at first.
  so_buf *scratch;  // For joining tokens.
  token ahead;      // The token that ended the data: a newline or the end.
} rdata_input;

// so_zone_read_rdata reads what follows the type up to the end of the entry. NULL, or why not.
const char *so_zone_read_rdata(rdata_input *in, uint16_t type);

// so_zone_read_params reads service parameters, one a token, beginning with `first`.
const char *so_zone_read_params(rdata_input *in, const token *first);

// so_zone_read_ttl reads seconds, or a number of weeks, days, hours, minutes and seconds (1h30m).
bool so_zone_read_ttl(so_bytes text, uint32_t *out);

// --- building ---------------------------------------------------------------------------------

// so_zone_build sorts and checks the pile and makes the zone of it.
so_status so_zone_build(so_dns_zone *zone, pile *p, const so_dns_zone_text *text,
                     so_dns_zone_error *error);

// so_zone_check holds the rules that look at more than one node.
so_status so_zone_check(so_dns_zone *zone, const pile *p, so_dns_zone_error *error);

#endif  // SO_NET_DNS_ZONE_INTERNAL_H_
