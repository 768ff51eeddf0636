#include "kernel/xen/share/share.h"

#include <set>

#include "tests/sim/xen/xen.h"
#include "tests/support/support.h"

namespace {

using so_test::Xen;

TEST(SharePool, GrantsOnceAndLendsAgainAndAgain) {
  Xen xen;
  const so_xen_grants grants = xen.grants();
  so_share_pool p;
  SO_ASSERT_OK(so_share_pool_init(&p, so_test::Heap(), &grants, 10, true));
  EXPECT_EQ(xen.pages(), 0u);
  SO_ASSERT_OK(so_share_pool_grant(&p, 7, 5));
  EXPECT_EQ(p.usable, 10u);
  EXPECT_EQ(xen.granted(), 10u);
  std::set<uint32_t> taken;
  for (int i = 0; i < 10; i++) {
    const uint32_t page = so_share_pool_take(&p);
    ASSERT_LT(page, 10u);
    EXPECT_TRUE(taken.insert(page).second);
    EXPECT_EQ(xen.Look(7, p.pages[page].ref, false), p.pages[page].ptr);
    EXPECT_EQ(xen.Look(7, p.pages[page].ref, true), nullptr);   // Read-only.
    EXPECT_EQ(xen.Look(6, p.pages[page].ref, false), nullptr);  // Another domain.
    EXPECT_EQ(p.pages[page].ptr[4095], 0);
  }
  EXPECT_EQ(so_share_pool_take(&p), SO_SHARE_NONE);
  so_share_pool_put(&p, 3);
  so_share_pool_put(&p, 8);
  EXPECT_EQ(so_share_pool_take(&p), 8u);  // The warm one.
  EXPECT_EQ(xen.grants_made, 10u);
  so_share_pool_release(&p);
  EXPECT_EQ(xen.granted(), 0u);
  EXPECT_EQ(xen.pages(), 0u);
  EXPECT_EQ(xen.misuse, "");
}

TEST(SharePool, AllOrTheLeast) {
  for (const bool pages : {false, true}) {
    Xen xen;
    const so_xen_grants grants = xen.grants();
    so_share_pool p;
    SO_ASSERT_OK(so_share_pool_init(&p, so_test::Heap(), &grants, 10, false));
    (pages ? xen.page_max : xen.ref_max) = 4;
    SO_EXPECT_CODE(SO_LIMIT, so_share_pool_grant(&p, 0, 5));
    EXPECT_EQ(xen.granted(), 0u);
    EXPECT_EQ(so_share_pool_take(&p), SO_SHARE_NONE);
    SO_EXPECT_OK(so_share_pool_grant(&p, 0, 4));
    EXPECT_EQ(p.usable, 4u);
    so_share_pool_end(&p);
    (pages ? xen.page_max : xen.ref_max) = 100;
    SO_EXPECT_OK(so_share_pool_grant(&p, 0, 10));
    so_share_pool_release(&p);
    EXPECT_EQ(xen.misuse, "");
    EXPECT_EQ(xen.pages(), 0u);
  }
}

TEST(SharePool, AMappedPageIsKeptAsideUntilItIsLetGo) {
  Xen xen;
  const so_xen_grants grants = xen.grants();
  so_share_pool p;
  SO_ASSERT_OK(so_share_pool_init(&p, so_test::Heap(), &grants, 4, false));
  SO_ASSERT_OK(so_share_pool_grant(&p, 1, 4));
  const uint32_t ref = p.pages[2].ref;
  uint8_t *const page = p.pages[2].ptr;
  ASSERT_NE(xen.Map(1, ref, true), nullptr);
  so_share_pool_end(&p);
  EXPECT_EQ(p.aside, 1u);
  EXPECT_EQ(xen.granted(), 1u);
  SO_ASSERT_OK(so_share_pool_grant(&p, 2, 3));
  EXPECT_EQ(p.usable, 3u);
  for (int i = 0; i < 3; i++) {
    EXPECT_NE(p.pages[so_share_pool_take(&p)].ptr, page);
  }
  so_share_pool_end(&p);
  SO_EXPECT_CODE(SO_LIMIT, so_share_pool_grant(&p, 2, 4));
  EXPECT_EQ(p.aside, 1u);
  xen.Unmap(ref);
  SO_ASSERT_OK(so_share_pool_grant(&p, 2, 4));
  EXPECT_EQ(p.aside, 0u);
  ASSERT_NE(xen.Map(2, p.pages[0].ref, false), nullptr);
  so_share_pool_release(&p);
  EXPECT_EQ(xen.pages(), 1u);  // Lost, rather than used while somebody else sees it.
  EXPECT_EQ(xen.misuse, "");
}

TEST(ShareRing, OldRingsThatStayMappedAreBounded) {
  Xen xen;
  const so_xen_grants grants = xen.grants();
  so_share_ring r;
  so_share_ring_init(&r, &grants);
  std::vector<uint32_t> refs;
  for (uint32_t i = 0; i < SO_SHARE_BLOCKS; i++) {
    SO_ASSERT_OK(so_share_ring_grant(&r, 0, 4));
    EXPECT_EQ(r.current->pages[4 * 4096 - 1], 0);
    for (int page = 0; page < 4; page++) {
      EXPECT_EQ(xen.Look(0, r.current->refs[page], true), r.current->pages + page * 4096);
    }
    refs.push_back(r.current->refs[1]);
    ASSERT_NE(xen.Map(0, refs.back(), true), nullptr);
    so_share_ring_end(&r);
    EXPECT_EQ(so_share_ring_aside(&r), 4 * (i + 1));
    EXPECT_EQ(xen.granted(), i + 1);
  }
  SO_EXPECT_CODE(SO_LIMIT, so_share_ring_grant(&r, 0, 1));
  xen.Unmap(refs[2]);
  SO_ASSERT_OK(so_share_ring_grant(&r, 0, 16));
  EXPECT_EQ(so_share_ring_aside(&r), 12u);
  so_share_ring_end(&r);
  for (const uint32_t ref : refs) {
    xen.Unmap(ref);
  }
  SO_ASSERT_OK(so_share_ring_grant(&r, 0, 1));
  so_share_ring_end(&r);
  EXPECT_EQ(xen.pages(), 0u);
  EXPECT_EQ(xen.misuse, "");
}

TEST(ShareRing, NothingStaysWhenItFails) {
  Xen xen;
  const so_xen_grants grants = xen.grants();
  so_share_ring r;
  so_share_ring_init(&r, &grants);
  xen.ref_max = 3;
  SO_EXPECT_CODE(SO_LIMIT, so_share_ring_grant(&r, 0, 4));
  EXPECT_EQ(xen.granted(), 0u);
  EXPECT_EQ(xen.pages(), 0u);
  xen.page_max = 3;
  SO_EXPECT_CODE(SO_LIMIT, so_share_ring_grant(&r, 0, 4));
  SO_EXPECT_OK(so_share_ring_grant(&r, 0, 3));
  so_share_ring_end(&r);
  EXPECT_EQ(xen.misuse, "");
}

}  // namespace
