#include "tests/sim/xen/block_back.h"

#include <algorithm>

namespace so_test {

void BlockBack::Publish(const Offer &offer, Keys *back) {
  offer_ = offer;
  back->values.clear();
  const auto number = [back](const char *key, uint64_t v) {
    back->values[key] = std::to_string(v);
  };
  if (offer.ring_order != 0) {
    number("max-ring-page-order", offer.ring_order);
  }
  if (offer.indirect != 0) {
    number("feature-max-indirect-segments", offer.indirect);
  }
  number("feature-persistent", offer.persistent);
  number("feature-flush-cache", offer.flush);
  number("feature-barrier", offer.barrier);
  number("sectors", so_sim_block_port(disk_).capacity / 512);
  number("sector-size", offer.unit_len);
  number("info", offer.read_only ? VDISK_READONLY : 0);
}

bool BlockBack::Complain(const std::string &what) {
  if (complaint.empty()) {
    complaint = what;
  }
  return false;
}

// Ring pages lie side by side in the front end's memory; a real back end maps them side by side.
bool BlockBack::Attach(const Keys &front) {
  const auto protocol = front.values.find("protocol");
  if (protocol == front.values.end() || protocol->second != XEN_IO_PROTO_ABI_NATIVE ||
      front.Number("event-channel") == 0) {
    return Complain("attach: keys are missing");
  }
  const uint64_t order = front.Number("ring-page-order");
  if (order > offer_.ring_order || (front.Has("ring-ref") && front.Has("ring-page-order"))) {
    return Complain("attach: a ring of a size that was not offered");
  }
  keep_mapped_ = offer_.persistent && front.Number("feature-persistent") == 1;
  uint8_t *first = nullptr;
  for (uint64_t i = 0; i < 1u << order; i++) {
    const std::string key = order == 0 ? "ring-ref" : "ring-ref" + std::to_string(i);
    const auto ref = static_cast<uint32_t>(front.Number(key));
    uint8_t *const page = xen_->Map(domid_, ref, true);
    if (page == nullptr || (i != 0 && page != first + i * SO_PAGE_LEN)) {
      return Complain("attach: a page of the ring is not granted");
    }
    ring_refs_.push_back(ref);
    first = i == 0 ? page : first;
  }
  shared_ = reinterpret_cast<blkif_sring_t *>(first);
  BACK_RING_INIT(&ring_, shared_, SO_PAGE_LEN << order);
  return true;
}

void BlockBack::Detach(bool unmap) {
  if (unmap) {
    for (const Pending &p : pending) {
      for (const uint32_t ref : p.mapped) {
        xen_->Unmap(ref);
      }
    }
    for (const uint32_t ref : persistent_) {
      xen_->Unmap(ref);
    }
    for (const uint32_t ref : ring_refs_) {
      xen_->Unmap(ref);
    }
  }
  pending.clear();
  persistent_.clear();
  ring_refs_.clear();
  shared_ = nullptr;
}

uint8_t *BlockBack::PageOf(uint32_t ref, bool write) {
  if (keep_mapped_) {
    if (persistent_.count(ref) == 0) {
      if (xen_->Map(domid_, ref, true) == nullptr) {
        return nullptr;
      }
      persistent_.insert(ref);
    }
    return xen_->Look(domid_, ref, true);
  }
  return xen_->Look(domid_, ref, write);
}

// --- requests -------------------------------------------------------------------------------

bool BlockBack::TakeSegments(const blkif_request_t &q, Pending *p) {
  if (q.operation != BLKIF_OP_INDIRECT) {
    if (q.nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
      return Complain("too many segments");
    }
    p->segments.assign(q.seg, q.seg + q.nr_segments);
    return true;
  }
  blkif_request_indirect_t in;
  memcpy(&in, &q, sizeof in);
  p->operation = in.indirect_op;
  p->indirect = true;
  p->id = in.id;
  p->sector = in.sector_number;
  indirect_taken++;
  if (in.nr_segments == 0 || in.nr_segments > offer_.indirect || in.nr_segments > 512) {
    return Complain("more indirect segments than were offered, or none");
  }
  const uint8_t *const page = PageOf(in.indirect_grefs[0], false);
  if (page == nullptr) {
    return Complain("an indirect page that is not granted");
  }
  p->segments.resize(in.nr_segments);
  memcpy(p->segments.data(), page, in.nr_segments * sizeof(blkif_request_segment));
  return true;
}

bool BlockBack::Check(const Pending &p) {
  const bool data = p.operation == BLKIF_OP_READ || p.operation == BLKIF_OP_WRITE;
  if (!data && p.operation != BLKIF_OP_FLUSH_DISKCACHE && p.operation != BLKIF_OP_WRITE_BARRIER) {
    return Complain("an operation that does not exist");
  }
  if (data == p.segments.empty()) {
    return Complain("segments where none belong, or none where they do");
  }
  if ((p.operation == BLKIF_OP_FLUSH_DISKCACHE && !offer_.flush) ||
      (p.operation == BLKIF_OP_WRITE_BARRIER && !offer_.barrier) ||
      (p.operation == BLKIF_OP_WRITE && offer_.read_only)) {
    return Complain("an operation that was not offered");
  }
  uint64_t sectors = 0;
  for (const blkif_request_segment &s : p.segments) {
    if (s.last_sect > 7 || s.first_sect > s.last_sect) {
      return Complain("a segment outside of its page");
    }
    sectors += s.last_sect - s.first_sect + 1u;
  }
  const uint64_t unit = offer_.unit_len / 512;
  if (p.sector % unit != 0 || sectors % unit != 0 ||
      (p.sector + sectors) * 512 > so_sim_block_port(disk_).capacity) {
    return Complain("sectors outside of the disk, or parts of some");
  }
  return true;
}

bool BlockBack::Take() {
  const blkif_request_t q = *RING_GET_REQUEST(&ring_, ring_.req_cons);
  ring_.req_cons++;
  Pending p = {q.id, q.operation, false, q.sector_number, {}, {}, false, BLKIF_RSP_OKAY};
  if (!TakeSegments(q, &p) || !Check(p)) {
    return false;
  }
  if (!keep_mapped_) {
    for (const blkif_request_segment &s : p.segments) {
      if (xen_->Map(domid_, s.gref, p.operation == BLKIF_OP_READ) == nullptr) {
        return Complain("a page that is not granted");
      }
      p.mapped.push_back(s.gref);
    }
  }
  pending.push_back(std::move(p));
  pending_max = std::max(pending_max, pending.size());
  return true;
}

int16_t BlockBack::Execute(const Pending &p) {
  const so_block disk = so_sim_block_port(disk_);
  if (p.segments.empty()) {
    if (flush_status != BLKIF_RSP_OKAY && p.operation == BLKIF_OP_FLUSH_DISKCACHE) {
      return flush_status;
    }
    return so_ok(so_block_flush(&disk)) ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
  }
  uint64_t at = p.sector * 512;
  std::string bytes;
  for (const blkif_request_segment &s : p.segments) {
    uint8_t *const page = PageOf(s.gref, p.operation == BLKIF_OP_READ);
    if (page == nullptr) {
      Complain("a page that is not granted");
      return BLKIF_RSP_ERROR;
    }
    const size_t off = s.first_sect * 512u;
    const size_t len = (s.last_sect - s.first_sect + 1u) * 512u;
    if (p.operation == BLKIF_OP_WRITE) {
      bytes.append(reinterpret_cast<char *>(page) + off, len);
    } else {
      so_sim_block_peek(disk_, at, page + off, len);
      at += len;
    }
  }
  if (p.operation == BLKIF_OP_WRITE &&
      !so_ok(so_block_write(&disk, at, so_bytes_of(bytes.data(), bytes.size())))) {
    return BLKIF_RSP_ERROR;
  }
  return status;
}

void BlockBack::Push() {
  int notify;
  RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&ring_, notify);
  notified += notify;
}

