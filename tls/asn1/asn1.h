#ifndef SO_TLS_ASN1_ASN1_H_
#define SO_TLS_ASN1_ASN1_H_

// DER (X.690, the distinguished encoding of ASN.1): a strict cursor and a writer.
//
// Every value has one encoding and only that one is read: single-byte tags, definite lengths in
// their shortest form, shortest INTEGERs, TRUE as FF, unused bits of a BIT STRING zero. So what was
// parsed and written again is byte for byte the same, and a signature covers one form only.
//
// Invariants of so_der: like so_reader it is poisoned by the first failure, and a failed call does
// not write its out parameters. The cursor never recurses: an element is entered by making another
// cursor, which stays within the bytes of the element. Entering deeper than SO_DER_DEPTH_MAX fails.
// Ownership: borrows; views live as long as the input.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

// A certificate needs 7 (SubjectAltName inside of an extension is a cursor of its own).
#define SO_DER_DEPTH_MAX 12
// The longest content: certificates and keys are far shorter, and 24 bits keep sums in 32.
#define SO_DER_LEN_MAX 0xffffffu

// Universal tags; constructed ones with their bit 0x20.
#define SO_DER_BOOLEAN 0x01
#define SO_DER_INTEGER 0x02
#define SO_DER_BIT_STRING 0x03
#define SO_DER_OCTET_STRING 0x04
#define SO_DER_NULL 0x05
#define SO_DER_OID 0x06
#define SO_DER_UTF8_STRING 0x0c
#define SO_DER_PRINTABLE_STRING 0x13
#define SO_DER_IA5_STRING 0x16
#define SO_DER_UTC_TIME 0x17
#define SO_DER_GENERALIZED_TIME 0x18
#define SO_DER_SEQUENCE 0x30
#define SO_DER_SET 0x31
// Context tags 0 to 30, primitive and constructed.
#define SO_DER_CONTEXT(n) (0x80 | (n))
#define SO_DER_CONTEXT_OF(n) (0xa0 | (n))

typedef struct so_der {
  so_reader in;
  uint8_t depth;
} so_der;

// --- reading --------------------------------------------------------------------------------

so_der so_der_of(so_bytes in);

// so_der_done is true when every byte was consumed and nothing failed.
SO_MUST_USE bool so_der_done(const so_der *d);

// so_der_more is true when an element follows (whole or not) and nothing failed.
bool so_der_more(const so_der *d);

// so_der_peek is true when the next element has `tag`.
bool so_der_peek(const so_der *d, uint8_t tag);

// so_der_any takes the next element, whatever it is. `whole` is its encoding, tag and length too.
SO_MUST_USE bool so_der_any(so_der *d, uint8_t *tag, so_bytes *content, so_bytes *whole);

// so_der_read takes the next element, which must have `tag`, and views its content.
SO_MUST_USE bool so_der_read(so_der *d, uint8_t tag, so_bytes *content);

// so_der_enter takes the next element, which must have `tag`, and sets `*sub` to walk its content.
SO_MUST_USE bool so_der_enter(so_der *d, uint8_t tag, so_der *sub);

// so_der_enter_optional is so_der_enter when the next element has `tag`; otherwise it consumes
// nothing, sets `*present` to false and succeeds.
SO_MUST_USE bool so_der_enter_optional(so_der *d, uint8_t tag, so_der *sub, bool *present);

SO_MUST_USE bool so_der_boolean(so_der *d, bool *out);

// so_der_integer views the two's complement bytes, of which there is at least one.
SO_MUST_USE bool so_der_integer(so_der *d, so_bytes *out);

// so_der_u32 takes an INTEGER from 0 to 2^32 - 1.
SO_MUST_USE bool so_der_u32(so_der *d, uint32_t *out);

// so_der_unsigned takes an INTEGER from 0 to 2^(8 * out_len) - 1 and writes it big-endian with
// leading zeros. Not for secrets: the time shows the number of leading zero bytes.
SO_MUST_USE bool so_der_unsigned(so_der *d, uint8_t *out, size_t out_len);

// so_der_oid views the content of an OBJECT IDENTIFIER, to be compared as bytes.
SO_MUST_USE bool so_der_oid(so_der *d, so_bytes *out);

// so_der_bit_string views the bytes of a BIT STRING; `unused_bits` (0 to 7) of the last are zero.
SO_MUST_USE bool so_der_bit_string(so_der *d, so_bytes *out, uint8_t *unused_bits);

SO_MUST_USE bool so_der_octets(so_der *d, so_bytes *out);
SO_MUST_USE bool so_der_null(so_der *d);

// so_der_time takes a UTCTime YYMMDDHHMMSSZ (1950 to 2049) or a GeneralizedTime YYYYMMDDHHMMSSZ,
// which must be used from 2050 on and not before (RFC 5280 4.1.2.5).
SO_MUST_USE bool so_der_time(so_der *d, int64_t *out_unix_s);

// --- writing --------------------------------------------------------------------------------

// so_der_open begins an element and returns a mark; so_der_close ends it. Pairs nest. The content
// moves by up to 3 bytes when its length is known, so views into it do not survive the close.
size_t so_der_open(so_writer *w, uint8_t tag);
void so_der_close(so_writer *w, size_t mark);

// so_der_write writes an element with `content`, which is not looked at.
void so_der_write(so_writer *w, uint8_t tag, so_bytes content);

void so_der_write_boolean(so_writer *w, bool v);
void so_der_write_u32(so_writer *w, uint32_t v);

// so_der_write_unsigned writes the big-endian number as the shortest INTEGER. `magnitude` may have
// leading zeros or be empty.
void so_der_write_unsigned(so_writer *w, so_bytes magnitude);

// so_der_write_bit_string writes whole bytes (no unused bits).
void so_der_write_bit_string(so_writer *w, so_bytes v);

// so_der_write_bits writes named bits, bit 0 the first: the last bit set is the last one encoded.
void so_der_write_bits(so_writer *w, uint16_t bits);

// so_der_write_time writes UTCTime for 1950 to 2049 and GeneralizedTime for the other years from 0
// to 9999; a time outside of those poisons the writer.
void so_der_write_time(so_writer *w, int64_t unix_s);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_ASN1_ASN1_H_
