#ifndef SO_NET_DNS_WIRE_WIRE_H_
#define SO_NET_DNS_WIRE_WIRE_H_

// DNS messages: names, headers, questions, resource records, EDNS and cookies, read and written
// (RFC 1035, 3597, 6891, 7873, 9018).
//
// Names are held uncompressed, as on the wire: a length byte before each label, a zero byte at the
// end, at most 255 bytes. Letters keep the case in which they came; comparisons fold it. Reading
// follows compression pointers, each of which must point before the labels that hold it, so that
// reading ends whatever the message says. Writing compresses owners, and the names in the data of
// the types of RFC 1035 only (RFC 3597 section 4).
//
// RDATA is held uncompressed too, once so_dns_rdata_read has walked it by its type's fields.
// Ownership: views borrow the message. A builder borrows the buffer that it writes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DNS_HEADER_LEN 12
#define SO_DNS_NAME_LEN_MAX 255
#define SO_DNS_LABEL_LEN_MAX 63
#define SO_DNS_LABELS_MAX 127  // Without the root: 127 labels of one character fill a name.
#define SO_DNS_MESSAGE_LEN_MAX 65535
#define SO_DNS_UDP_LEN_MIN 512  // What every peer takes without EDNS.
#define SO_DNS_RDATA_LEN_MAX 65535

// Classes.
#define SO_DNS_IN 1
#define SO_DNS_CH 3
#define SO_DNS_CLASS_NONE 254
#define SO_DNS_CLASS_ANY 255

typedef enum so_dns_type {
  SO_DNS_A = 1,
  SO_DNS_NS = 2,
  SO_DNS_CNAME = 5,
  SO_DNS_SOA = 6,
  SO_DNS_PTR = 12,
  SO_DNS_HINFO = 13,
  SO_DNS_MX = 15,
  SO_DNS_TXT = 16,
  SO_DNS_RP = 17,
  SO_DNS_AFSDB = 18,
  SO_DNS_AAAA = 28,
  SO_DNS_LOC = 29,
  SO_DNS_SRV = 33,
  SO_DNS_NAPTR = 35,
  SO_DNS_DNAME = 39,
  SO_DNS_OPT = 41,
  SO_DNS_DS = 43,
  SO_DNS_SSHFP = 44,
  SO_DNS_RRSIG = 46,
  SO_DNS_NSEC = 47,
  SO_DNS_DNSKEY = 48,
  SO_DNS_NSEC3 = 50,
  SO_DNS_NSEC3PARAM = 51,
  SO_DNS_TLSA = 52,
  SO_DNS_SMIMEA = 53,
  SO_DNS_CDS = 59,
  SO_DNS_CDNSKEY = 60,
  SO_DNS_OPENPGPKEY = 61,
  SO_DNS_CSYNC = 62,
  SO_DNS_ZONEMD = 63,
  SO_DNS_SVCB = 64,
  SO_DNS_HTTPS = 65,
  SO_DNS_SPF = 99,
  SO_DNS_EUI48 = 108,
  SO_DNS_EUI64 = 109,
  SO_DNS_TSIG = 250,
  SO_DNS_IXFR = 251,
  SO_DNS_AXFR = 252,
  SO_DNS_ANY = 255,
  SO_DNS_URI = 256,
  SO_DNS_CAA = 257,
} so_dns_type;

typedef enum so_dns_opcode {
  SO_DNS_QUERY = 0,
  SO_DNS_NOTIFY = 4,
  SO_DNS_UPDATE = 5,
} so_dns_opcode;

typedef enum so_dns_rcode {
  SO_DNS_NOERROR = 0,
  SO_DNS_FORMERR = 1,
  SO_DNS_SERVFAIL = 2,
  SO_DNS_NXDOMAIN = 3,
  SO_DNS_NOTIMP = 4,
  SO_DNS_REFUSED = 5,
  SO_DNS_YXDOMAIN = 6,
  SO_DNS_NOTAUTH = 9,
  SO_DNS_BADVERS = 16,    // With EDNS only, as the one below.
  SO_DNS_BADCOOKIE = 23,
} so_dns_rcode;

// --- names ------------------------------------------------------------------------------------

typedef struct so_dns_name {
  uint8_t len;  // 1..255; the root is one zero byte.
  uint8_t bytes[SO_DNS_NAME_LEN_MAX];
} so_dns_name;

static inline so_bytes so_dns_name_view(const so_dns_name *n) {
  return so_bytes_of(n->bytes, n->len);
}

// so_dns_name_read reads the name at `*offset` of `message`, and moves `*offset` past it.
// MALFORMED, and then nothing is changed: truncated, longer than 255 bytes, a label type that does
// not exist, a pointer that does not point backwards.
SO_MUST_USE so_status so_dns_name_read(so_bytes message, size_t *offset, so_dns_name *out);

// so_dns_name_read_in does so where there is no message around the names: pointers count from the
// first byte of `bytes` and may lead to `least` or behind it.
#define SO_DNS_NO_POINTERS SIZE_MAX  // `least` of names that must not be compressed.
SO_MUST_USE so_status so_dns_name_read_in(so_bytes bytes, size_t least, size_t *offset,
                                          so_dns_name *out);

