#include "kernel/xen/grant/grant.h"

#include <xen/xen.h>
#include <xen/grant_table.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "tests/support/support.h"

namespace {

using Page = std::array<grant_entry_v1_t, SO_GRANT_ENTRIES_PER_PAGE>;

// The other side of the table: Xen, and a domain that maps what it was granted.
class Xen {
 public:
  so_grant_ops Ops() {
    return {[](void *ctx, uint32_t index) { return static_cast<Xen *>(ctx)->TablePage(index); },
            this};
  }
  grant_entry_v1_t &Entry(uint32_t ref) { return (*pages.at(ref / 512))[ref % 512]; }
  bool Map(uint32_t ref, uint16_t domid, bool write) {
    grant_entry_v1_t &e = Entry(ref);
    if ((e.flags & GTF_type_mask) != GTF_permit_access || e.domid != domid ||
        (write && (e.flags & GTF_readonly) != 0)) {
      return false;
    }
    e.flags = static_cast<uint16_t>(e.flags | GTF_reading | (write ? GTF_writing : 0));
    return true;
  }
  void Unmap(uint32_t ref) {
    Entry(ref).flags =
        static_cast<uint16_t>(Entry(ref).flags & ~(GTF_reading | GTF_writing));
  }

  std::map<uint32_t, std::unique_ptr<Page>> pages;
  uint32_t page_limit = 100;

 private:
  void *TablePage(uint32_t index) {
    if (index >= page_limit) return nullptr;
    pages[index] = std::make_unique<Page>();
    memset(pages[index]->data(), 0, sizeof(Page));
    return pages[index]->data();
  }
};

class GrantTest : public testing::Test {
 protected:
  void Start(uint32_t page_max) {
    const so_grant_ops ops = xen_.Ops();
    SO_ASSERT_OK(so_grant_init(&t_, so_test::Heap(), &ops, page_max));
  }
  ~GrantTest() override { so_grant_release(&t_); }
  uint32_t Grant(uint16_t domid, uint32_t frame, bool read_only = false) {
    uint32_t ref = 0;
    EXPECT_TRUE(so_grant_page(&t_, domid, frame, read_only, &ref));
    return ref;
  }
  Xen xen_;
  so_grant_table t_ = {};
};

TEST_F(GrantTest, WritesWhatXenReads) {
  Start(1);
  const uint32_t ref = Grant(3, 0x12345);
  EXPECT_GE(ref, 8u);
  EXPECT_EQ(3, xen_.Entry(ref).domid);
  EXPECT_EQ(0x12345u, xen_.Entry(ref).frame);
  EXPECT_EQ(GTF_permit_access, xen_.Entry(ref).flags);
  const uint32_t ro = Grant(0, 7, true);
  EXPECT_EQ(GTF_permit_access | GTF_readonly, xen_.Entry(ro).flags);
  EXPECT_TRUE(xen_.Map(ro, 0, false));
  EXPECT_FALSE(xen_.Map(ro, 0, true));
}

TEST_F(GrantTest, RefusesToEndWhatIsMapped) {
  Start(1);
  const uint32_t ref = Grant(0, 5);
  ASSERT_TRUE(xen_.Map(ref, 0, true));
  EXPECT_FALSE(so_grant_end(&t_, ref));
  EXPECT_EQ(5u, xen_.Entry(ref).frame);
  EXPECT_NE(0, xen_.Entry(ref).flags);
  EXPECT_EQ(1u, t_.stats.still_mapped);
  // It is not given to anybody else meanwhile.
  for (int i = 0; i < 100; i++) EXPECT_NE(ref, Grant(0, 6));
  xen_.Unmap(ref);
  EXPECT_TRUE(so_grant_end(&t_, ref));
  EXPECT_EQ(0, xen_.Entry(ref).flags);
  EXPECT_FALSE(xen_.Map(ref, 0, false));
  EXPECT_EQ(ref, Grant(0, 9));
}

TEST_F(GrantTest, RefusesToEndWhatIsNotGivenOut) {
  Start(1);
  const uint32_t ref = Grant(0, 5);
  EXPECT_TRUE(so_grant_end(&t_, ref));
  for (const uint32_t bad : {ref, ref + 1, 0u, 7u, 511u, 512u, 16384u, UINT32_MAX}) {
    EXPECT_FALSE(so_grant_end(&t_, bad)) << bad;
  }
  EXPECT_EQ(8u, t_.stats.bad_ends);
}

TEST_F(GrantTest, GrowsUpToItsLimitAndSaysWhenItIsFull) {
  Start(3);
  std::set<uint32_t> refs;
  for (uint32_t i = 0; i < 3 * 512 - 8; i++) refs.insert(Grant(1, i));
  EXPECT_EQ(3u * 512 - 8, refs.size());
  EXPECT_EQ(8u, *refs.begin());
  EXPECT_EQ(3u * 512 - 1, *refs.rbegin());
  EXPECT_EQ(3u, xen_.pages.size());
  uint32_t ref = 77;
  EXPECT_FALSE(so_grant_page(&t_, 1, 1, false, &ref));
  EXPECT_EQ(77u, ref);
  EXPECT_EQ(1u, t_.stats.refused);
  EXPECT_TRUE(so_grant_end(&t_, 600));
  EXPECT_EQ(600u, Grant(1, 1));
}

TEST_F(GrantTest, XenRefusesMorePages) {
  xen_.page_limit = 1;
  Start(32);
  for (uint32_t i = 0; i < 512 - 8; i++) Grant(1, i);
  uint32_t ref;
  EXPECT_FALSE(so_grant_page(&t_, 1, 1, false, &ref));
  xen_.page_limit = 2;  // Later it can.
  EXPECT_TRUE(so_grant_page(&t_, 1, 1, false, &ref));
}

TEST_F(GrantTest, NoFirstPageIsAnError) {
  xen_.page_limit = 0;
  const so_grant_ops ops = xen_.Ops();
  SO_EXPECT_CODE(SO_LIMIT, so_grant_init(&t_, so_test::Heap(), &ops, 4));
  so_heap_budget budget;
  const so_heap none = so_heap_budget_init(&budget, so_test::Heap(), 16);
  xen_.page_limit = 9;
  SO_EXPECT_CODE(SO_LIMIT, so_grant_init(&t_, &none, &ops, 4));
}

// Back from suspend: the new table is empty, and what was given out before can be ended although
// another front end was granted new pages in between.
TEST_F(GrantTest, OldReferencesEndAfterRenewWithoutHarmToNewOnes) {
  Start(2);
  std::vector<uint32_t> old;
  for (uint32_t i = 0; i < 600; i++) old.push_back(Grant(0, i));
  ASSERT_TRUE(xen_.Map(old[3], 0, true));
  SO_ASSERT_OK(so_grant_renew(&t_));
  const uint32_t fresh = Grant(5, 4242);
  EXPECT_EQ(0, std::count(old.begin(), old.end(), fresh));
  for (const uint32_t ref : old) EXPECT_TRUE(so_grant_end(&t_, ref));
  EXPECT_EQ(4242u, xen_.Entry(fresh).frame);
  EXPECT_TRUE(xen_.Map(fresh, 5, true));
  EXPECT_EQ(1u, t_.used);
  xen_.page_limit = 0;
  SO_EXPECT_CODE(SO_LIMIT, so_grant_renew(&t_));
}

TEST_F(GrantTest, ThePortNamesPagesByTheirFrame) {
  Start(1);
  so_pages_port pages = {};
  const so_xen_grants port = so_grant_port(&t_, &pages);
  alignas(4096) static uint8_t page[4096];
  uint32_t ref = 0;
  ASSERT_TRUE(port.grant(port.ctx, 2, page, false, &ref));
  EXPECT_EQ(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(page) >> 12), xen_.Entry(ref).frame);
  EXPECT_TRUE(port.end(port.ctx, ref));
}

