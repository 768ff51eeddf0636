// Walks arbitrary bytes with an explicit stack, and writes what it read: the same bytes must come
// out, because DER has one encoding of everything.
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "tls/asn1/asn1.h"

namespace {

bool IsConstructed(uint8_t tag) { return (tag & 0x20) != 0; }

// Tries every typed reader on the next element; each works on a copy of the cursor.
void TryTypes(const so_der *at) {
  so_der d = *at;
  bool b;
  (void)!so_der_boolean(&d, &b);
  d = *at;
  uint32_t v;
  (void)!so_der_u32(&d, &v);
  d = *at;
  so_bytes view;
  (void)!so_der_oid(&d, &view);
  d = *at;
  uint8_t unused;
  (void)!so_der_bit_string(&d, &view, &unused);
  d = *at;
  int64_t t;
  if (so_der_time(&d, &t)) {
    uint8_t buf[32];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_der_write_time(&w, t);
    const size_t len = at->in.len - d.in.len;
    if (w.failed || w.len != len || memcmp(buf, at->in.ptr, len) != 0) abort();
  }
}

// Copies the elements of `in`; false when they are not DER all through.
bool Copy(so_bytes in, so_writer *w) {
  struct Level {
    so_der der;
    size_t mark;
  };
  std::vector<Level> stack{{so_der_of(in), 0}};
  while (true) {
    Level *top = &stack.back();
    if (!so_der_more(&top->der)) {
      if (!so_der_done(&top->der)) return false;
      if (stack.size() == 1) return true;
      so_der_close(w, top->mark);
      stack.pop_back();
      continue;
    }
    TryTypes(&top->der);
    so_der ahead = top->der;
    uint8_t tag;
    so_bytes content, whole;
    if (!so_der_any(&ahead, &tag, &content, &whole)) return false;
    if (!IsConstructed(tag)) {
      so_der_write(w, tag, content);
      top->der = ahead;
      continue;
    }
    so_der sub;
    if (!so_der_enter(&top->der, tag, &sub)) return false;
    stack.push_back({sub, so_der_open(w, tag)});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  std::vector<uint8_t> out(len + 8);
  so_writer w = so_writer_of(out.data(), out.size());
  if (Copy(so_bytes_of(data, len), &w)) {
    if (w.failed || w.len != len || (len > 0 && memcmp(out.data(), data, len) != 0)) abort();
  }
  return 0;
}