// so_dns_name_skip moves `*offset` past a name, without looking where a pointer leads. MALFORMED.
SO_MUST_USE so_status so_dns_name_skip(so_bytes message, size_t *offset);

// so_dns_name_copy takes an uncompressed name that must fill `wire`. MALFORMED.
SO_MUST_USE so_status so_dns_name_copy(so_bytes wire, so_dns_name *out);

// so_dns_name_from_text reads a name as zone files and people write it: \X and \DDD escapes, a dot
// at the end of an absolute name. One without it is relative to `origin` (an uncompressed name);
// `origin` empty makes every name absolute. "@" is the origin. MALFORMED; LIMIT: too long.
SO_MUST_USE so_status so_dns_name_from_text(so_bytes text, so_bytes origin, so_dns_name *out);

// so_dns_name_write_text writes an absolute name with its last dot.
void so_dns_name_write_text(so_writer *w, so_bytes name);

// Of uncompressed names, letters folded. so_dns_name_compare is the canonical order of RFC 4034
// section 6.1: labels from the right, as unsigned bytes.
bool so_dns_name_equal(so_bytes a, so_bytes b);
int so_dns_name_compare(so_bytes a, so_bytes b);

// so_dns_name_is_under is true for `ancestor` itself and every name below it.
bool so_dns_name_is_under(so_bytes name, so_bytes ancestor);

// so_dns_name_labels counts labels without the root.
size_t so_dns_name_labels(so_bytes name);

// so_dns_name_parent drops the first label; the root stays as it is.
so_bytes so_dns_name_parent(so_bytes name);

// so_dns_name_is_wildcard is true when the first label is "*".
bool so_dns_name_is_wildcard(so_bytes name);

void so_dns_name_lower(so_dns_name *name);

// so_dns_name_mix_case sets the case of the i-th letter by bit i of `bits` (over again after 256):
// the 0x20 trick of resolvers, who then compare answers with so_bytes_equal.
void so_dns_name_mix_case(so_dns_name *name, const uint8_t bits[32]);

// so_dns_name_substitute replaces the suffix `from` of `name` (which must be under it) by `to`:
// DNAME. LIMIT: the result is too long.
SO_MUST_USE so_status so_dns_name_substitute(so_bytes name, so_bytes from, so_bytes to,
                                             so_dns_name *out);

// --- types ------------------------------------------------------------------------------------

// How a type's data is laid out: one letter a field, in order.
//   1 2 4  number of that many bytes       c  name, compressed when written
//   y  type code (2)                       n  name, never compressed when written
//   d  time of signatures (4)              s  string of up to 255 bytes; S one or more, to the end
//   a  IPv4 address   A  IPv6 address      v  text to the end    t  tag of CAA (a string)
//   x  hexadecimal to the end              X  length byte and hexadecimal
//   b  base64 to the end                   H  length byte and base32hex
//   m  type bit map (RFC 4034 4.1.2)       p  service parameters (RFC 9460)
//   e  EUI-48   E  EUI-64
typedef struct so_dns_type_info {
  const char *name;
  const char *fields;  // NULL: a type for questions only (ANY, AXFR) or for EDNS.
  uint16_t type;
} so_dns_type_info;

// so_dns_type_find gives NULL for types that this module knows nothing of.
const so_dns_type_info *so_dns_type_find(uint16_t type);

// so_dns_type_from_text reads "MX" or "TYPE15" (RFC 3597), any case. NOT_FOUND.
SO_MUST_USE so_status so_dns_type_from_text(so_bytes text, uint16_t *out);
void so_dns_type_write_text(so_writer *w, uint16_t type);

// so_dns_type_in_bitmap looks for `type` in a type bit map that was checked.
bool so_dns_type_in_bitmap(so_bytes bitmap, uint16_t type);

// --- reading ----------------------------------------------------------------------------------

typedef struct so_dns_header {
  uint16_t id;
  bool qr;  // A response.
  uint8_t opcode;
  bool aa;
  bool tc;
  bool rd;
  bool ra;
  bool ad;
  bool cd;
  uint8_t rcode;       // The lower 4 bits; EDNS holds the upper 8.
  uint16_t counts[4];  // Questions, answers, authority, additional. Ignored when writing.
} so_dns_header;

typedef struct so_dns_question {
  so_dns_name name;
  uint16_t type;
  uint16_t qclass;
} so_dns_question;

typedef struct so_dns_rr {
  so_dns_name name;
  uint16_t type;
  uint16_t rclass;
  uint32_t ttl;
  size_t rdata_off;  // In the message.
  so_bytes rdata;    // As it stands there: names in it may be compressed.
} so_dns_rr;

// so_dns_header_read reads the 12 bytes in front. MALFORMED: there are fewer.
SO_MUST_USE so_status so_dns_header_read(so_bytes message, so_dns_header *out);