// Random grants, maps, unmaps and ends against a model.
TEST_F(GrantTest, AgreesWithAModel) {
  Start(2);
  std::mt19937_64 random(20);
  struct Given {
    uint32_t frame;
    bool mapped;
  };
  std::map<uint32_t, Given> given;
  for (uint32_t step = 0; step < 40000; step++) {
    const uint64_t what = random() % 4;
    if (what == 0 || given.empty()) {
      uint32_t ref;
      const bool ok = so_grant_page(&t_, 1, step, false, &ref);
      ASSERT_EQ(given.size() < 1024 - 8, ok);
      if (ok) {
        ASSERT_EQ(0u, given.count(ref));
        given[ref] = {step, false};
      }
      continue;
    }
    auto it = given.lower_bound(static_cast<uint32_t>(random() % 1024));
    if (it == given.end()) it = given.begin();
    ASSERT_EQ(it->second.frame, xen_.Entry(it->first).frame);
    if (what == 1) {
      ASSERT_TRUE(xen_.Map(it->first, 1, random() % 2 != 0));
      it->second.mapped = true;
    } else if (what == 2) {
      xen_.Unmap(it->first);
      it->second.mapped = false;
    } else {
      ASSERT_EQ(!it->second.mapped, so_grant_end(&t_, it->first));
      if (!it->second.mapped) given.erase(it);
    }
    ASSERT_EQ(given.size(), t_.used);
  }
}

TEST_F(GrantTest, CountsAreVisible) {
  Start(1);
  so_grant_end(&t_, Grant(1, 1));
  Grant(1, 2);
  std::map<std::string, uint64_t> m;
  so_grant_metrics(
      &t_,
      [](void *ctx, const char *name, so_metric_kind, uint64_t v) {
        (*static_cast<std::map<std::string, uint64_t> *>(ctx))[name] = v;
      },
      &m);
  EXPECT_EQ(1u, m["xen_grants"]);
  EXPECT_EQ(2u, m["xen_grants_made"]);
  EXPECT_EQ(1u, m["xen_grant_table_pages"]);
}

}  // namespace
