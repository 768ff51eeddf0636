#include "tests/sim/xen/net_back.h"

#include <algorithm>

namespace so_test {

void NetBack::Publish(const Offer &offer, Keys *back) {
  offer_ = offer;
  const auto flag = [back](const char *key, bool on) { back->values[key] = on ? "1" : "0"; };
  flag("feature-rx-copy", offer.copy);
  flag("feature-rx-flip", false);
  flag("feature-sg", offer.sg);
  flag("feature-gso-tcpv4", offer.tso4);
  flag("feature-gso-tcpv6", offer.tso6);
  flag("feature-ipv6-csum-offload", offer.csum6);
  back->values.erase("feature-no-csum-offload");
  if (!offer.csum4) {
    flag("feature-no-csum-offload", true);
  }
}

bool NetBack::Complain(const std::string &what) {
  if (complaint.empty()) {
    complaint = what;
  }
  return false;
}

bool NetBack::Attach(const Keys &front) {
  if (front.Number("request-rx-copy") != 1 || front.Number("event-channel") == 0) {
    return Complain("attach: keys are missing");
  }
  tx_ref_ = static_cast<uint32_t>(front.Number("tx-ring-ref"));
  rx_ref_ = static_cast<uint32_t>(front.Number("rx-ring-ref"));
  auto *const tx = xen_->Map(domid_, tx_ref_, true);
  auto *const rx = xen_->Map(domid_, rx_ref_, true);
  if (tx == nullptr || rx == nullptr) {
    return Complain("attach: a ring is not granted");
  }
  tx_shared_ = reinterpret_cast<netif_tx_sring_t *>(tx);
  rx_shared_ = reinterpret_cast<netif_rx_sring_t *>(rx);
  BACK_RING_INIT(&tx_, tx_shared_, SO_PAGE_LEN);
  BACK_RING_INIT(&rx_, rx_shared_, SO_PAGE_LEN);
  return true;
}

void NetBack::Detach(bool unmap) {
  if (tx_shared_ == nullptr) {
    return;
  }
  if (unmap) {
    for (const auto &frame : pending_) {
      for (const Pending &p : frame) {
        xen_->Unmap(p.mapped);
      }
    }
    xen_->Unmap(tx_ref_);
    xen_->Unmap(rx_ref_);
  }
  pending_.clear();
  tx_shared_ = nullptr;
  rx_shared_ = nullptr;
}

// --- what was sent --------------------------------------------------------------------------

bool NetBack::TakeData(const netif_tx_request_t &q, uint16_t len, std::string *out) {
  if (q.offset > SO_PAGE_LEN || len > SO_PAGE_LEN - q.offset) {
    return Complain("tx: data crosses the page");
  }
  if (xen_->Look(domid_, q.gref, true) != nullptr) {
    return Complain("tx: a page that the back end could write");
  }
  const uint8_t *const page = xen_->Look(domid_, q.gref, false);
  if (page == nullptr) {
    return Complain("tx: a page that is not granted");
  }
  out->append(reinterpret_cast<const char *>(page) + q.offset, len);
  return true;
}

bool NetBack::TakeFrame() {
  NetFrame frame;
  std::vector<Pending> slots;
  std::vector<netif_tx_request_t> data;
  bool more = true;
  bool extra = false;
  while (more) {
    if (!RING_HAS_UNCONSUMED_REQUESTS(&tx_)) {
      return Complain("tx: a frame that was shown in part");
    }
    const netif_tx_request_t q = *RING_GET_REQUEST(&tx_, tx_.req_cons);
    tx_.req_cons++;
    ids.push_back(q.id);
    data.push_back(q);
    slots.push_back({q.id, false, Random(2) == 0 ? q.gref : 0});
    extra = (q.flags & NETTXF_extra_info) != 0;
    more = (q.flags & NETTXF_more_data) != 0;
    while (extra) {
      netif_extra_info_t e;
      memcpy(&e, RING_GET_REQUEST(&tx_, tx_.req_cons), sizeof e);
      tx_.req_cons++;
      slots.push_back({0, true, 0});
      if (e.type != XEN_NETIF_EXTRA_TYPE_GSO || e.u.gso.size == 0) {
        return Complain("tx: an extra segment that makes no sense");
      }
      frame.gso = e.u.gso.type;
      frame.gso_size = e.u.gso.size;
      extra = (e.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0;
    }
  }
  if (slots.size() > XEN_NETIF_NR_SLOTS_MIN || (data.size() > 1 && !offer_.sg)) {
    return Complain("tx: too many slots");
  }
  size_t rest = 0;
  for (size_t i = 1; i < data.size(); i++) {
    rest += data[i].size;
  }
  if (data[0].size < rest || data[0].size < 14) {
    return Complain("tx: the size of a frame is not that of its parts");
  }
  for (size_t i = 0; i < data.size(); i++) {
    const size_t len = i == 0 ? data[0].size - rest : data[i].size;
    if (!TakeData(data[i], static_cast<uint16_t>(len), &frame.bytes)) {
      return false;
    }
  }
  frame.csum_blank = (data[0].flags & NETTXF_csum_blank) != 0;
  frame.validated = (data[0].flags & NETTXF_data_validated) != 0;
  const bool tso = frame.gso == XEN_NETIF_GSO_TYPE_TCPV4 ? offer_.tso4 : offer_.tso6;
  if (frame.gso != XEN_NETIF_GSO_TYPE_NONE && !tso) {
    return Complain("tx: a large segment that was not offered");
  }
  for (Pending &p : slots) {
    if (p.mapped != 0 && xen_->Map(domid_, p.mapped, false) == nullptr) {
      return Complain("tx: a page that cannot be mapped");
    }
  }
  sent.push_back(std::move(frame));
  pending_.push_back(std::move(slots));
  return true;
}

void NetBack::PushTx() {
  int notify;
  RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&tx_, notify);
  notified += notify;
}

bool NetBack::AnswerSome() {
  bool any = false;
  while (!pending_.empty() && (eager || Random(4) != 0)) {
    const size_t at = eager ? 0 : Random(pending_.size());
    for (const Pending &p : pending_[at]) {
      netif_tx_response_t *const a = RING_GET_RESPONSE(&tx_, tx_.rsp_prod_pvt);
      a->status = p.extra ? static_cast<int16_t>(NETIF_RSP_NULL) : tx_status;
      if (!p.extra) {
        a->id = p.id;
      }
      tx_.rsp_prod_pvt++;
      xen_->Unmap(p.mapped);
    }
    pending_.erase(pending_.begin() + static_cast<long>(at));
    any = true;
  }
  if (any) {
    PushTx();
  }
  return any;
}

bool NetBack::Step() {
  if (!attached() || silent) {
    return false;
  }
  bool any = false;
  while (kicked_tx_ || !only_when_kicked) {
    while (RING_HAS_UNCONSUMED_REQUESTS(&tx_)) {
      if (!TakeFrame()) {
        return any;
      }
      any = true;
    }
    int more;
    RING_FINAL_CHECK_FOR_REQUESTS(&tx_, more);
    if (!more) {
      kicked_tx_ = false;
      break;
    }
  }
  return (!hold && AnswerSome()) || any;
}

void NetBack::AnswerTx(uint16_t id, int16_t status) {
  netif_tx_response_t *const a = RING_GET_RESPONSE(&tx_, tx_.rsp_prod_pvt);
  a->id = id;
  a->status = status;
  tx_.rsp_prod_pvt++;
  PushTx();
}

// --- what is delivered ----------------------------------------------------------------------

uint32_t NetBack::FreeSlots() const {
  return attached() ? XEN_RING_NR_UNCONSUMED_REQUESTS(&rx_) : 0;
}

bool NetBack::CanDeliver(uint32_t slots) {
  if (!kicked_rx_) {
    return false;
  }
  for (;;) {
    const RING_IDX prod = rx_shared_->req_prod;
    if (prod - rx_.req_cons >= slots) {
      return true;
    }
    rx_shared_->req_event = prod + 1;
    xen_mb();
    if (rx_shared_->req_prod == prod) {
      kicked_rx_ = false;
      return false;
    }
  }
}

void NetBack::PushRx() {
  int notify;
  RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&rx_, notify);
  notified += notify;
}

