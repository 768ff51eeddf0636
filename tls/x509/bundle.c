#include "tls/pem/pem.h"
#include "tls/x509/x509.h"

so_status so_x509_chain_read_pem(so_bytes text, so_writer *memory, so_bytes *chain, size_t cap,
                                 size_t *count) {
  size_t n = 0;
  so_pem_block block;
  for (;;) {
    const so_status next = so_pem_next(&text, &block);
    if (so_is(next, SO_NOT_FOUND)) {
      break;
    }
    SO_TRY(next);
    if (!so_bytes_equal(block.label, so_str(SO_PEM_CERTIFICATE))) {
      continue;
    }
    if (n == cap) {
      return so_status_make(SO_LIMIT, 0);
    }
    const size_t start = memory->len;
    SO_TRY(so_pem_decode(&block, memory));
    chain[n++] = so_bytes_from(so_writer_bytes(memory), start);
  }
  if (n == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *count = n;
  return so_done();
}
