// What parses is written in a form that parses to the same address.

#include <cstdint>
#include <cstdlib>

#include "base/writer.h"
#include "net/address/address.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  so_ip ip, back;
  if (!so_ok(so_ip_parse(so_bytes_of(data, size), &ip))) {
    return 0;
  }
  uint8_t buf[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ip_write(&ip, &w);
  if (!so_ok(so_ip_parse(so_writer_bytes(&w), &back)) || !so_ip_equal(&ip, &back)) {
    abort();
  }
  return 0;
}
