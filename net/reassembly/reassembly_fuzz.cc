// Fragments of a known text and of garbage, cut and ordered by the input: a datagram that comes out
// and was made of the text alone is the text; memory and counts stay within their bounds.
#include <stdlib.h>
#include <string.h>

#include <string>

#include "base/reader.h"
#include "kernel/ports/clock.h"
#include "net/reassembly/reassembly.h"
#include "tests/support/support.h"

static void Check(bool ok) {
  if (!ok) {
    abort();
  }
}

static std::string Content(size_t off, size_t len, bool garbage) {
  std::string s(len, '\0');
  for (size_t k = 0; k < len; k++) {
    s[k] = static_cast<char>((off + k) * 31 + ((off + k) >> 8) + (garbage ? 1 : 0));
  }
  return s;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static const uint8_t kKey[16] = {9};
  so_packet_pool pool;
  so_reassembly r;
  const so_reassembly_ops ops = {nullptr, nullptr};
  Check(so_ok(so_packet_pool_init(&pool, so_test::Heap(), 32, 32)));
  Check(so_ok(so_reassembly_init(&r, &ops, so_test::Heap(), &pool, kKey, 8, 16 * SO_PAGE_LEN)));
  bool dirty = false;
  uint64_t now = 0;
  so_reader in = so_reader_of(so_bytes_of(data, len));
  uint8_t flags, id, size;
  uint16_t off;
  while (so_read_u8(&in, &flags) && so_read_u8(&in, &id) && so_read_u16be(&in, &off) &&
         so_read_u8(&in, &size)) {
    so_reassembly_fragment f;
    memset(&f, 0, sizeof f);
    f.src.family = f.dst.family = (flags & 1) != 0 ? 4 : 6;
    f.src.bytes[0] = id >> 4;
    f.id = id & 15;
    f.protocol = 17;
    f.offset = static_cast<uint16_t>(off * 8);
    f.more = (flags & 2) != 0;
    const bool garbage = (flags & 4) != 0;
    dirty = dirty || garbage;
    const std::string s = Content(f.offset, size * ((flags & 8) != 0 ? 8u : 1u), garbage);
    so_packet *p = so_packet_alloc(&pool, 0, s.size());
    if (p == nullptr || !so_ok(so_packet_append(&pool, p, so_test::View(s)))) {
      so_packet_free(&pool, p);
      continue;
    }
    so_packet *done = so_reassembly_input(&r, &f, p, now);
    if (done != nullptr) {
      std::string out(done->len, '\0');
      so_packet_copy(done, 0, reinterpret_cast<uint8_t *>(&out[0]), out.size());
      Check(dirty || out == Content(0, out.size(), false));
      so_packet_free(&pool, done);
    }
    Check(r.page_count <= 16 && r.entry_count <= 8 && pool.pages_used <= r.page_count + 1);
    if ((flags & 16) != 0) {
      now += SO_NS_PER_S;
      so_reassembly_tick(&r, now);
      Check(so_reassembly_deadline(&r) > now);
    }
  }
  so_reassembly_release(&r);
  Check(r.page_count == 0 && pool.packets_used == 0 && pool.pages_used <= 1);
  so_packet_pool_release(&pool);
  return 0;
}
