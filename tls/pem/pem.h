#ifndef SO_TLS_PEM_PEM_H_
#define SO_TLS_PEM_PEM_H_

// PEM (RFC 7468): DER in base64 between BEGIN and END lines.
//
// Strict inside of a block, and indifferent to what stands between blocks, because tools write
// explanations there. Lines end with LF or CRLF. A line holds a multiple of 4 and at most 76
// characters; padding stands in the last line only. Headers, as in the encrypted keys of old, are
// UNSUPPORTED.
// CT: the content of a key takes no branch and indexes no table.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PEM_LINE_MAX 76
#define SO_PEM_LABEL_MAX 48

#define SO_PEM_CERTIFICATE "CERTIFICATE"
#define SO_PEM_PRIVATE_KEY "PRIVATE KEY"        // PKCS#8 (RFC 5958).
#define SO_PEM_EC_PRIVATE_KEY "EC PRIVATE KEY"  // SEC 1 (RFC 5915).

// Room for the block that so_pem_write makes of `len` bytes under a label of `label_len`.
#define SO_PEM_LEN(len, label_len) (SO_PEM_BODY_LEN(len) + 2 * (label_len) + 32)
#define SO_PEM_BODY_LEN(len) (((len) + 2) / 3 * 4 + ((len) + 47) / 48)

typedef struct so_pem_block {
  so_bytes label;
  so_bytes body;  // The base64 lines; see so_pem_decode.
} so_pem_block;

// so_pem_next finds the next block in `*text` and moves `*text` behind it. Views borrow the text.
// NOT_FOUND: no further block. MALFORMED: a block without its end, or with another end.
SO_MUST_USE so_status so_pem_next(so_bytes *text, so_pem_block *out);

// so_pem_decode appends the content of a block to `w`, of which at least one byte is wanted.
// MALFORMED: not strict base64; UNSUPPORTED: the block has headers; LIMIT: no room.
SO_MUST_USE so_status so_pem_decode(const so_pem_block *block, so_writer *w);

// so_pem_write appends one block with lines of 64 characters.
void so_pem_write(so_writer *w, const char *label, so_bytes der);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_PEM_PEM_H_