void BlockBack::Answer(uint64_t id, uint8_t operation, int16_t result) {
  blkif_response_t *const a = RING_GET_RESPONSE(&ring_, ring_.rsp_prod_pvt);
  a->id = id;
  a->operation = operation;
  a->status = result;
  ring_.rsp_prod_pvt++;
  Push();
}

bool BlockBack::Step() {
  if (!attached() || silent) {
    return false;
  }
  bool any = false;
  while (kicked_ || !only_when_kicked) {
    while (RING_HAS_UNCONSUMED_REQUESTS(&ring_)) {
      if (!Take()) {
        return any;
      }
      any = true;
    }
    int more;
    RING_FINAL_CHECK_FOR_REQUESTS(&ring_, more);
    if (!more) {
      kicked_ = false;
      break;
    }
  }
  while (!hold && !pending.empty() && (eager || Random(4) != 0)) {
    const size_t i = eager ? 0 : Random(pending.size());
    any = true;
    if (!pending[i].executed) {
      pending[i].result = Execute(pending[i]);
      pending[i].executed = true;
      if (!eager && Random(3) == 0) {
        continue;
      }
    }
    const Pending p = pending[i];
    pending.erase(pending.begin() + static_cast<long>(i));
    for (const uint32_t ref : p.mapped) {
      xen_->Unmap(ref);
    }
    // To an indirect request some back ends name the operation inside, some the one outside.
    Answer(p.id, p.indirect && Random(2) == 0 ? BLKIF_OP_INDIRECT : p.operation, p.result);
  }
  return any;
}

}  // namespace so_test
