// What decodes must encode and decode again to the same bytes.
#include <stdlib.h>
#include <string.h>

#include <string>
#include <vector>

#include "tls/pem/pem.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_bytes rest = so_bytes_of(data, len);
  so_pem_block block;
  while (so_code(so_pem_next(&rest, &block).code) == SO_OK) {
    std::vector<uint8_t> der(len + 1);
    so_writer w = so_writer_of(der.data(), der.size());
    if (!so_ok(so_pem_decode(&block, &w))) continue;
    const std::string label(reinterpret_cast<const char *>(block.label.ptr), block.label.len);
    if (label.find('\0') != std::string::npos) continue;
    std::vector<uint8_t> text(SO_PEM_LEN(w.len, label.size()));
    so_writer t = so_writer_of(text.data(), text.size());
    so_pem_write(&t, label.c_str(), so_writer_bytes(&w));
    so_bytes again = so_writer_bytes(&t);
    so_pem_block second;
    std::vector<uint8_t> der2(len + 1);
    so_writer w2 = so_writer_of(der2.data(), der2.size());
    if (t.failed || !so_ok(so_pem_next(&again, &second)) ||
        !so_ok(so_pem_decode(&second, &w2)) ||
        !so_bytes_equal(so_writer_bytes(&w), so_writer_bytes(&w2))) {
      abort();
    }
  }
  return 0;
}
