// The input is what a back end does, between turns of a machine whose fibers read, write and flush:
// bytes into shared memory, answers, connections. Nothing may touch other memory
// (AddressSanitizer), every call must return, and after all of it an honest back end must work.

#include <stdlib.h>

#include "kernel/xen/blkfront/rig.h"
#include "tests/support/input.h"

namespace {

using so_test::BlockRig;
using so_test::Input;

void Connect(BlockRig *rig, uint8_t bits) {
  rig->offer.ring_order = bits & 1;
  rig->offer.indirect = (bits & 2) != 0 ? 32 : 0;
  rig->offer.persistent = (bits & 4) != 0;
  rig->offer.flush = (bits & 8) != 0;
  rig->offer.barrier = (bits & 16) != 0;
  if (!so_ok(rig->Connect(bits >> 6))) {
    rig->xen.Resume();
    if (!so_ok(rig->Connect())) {
      abort();
    }
  }
}

void Reconnect(BlockRig *rig, uint8_t bits) {
  rig->Disconnect((bits & 64) != 0 ? SO_FRONT_CLOSED : SO_FRONT_LOST, (bits & 32) == 0);
  Connect(rig, bits);
}

void Act(BlockRig *rig, Input *in) {
  auto *const shared = reinterpret_cast<uint8_t *>(rig->back->shared());
  auto &pending = rig->back->pending;
  switch (in->U8() % 10) {
    case 0:
    case 1: (void)rig->back->Step(); return;
    case 2: rig->back->hold = !rig->back->hold; return;
    case 3: {
      const uint16_t at = in->U16() % (SO_PAGE_LEN - 4);
      const uint32_t v = in->U32();
      memcpy(shared + at, &v, sizeof v);
      return;
    }
    case 4: rig->back->shared()->rsp_prod += static_cast<uint32_t>(in->U8()) - 2; return;
    case 5:
    case 6: {
      if (pending.empty()) {
        return;
      }
      const auto &p = pending[in->U8() % pending.size()];
      const uint8_t bits = in->U8();
      rig->back->Answer(p.id, (bits & 7) != 0 ? p.operation : bits >> 3,
                        static_cast<int16_t>(in->U8() % 4) - 2);
      return;
    }
    case 7: rig->back->Answer(in->U32(), in->U8(), 0); return;
    case 8: rig->back->flush_status = static_cast<int16_t>(in->U8() % 4) - 2; return;
    default: Reconnect(rig, in->U8());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  BlockRig::Config config;
  Input in(data, len);
  config.data_pages = 2 + in.U8() % 30;
  config.ring_order = 1;
  BlockRig rig(config);
  Connect(&rig, in.U8());
  int returned = 0;
  constexpr int kFibers = 4;
  for (uint64_t i = 0; i < kFibers; i++) {
    rig.machine.Spawn([&rig, &returned, i] {
      const std::string bytes(512 * (1 + i * 40), static_cast<char>('a' + i));
      std::string got;
      for (int n = 0; n < 4; n++) {
        (void)!so_ok(rig.Write(i << 20, bytes));
        (void)!so_ok(so_block_flush(&rig.dev));
        (void)!so_ok(rig.Read(i << 20, bytes.size(), &got));
      }
      returned++;
    });
  }
  rig.machine.turn = [&] {
    (void)so_front_poll(&rig.front);
    if (in.More()) {
      Act(&rig, &in);
    } else {
      rig.back->hold = false;
      (void)rig.back->Step();
    }
    if (rig.Broken()) {
      Reconnect(&rig, in.U8());
    }
    return in.More();  // Afterwards time passes, for what is never answered.
  };
  if (!rig.machine.Run(100000) || returned != kFibers || rig.xen.misuses != 0) {
    abort();
  }
  rig.Disconnect(SO_FRONT_CLOSED);
  rig.xen.Resume();
  Connect(&rig, 0xff);
  if (rig.blk.in_flight != 0 || rig.blk.pages.free_count != config.data_pages) {
    abort();
  }
  // Whatever input is left, from here on the back end is honest.
  rig.machine.turn = [&rig] {
    const bool stepped = rig.back->Step();
    return so_front_poll(&rig.front) || stepped;
  };
  const std::string known(8192, 'k');  // The disk itself may hold anything by now.
  so_sim_block_poke(rig.disk, 4 << 20, so_bytes_of(known.data(), known.size()));
  rig.machine.Spawn([&rig, &known] {
    std::string got;
    if (!so_ok(rig.Read(4 << 20, known.size(), &got)) || got != known) {
      abort();
    }
  });
  if (!rig.machine.Run(100000)) {
    abort();
  }
  return 0;
}
