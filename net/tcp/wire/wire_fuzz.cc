// A header parses or is MALFORMED; what parses is emitted and parses to the same.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/tcp/wire/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  so_tcp_header h = {};
  if (!so_ok(so_tcp_parse(so_bytes_of(data, size), &h))) {
    return 0;
  }
  uint8_t buf[SO_TCP_HEADER_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_tcp_emit(&h, &w);
  so_bytes out;
  so_tcp_header again = {};
  if (!so_ok(so_writer_end(&w, &out)) || !so_ok(so_tcp_parse(out, &again)) ||
      again.seq != h.seq || again.ack != h.ack || again.flags != h.flags || again.mss != h.mss ||
      again.scale != h.scale || again.ts_value != h.ts_value || again.ts_echo != h.ts_echo ||
      again.sack_count > h.sack_count || again.window != h.window) {
    abort();
  }
  return 0;
}
