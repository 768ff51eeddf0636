#include "kernel/xen/event/event.h"

#include <map>
#include <memory>
#include <set>

#include "tests/support/support.h"

namespace {

class EventTest : public testing::Test {
 protected:
  EventTest() : shared_(new shared_info) {
    memset(shared_.get(), 0, sizeof *shared_);
    so_xen_events_init(&e_, nullptr, true);
    so_xen_events_attach(&e_, shared_.get());
  }
  // What Xen does when another domain notifies.
  void Send(uint32_t port) {
    shared_->evtchn_pending[port / 64] |= uint64_t{1} << (port % 64);
    if ((shared_->evtchn_mask[port / 64] >> (port % 64) & 1) == 0) {
      shared_->vcpu_info[0].evtchn_pending_sel |= uint64_t{1} << (port / 64);
      shared_->vcpu_info[0].evtchn_upcall_pending = 1;
    }
  }
  bool Pending(uint32_t port) { return shared_->evtchn_pending[port / 64] >> (port % 64) & 1; }
  bool Masked(uint32_t port) { return shared_->evtchn_mask[port / 64] >> (port % 64) & 1; }
  uint32_t Add(uint32_t port) {
    uint32_t index = 99;
    SO_EXPECT_OK(so_xen_events_add(&e_, port, nullptr, &index));
    return index;
  }

  std::unique_ptr<shared_info> shared_;
  so_xen_events e_;
};

TEST_F(EventTest, ANewPortCountsAsFiredOnce) {
  const uint32_t i = Add(5);
  EXPECT_TRUE(so_xen_events_any(&e_));
  EXPECT_TRUE(so_xen_events_take(&e_, i));
  EXPECT_FALSE(so_xen_events_take(&e_, i));
  EXPECT_FALSE(so_xen_events_any(&e_));
}

TEST_F(EventTest, ScanTakesPendingBitsOverAndClearsThem) {
  const uint32_t a = Add(5), b = Add(64), c = Add(4095);
  for (const uint32_t i : {a, b, c}) so_xen_events_take(&e_, i);
  EXPECT_FALSE(so_xen_events_scan(&e_));
  Send(64);
  Send(4095);
  EXPECT_TRUE(so_xen_events_any(&e_));
  EXPECT_TRUE(so_xen_events_scan(&e_));
  EXPECT_FALSE(Pending(64));
  EXPECT_FALSE(Pending(4095));
  EXPECT_FALSE(so_xen_events_take(&e_, a));
  EXPECT_TRUE(so_xen_events_take(&e_, b));
  EXPECT_TRUE(so_xen_events_take(&e_, c));
  EXPECT_FALSE(so_xen_events_scan(&e_));
  EXPECT_EQ(2u, e_.fired);
}

TEST_F(EventTest, LeavesPortsOfOthersAlone) {
  Add(5);
  Send(6);
  EXPECT_FALSE(so_xen_events_scan(&e_));
  EXPECT_TRUE(Pending(6));
}

TEST_F(EventTest, MaskedTablesStayMaskedAndOthersDoNot) {
  Add(5);
  EXPECT_TRUE(Masked(5));
  EXPECT_TRUE(Masked(4095));
  Send(5);
  EXPECT_EQ(0, shared_->vcpu_info[0].evtchn_upcall_pending);

  so_xen_events_init(&e_, nullptr, false);
  so_xen_events_attach(&e_, shared_.get());
  const uint32_t i = Add(70);
  EXPECT_FALSE(Masked(70));
  EXPECT_TRUE(Masked(71));
  Send(70);
  EXPECT_EQ(1, shared_->vcpu_info[0].evtchn_upcall_pending);
  EXPECT_TRUE(so_xen_events_scan(&e_));
  EXPECT_EQ(0, shared_->vcpu_info[0].evtchn_upcall_pending);
  EXPECT_EQ(0u, shared_->vcpu_info[0].evtchn_pending_sel);
  so_xen_events_drop(&e_, i);
  EXPECT_TRUE(Masked(70));
}

TEST_F(EventTest, RefusesNonsense) {
  uint32_t index;
  SO_EXPECT_CODE(SO_LIMIT, so_xen_events_add(&e_, 0, nullptr, &index));
  SO_EXPECT_CODE(SO_LIMIT, so_xen_events_add(&e_, 4096, nullptr, &index));
  Add(4095);
  SO_EXPECT_CODE(SO_CONFLICT, so_xen_events_add(&e_, 4095, nullptr, &index));
  EXPECT_FALSE(so_xen_events_take(&e_, 77));
  so_xen_events_drop(&e_, 77);
}

TEST_F(EventTest, TakesAsManyPortsAsItSays) {
  uint32_t index;
  for (uint32_t p = 1; p <= SO_XEN_EVENTS_MAX; p++) Add(p);
  SO_EXPECT_CODE(SO_LIMIT, so_xen_events_add(&e_, 100, nullptr, &index));
  evtchn_port_t ports[SO_XEN_EVENTS_MAX];
  EXPECT_EQ(SO_XEN_EVENTS_MAX, so_xen_events_ports(&e_, ports));
  so_xen_events_drop(&e_, 10);
  EXPECT_EQ(SO_XEN_EVENTS_MAX - 1, so_xen_events_ports(&e_, ports));
  EXPECT_EQ(10u, Add(100));
}

TEST_F(EventTest, ADroppedPortLeavesNothingBehind) {
  const uint32_t i = Add(9);
  Send(9);
  so_xen_events_drop(&e_, i);
  EXPECT_FALSE(Pending(9));
  EXPECT_FALSE(so_xen_events_any(&e_));
  evtchn_port_t ports[SO_XEN_EVENTS_MAX];
  EXPECT_EQ(0u, so_xen_events_ports(&e_, ports));
}

TEST_F(EventTest, AnotherPageForgetsAllPorts) {
  Add(9);
  Add(10);
  std::unique_ptr<shared_info> other(new shared_info);
  memset(other.get(), 0, sizeof *other);
  so_xen_events_attach(&e_, other.get());
  EXPECT_FALSE(so_xen_events_any(&e_));
  EXPECT_EQ(~uint64_t{0}, other->evtchn_mask[63]);
  evtchn_port_t ports[SO_XEN_EVENTS_MAX];
  EXPECT_EQ(0u, so_xen_events_ports(&e_, ports));
}

TEST_F(EventTest, CountsAreVisible) {
  Add(3);
  Send(3);
  so_xen_events_scan(&e_);
  std::map<std::string, uint64_t> m;
  so_xen_events_metrics(
      &e_,
      [](void *ctx, const char *name, so_metric_kind, uint64_t v) {
        (*static_cast<std::map<std::string, uint64_t> *>(ctx))[name] = v;
      },
      &m);
  EXPECT_EQ(1u, m["xen_event_ports"]);
  EXPECT_EQ(1u, m["xen_events"]);
  EXPECT_EQ(1u, m["xen_event_scans"]);
}

}  // namespace
