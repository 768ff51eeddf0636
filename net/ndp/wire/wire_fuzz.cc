// Parsing never reads outside; what was accepted is emitted and accepted again with the same
// meaning.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "net/ndp/wire/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t any[16] = {0};
  const uint8_t link_local[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const uint8_t group[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1};
  const uint8_t *const sources[] = {link_local, any};
  const uint8_t *const targets[] = {link_local, group};
  for (unsigned k = 0; k < 4; k++) {
    so_nd_envelope e = {so_ip6(sources[k & 1]), so_ip6(targets[k >> 1]), 255};
    so_nd_message m;
    if (!so_ok(so_nd_parse(so_bytes_of(data, size), &e, &m))) {
      continue;
    }
    uint8_t buf[2048];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_nd_emit(&m, &w);
    so_nd_message again;
    if (w.failed || !so_ok(so_nd_parse(so_writer_bytes(&w), &e, &again))) {
      abort();
    }
    m.ignored = 0;
    if (memcmp(&m.target, &again.target, sizeof m.target) != 0 ||
        m.router.prefix_count != again.router.prefix_count ||
        m.router.dns_count != again.router.dns_count ||
        m.router.search_count != again.router.search_count || m.has_source != again.has_source) {
      abort();
    }
  }
  return 0;
}