uint16_t NetBack::NextRxId() const { return RING_GET_REQUEST(&rx_, rx_.req_cons)->id; }

void NetBack::AnswerRx(uint16_t id, uint16_t offset, uint16_t flags, int16_t status) {
  rx_.req_cons++;
  netif_rx_response_t *const a = RING_GET_RESPONSE(&rx_, rx_.rsp_prod_pvt);
  *a = {id, offset, flags, status};
  rx_.rsp_prod_pvt++;
  PushRx();
}

bool NetBack::Deliver(const NetFrame &frame) {
  // Pieces: whole pages if it must be, smaller ones if there is room.
  const bool large = frame.gso != XEN_NETIF_GSO_TYPE_NONE;
  const size_t pages = (frame.bytes.size() + SO_PAGE_LEN - 1) / SO_PAGE_LEN;
  if (FreeSlots() < pages + 2) {
    return false;
  }
  size_t spare = std::min<size_t>(FreeSlots() - pages - 2, 2);
  size_t at = 0;
  bool first = true;
  do {
    const netif_rx_request_t q = *RING_GET_REQUEST(&rx_, rx_.req_cons);
    rx_.req_cons++;
    const size_t left = frame.bytes.size() - at;
    size_t len = std::min<size_t>(left, SO_PAGE_LEN);
    if (!eager && spare != 0 && len > 1 && Random(3) == 0) {
      len = 1 + Random(len - 1);
      spare--;
    }
    const size_t offset = eager ? 0 : Random(SO_PAGE_LEN - len + 1);
    uint8_t *const page = xen_->Look(domid_, q.gref, true);
    if (page == nullptr) {
      return Complain("rx: a page that is not granted");
    }
    memcpy(page + offset, frame.bytes.data() + at, len);
    at += len;
    netif_rx_response_t *const a = RING_GET_RESPONSE(&rx_, rx_.rsp_prod_pvt);
    *a = {q.id, static_cast<uint16_t>(offset), 0, static_cast<int16_t>(len)};
    if (at != frame.bytes.size()) {
      a->flags |= NETRXF_more_data;
    }
    rx_.rsp_prod_pvt++;
    if (first) {
      a->flags |= frame.csum_blank ? NETRXF_csum_blank : 0;
      a->flags |= frame.validated ? NETRXF_data_validated : 0;
      if (large) {
        a->flags |= NETRXF_extra_info;
        rx_.req_cons++;  // The slot of the extra segment.
        netif_extra_info_t e = {};
        e.type = XEN_NETIF_EXTRA_TYPE_GSO;
        e.u.gso.size = frame.gso_size;
        e.u.gso.type = frame.gso;
        memcpy(RING_GET_RESPONSE(&rx_, rx_.rsp_prod_pvt), &e, sizeof e);
        rx_.rsp_prod_pvt++;
      }
    }
    first = false;
  } while (at != frame.bytes.size());
  PushRx();
  return true;
}

}  // namespace so_test