// so_dns_question_read and so_dns_rr_read take the next entry at `*offset`, which begins at
// SO_DNS_HEADER_LEN, and move it. MALFORMED. Call them as often as the header's counts say; then
// `*offset` must be the message's length.
SO_MUST_USE so_status so_dns_question_read(so_bytes message, size_t *offset, so_dns_question *out);
SO_MUST_USE so_status so_dns_rr_read(so_bytes message, size_t *offset, so_dns_rr *out);

// so_dns_rdata_read writes the data of `rr` uncompressed. MALFORMED: it does not have the fields of
// its type, or a pointer where none may be. A type that is not known is copied. `w` keeps what was
// written before.
SO_MUST_USE so_status so_dns_rdata_read(so_bytes message, const so_dns_rr *rr, so_writer *w);

// so_dns_rdata_check says whether uncompressed data has the fields of `type`. MALFORMED.
SO_MUST_USE so_status so_dns_rdata_check(uint16_t type, so_bytes rdata);

// so_dns_message_check walks a whole message: all entries are there, their data has the shape of
// its type, and nothing follows. MALFORMED.
SO_MUST_USE so_status so_dns_message_check(so_bytes message);

// --- EDNS -------------------------------------------------------------------------------------

#define SO_DNS_COOKIE_CLIENT_LEN 8
#define SO_DNS_COOKIE_SERVER_LEN 16  // Of those that we make (RFC 9018).
#define SO_DNS_COOKIE_SERVER_LEN_MAX 32
#define SO_DNS_COOKIE_KEY_LEN 16

typedef struct so_dns_edns {
  uint16_t udp_len;  // The largest UDP payload that the sender takes.
  uint8_t rcode_high;
  uint8_t version;
  bool dnssec_ok;
  bool has_cookie;
  uint8_t client_cookie[SO_DNS_COOKIE_CLIENT_LEN];
  uint8_t server_cookie_len;  // 0, or 8..32.
  uint8_t server_cookie[SO_DNS_COOKIE_SERVER_LEN_MAX];
} so_dns_edns;

// so_dns_edns_read reads an OPT record. Options that it does not know are passed over. MALFORMED:
// the owner is not the root, an option is cut, or a cookie has a length that none may have.
SO_MUST_USE so_status so_dns_edns_read(const so_dns_rr *opt, so_dns_edns *out);

// so_dns_cookie_make makes a server cookie (RFC 9018) for a client's address of 4 or 16 bytes.
void so_dns_cookie_make(const uint8_t key[SO_DNS_COOKIE_KEY_LEN], const uint8_t client[8],
                        so_bytes address, uint32_t now_s, uint8_t out[SO_DNS_COOKIE_SERVER_LEN]);

// so_dns_cookie_check: OK; AGAIN: ours, but due to be renewed; DENIED: not ours, or too old.
SO_MUST_USE so_status so_dns_cookie_check(const uint8_t key[SO_DNS_COOKIE_KEY_LEN],
                                          const uint8_t client[8], so_bytes address,
                                          uint32_t now_s, so_bytes cookie);

// --- writing ----------------------------------------------------------------------------------

typedef enum so_dns_section {
  SO_DNS_QUESTION,
  SO_DNS_ANSWER,
  SO_DNS_AUTHORITY,
  SO_DNS_ADDITIONAL,
} so_dns_section;

// Names remembered as targets of compression. More are written in full.
#define SO_DNS_TARGETS_MAX 48

typedef struct so_dns_builder {
  so_writer w;
  uint16_t counts[4];
  uint16_t target_count;
  uint16_t targets[SO_DNS_TARGETS_MAX];  // Offsets of labels in the message.
} so_dns_builder;

// What was written so far, to come back to.
typedef struct so_dns_mark {
  size_t len;
  uint16_t counts[4];
  uint16_t target_count;
} so_dns_mark;

// so_dns_builder_init writes the header; its counts follow from what is written. Like so_writer, a
// builder that runs out of room keeps silent until so_dns_builder_end.
void so_dns_builder_init(so_dns_builder *b, uint8_t *buf, size_t cap, const so_dns_header *header);
void so_dns_write_question(so_dns_builder *b, so_bytes name, uint16_t type, uint16_t qclass);

// so_dns_write_rr writes a record whose data is uncompressed and well-formed.
void so_dns_write_rr(so_dns_builder *b, so_dns_section section, so_bytes owner, uint16_t type,
                     uint16_t rclass, uint32_t ttl, so_bytes rdata);
void so_dns_write_edns(so_dns_builder *b, const so_dns_edns *edns);

// so_dns_builder_mark and so_dns_builder_rewind take back what was written between them, also when
// it did not fit.
so_dns_mark so_dns_builder_mark(const so_dns_builder *b);
void so_dns_builder_rewind(so_dns_builder *b, const so_dns_mark *mark);
void so_dns_builder_set_truncated(so_dns_builder *b);

// so_dns_builder_end gives the message. LIMIT: it did not fit.
SO_MUST_USE so_status so_dns_builder_end(so_dns_builder *b, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_DNS_WIRE_WIRE_H_
