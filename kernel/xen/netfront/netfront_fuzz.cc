// The input is what a back end does: bytes into shared memory, answers, connections; between sends,
// receives and polls of an innocent user. Nothing may touch other memory (AddressSanitizer), pages
// must never be given back while shared, and after all of it an honest back end must work.

#include <stdlib.h>

#include "kernel/xen/netfront/frames.h"
#include "kernel/xen/netfront/rig.h"
#include "tests/support/input.h"

namespace {

using so_test::Input;
using so_test::NetBack;
using so_test::NetRig;

NetBack::Offer OfferOf(uint8_t bits) {
  NetBack::Offer o;
  o.sg = (bits & 1) != 0;
  o.csum4 = (bits & 2) != 0;
  o.csum6 = (bits & 4) != 0;
  o.tso4 = (bits & 8) != 0;
  o.tso6 = (bits & 16) != 0;
  return o;
}

void Reconnect(NetRig *rig, uint8_t bits) {
  rig->Disconnect(SO_FRONT_LOST, (bits & 32) == 0);
  if (!so_ok(rig->Connect(OfferOf(bits), bits >> 6))) {
    rig->xen.Resume();
    if (!so_ok(rig->Connect(OfferOf(bits)))) {
      abort();
    }
  }
}

void Send(NetRig *rig, Input *in, bool large) {
  so_test::Segment s;
  const uint8_t bits = in->U8();
  s.family = (bits & 1) != 0 ? 4 : 6;
  s.protocol = (bits & 2) != 0 || large ? 6 : 17;
  s.vlan = (bits & 4) != 0;
  s.payload_len = large ? in->U16() % 60000 : in->U8();
  const so_gso gso = !large ? SO_GSO_NONE : s.family == 4 ? SO_GSO_TCP4 : SO_GSO_TCP6;
  (void)!so_ok(rig->Send(s.Make(), s.Offload(gso, large ? 1448 : 0), 1 + bits * 16u));
}

void Receive(NetRig *rig, uint8_t bits) {
  std::string got;
  so_offload o;
  const size_t room = 1 + (bits & 63) * 64u;
  if (so_ok(rig->Receive(&got, &o, room, 1 + (bits >> 6) * 5)) && o.needs_csum &&
      static_cast<size_t>(o.csum_start) + o.csum_offset + 2 > got.size()) {
    abort();  // The stack would believe it.
  }
}

void Poke(uint8_t *shared, Input *in) {
  const uint16_t at = in->U16() % (SO_PAGE_LEN - 4);
  const uint32_t v = in->U32();
  memcpy(shared + at, &v, sizeof v);
}

void Step(NetRig *rig, Input *in) {
  auto *const tx = reinterpret_cast<uint8_t *>(rig->back->tx_shared());
  auto *const rx = reinterpret_cast<uint8_t *>(rig->back->rx_shared());
  switch (in->U8() % 14) {
    case 0: Send(rig, in, false); return;
    case 1: Send(rig, in, true); return;
    case 2:
    case 3: Receive(rig, in->U8()); return;
    case 4: (void)rig->Poll(); return;
    case 5: (void)rig->back->Step(); return;
    case 6: Poke(tx, in); return;
    case 7: Poke(rx, in); return;
    case 8: rig->back->tx_shared()->rsp_prod += static_cast<uint32_t>(in->U8()) - 2; return;
    case 9: rig->back->rx_shared()->rsp_prod += static_cast<uint32_t>(in->U8()) - 2; return;
    case 10:
    case 11: {
      if (rig->back->FreeSlots() == 0) {
        return;
      }
      const uint16_t id = static_cast<uint16_t>(rig->back->NextRxId() + (in->U8() == 0));
      const uint16_t offset = in->U16(), flags = in->U8();
      rig->back->AnswerRx(id, offset, flags, static_cast<int16_t>(in->U16()));
      return;
    }
    case 12: {
      const uint16_t id = rig->back->ids.empty() ? in->U16() : rig->back->ids.back();
      rig->back->AnswerTx(id, static_cast<int16_t>(in->U8() % 5) - 3);
      return;
    }
    default: Reconnect(rig, in->U8());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  NetRig rig(1, 32, 32);
  Input in(data, len);
  if (!so_ok(rig.Connect(OfferOf(in.U8())))) {
    abort();
  }
  for (int i = 0; in.More() && i < 300; i++) {
    Step(&rig, &in);
    if (rig.Broken()) {
      Reconnect(&rig, in.U8());
    }
  }
  Reconnect(&rig, 0);
  rig.xen.Resume();
  Reconnect(&rig, 0xff);
  so_test::NetFrame f;
  f.bytes = so_test::Noise(1, 1000);
  std::string got;
  so_offload o;
  if (!so_ok(rig.Send(f.bytes)) || !rig.back->Step() || rig.back->sent.size() != 1 ||
      rig.back->sent[0].bytes != f.bytes || !rig.back->Deliver(f) ||
      !so_ok(rig.Receive(&got, &o)) || got != f.bytes || rig.xen.misuses != 0) {
    abort();
  }
  return 0;
}
