#ifndef SO_TLS_KEY_INTERNAL_H_
#define SO_TLS_KEY_INTERNAL_H_

// Object identifiers and the two kinds of AlgorithmIdentifier that the formats share.

#include "tls/asn1/asn1.h"
#include "tls/key/key.h"

// so_key_algorithm_parse takes the AlgorithmIdentifier of a key off `d`. Other algorithms and
// curves give SO_KEY_UNSUPPORTED. False: not well-formed.
SO_MUST_USE bool so_key_algorithm_parse(so_der *d, so_key_kind *kind);
void so_key_algorithm_write(so_key_kind kind, so_writer *w);

// The content of the OBJECT IDENTIFIER prime256v1.
so_bytes so_key_p256_oid(void);

#endif  // SO_TLS_KEY_INTERNAL_H_
