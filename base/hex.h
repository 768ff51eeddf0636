#ifndef SO_BASE_HEX_H_
#define SO_BASE_HEX_H_

// Hexadecimal (lower case out, either case in) and base64 (RFC 4648, standard and URL alphabets).
// Not for secrets whose value must not show in timing: base64 decoding of keys uses arithmetic
// instead of tables (CT: only lengths and invalid characters leak).

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_hex_write writes two digits a byte.
void so_hex_write(so_writer *w, so_bytes bytes);

// so_hex_read decodes exactly `out_len` bytes from `2 * out_len` digits. MALFORMED otherwise.
SO_MUST_USE so_status so_hex_read(so_bytes text, uint8_t *out, size_t out_len);

typedef enum so_base64_form {
  SO_BASE64,      // '+' '/', padded.
  SO_BASE64_URL,  // '-' '_', without padding.
} so_base64_form;

// The encoded length of `len` bytes, padding included; also enough for the form without.
#define SO_BASE64_LEN(len) (((len) + 2) / 3 * 4)

void so_base64_write(so_writer *w, so_base64_form form, so_bytes bytes);

// so_base64_read decodes into `w`. MALFORMED: a character outside the alphabet, wrong padding, or
// bits in the last character that are not zero (each byte string has one encoding).
SO_MUST_USE so_status so_base64_read(so_base64_form form, so_bytes text, so_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_HEX_H_
