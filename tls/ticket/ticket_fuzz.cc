// Sessions as a client stores them, and tickets as a client sends them back.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/ticket/ticket.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_tls_session session;
  so_tls_ticket ticket;
  so_tls_ticket_keys keys;
  uint8_t out[SO_TLS_SESSION_LEN_MAX];
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN];
  const so_cpu cpu = so_cpu_portable();
  const so_bytes in = so_bytes_of(data, len);
  if (so_ok(so_tls_session_parse(in, &session))) {
    so_writer w = so_writer_of(out, sizeof out);
    so_tls_session_write(&session, &w);
    if (!so_bytes_equal(so_writer_bytes(&w), in)) {
      abort();
    }
  }
  // The name of the key is what the input begins with, so that opening goes on to the tag.
  memset(fresh, 0, sizeof fresh);
  if (len != 0) {
    memcpy(fresh, data, len < 16 ? len : 16);
  }
  so_tls_ticket_keys_init(&keys, fresh, 0);
  if (so_ok(so_tls_ticket_open(&keys, &cpu, in, &ticket))) {
    abort();  // A forged tag.
  }
  return 0;
}
