#ifndef SO_BASE_UTF8_H_
#define SO_BASE_UTF8_H_

// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.

#include <stdbool.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_utf8_read decodes one code point. At an ill-formed sequence it poisons the reader.
SO_MUST_USE bool so_utf8_read(so_reader *r, uint32_t *out);

// so_utf8_write encodes a code point; one that UTF-8 cannot encode becomes U+FFFD.
void so_utf8_write(so_writer *w, uint32_t code_point);

bool so_utf8_valid(so_bytes text);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_UTF8_H_
