// The table of pages over a site in memory.

#include "apps/website/pages.h"

#include <map>
#include <memory>
#include <string>

#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

using so_test::Text;

struct Fake {
  std::map<std::string, std::pair<uint64_t, std::string>> files;  // Version and content.
  int opens = 0;
  int open_now = 0;
  bool fail = false;
  bool has_tag = false;
};

so_status FakeOpen(void *ctx, so_bytes path, so_site_info *info, void **file) {
  Fake *const f = static_cast<Fake *>(ctx);
  f->opens++;
  *file = nullptr;
  *info = {};
  if (f->fail) {
    return so_status_make(SO_IO, 0);
  }
  if (Text(path) == "dir") {
    info->is_directory = true;
    return so_done();
  }
  const auto at = f->files.find(Text(path));
  if (at == f->files.end()) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  info->version[0] = at->second.first;
  info->size = at->second.second.size();
  info->has_tag = f->has_tag;
  *file = &at->second;
  f->open_now++;
  return so_done();
}

so_status FakeRead(void *, void *file, uint64_t offset, uint8_t *buf, size_t cap, size_t *out_len) {
  const std::string &s = static_cast<std::pair<uint64_t, std::string> *>(file)->second;
  *out_len = offset >= s.size() ? 0 : s.copy(reinterpret_cast<char *>(buf), cap < 7 ? cap : 7, offset);
  return so_done();
}

void FakeCloseFile(void *ctx, void *) { static_cast<Fake *>(ctx)->open_now--; }
void FakeClose(void *) {}

class PagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const so_site_ops ops = {FakeOpen, FakeRead, FakeCloseFile, FakeClose};
    sim_ = so_sim_make(nullptr);
    world_ = *so_sim_world(sim_);
    world_.clock = {[](void *ctx) { return *static_cast<uint64_t *>(ctx); },
                    [](void *) { return int64_t{0}; }, &now_};
    const so_site site = {&ops, &fake_};
    pages_ = std::make_unique<so_pages>();
    used_before_ = so_sim_heap_used(sim_);
    so_pages_init(pages_.get(), &world_, &site, 20000);
  }
  void TearDown() override {
    so_pages_release(pages_.get());
    EXPECT_EQ(0u, pages_->used);
    EXPECT_EQ(used_before_, so_sim_heap_used(sim_));
    EXPECT_EQ(0, fake_.open_now);
    so_sim_free(sim_);
  }

  so_page *Get(const char *path) {
    so_page *page = nullptr;
    SO_EXPECT_OK(so_pages_get(pages_.get(), so_str(path), &page));
    return page;
  }
  void Touch(const char *path) { so_pages_put(pages_.get(), Get(path)); }
  static std::string Body(const so_page *page, so_page_coding coding = SO_PAGE_PLAIN) {
    const so_page_form &f = page->forms[coding];
    return Text(so_bytes_of(f.body, static_cast<size_t>(f.size)));
  }
  static std::string Tag(const so_page *page, so_page_coding coding = SO_PAGE_PLAIN) {
    return Text(so_bytes_of(page->forms[coding].etag, page->forms[coding].etag_len));
  }

  so_sim *sim_;
  so_world world_;
  uint64_t now_ = 5;
  size_t used_before_;
  Fake fake_;
  std::unique_ptr<so_pages> pages_;
};

TEST_F(PagesTest, APageHasContentAndTheTagOfIt) {
  fake_.files["a.txt"] = {1, "hello hello"};
  so_page *page = Get("a.txt");
  EXPECT_EQ("hello hello", Body(page));
  EXPECT_EQ(2u * SO_SITE_TAG_LEN + 2, Tag(page).size());
  EXPECT_FALSE(page->forms[SO_PAGE_GZIP].exists);  // Too short.
  so_pages_put(pages_.get(), page);
  fake_.files["b.txt"] = {2, "hello hello"};
  so_page *other = Get("b.txt");
  EXPECT_EQ(Tag(page), Tag(other));
  so_pages_put(pages_.get(), other);
}

TEST_F(PagesTest, WithinASecondNobodyLooksAgain) {
  fake_.files["a.png"] = {1, "x"};
  Touch("a.png");
  const int opens = fake_.opens;
  now_ += SO_PAGE_FRESH_NS - 1;
  Touch("a.png");
  EXPECT_EQ(opens, fake_.opens);
  now_++;
  Touch("a.png");
  EXPECT_EQ(opens + 1, fake_.opens);
  EXPECT_EQ(1u, pages_->loads);
}

TEST_F(PagesTest, ASmallMachineKeepsNoMoreThanItsShare) {
  const auto init = [this](size_t memory_len, size_t budget) {
    const so_site site = pages_->site;
    so_pages_release(pages_.get());
    world_.memory_len = memory_len;
    so_pages_init(pages_.get(), &world_, &site, budget);
  };
  init(256 << 10, 10 << 20);  // A share of 64 KiB, bodies of 8 KiB at most.
  for (int i = 0; i < 40; i++) {
    fake_.files["f" + std::to_string(i) + ".png"] = {1, std::string(8 << 10, 'x')};
    Touch(("f" + std::to_string(i) + ".png").c_str());
    EXPECT_LE(pages_->used, 64u << 10);
  }
  EXPECT_GT(pages_->used, 48u << 10);
  fake_.has_tag = true;  // Of a file that is not kept, nothing has to be read for one.
  fake_.files["large.png"] = {1, std::string((8 << 10) + 1, 'x')};
  so_page *page = Get("large.png");
  EXPECT_EQ(nullptr, page->forms[SO_PAGE_PLAIN].body);  // Read from the site for each request.
  EXPECT_EQ((8u << 10) + 1, page->forms[SO_PAGE_PLAIN].size);
  so_pages_put(pages_.get(), page);

  init(256 << 10, 10000);  // What was asked for is less.
  Touch("f1.png");
  EXPECT_LT(pages_->used, 10000u);
  init(0, 10 << 20);  // No bound that matters.
  page = Get("large.png");
  EXPECT_NE(nullptr, page->forms[SO_PAGE_PLAIN].body);
  so_pages_put(pages_.get(), page);
}

TEST_F(PagesTest, AChangeMakesANewPageAndWhoHasTheOldOneKeepsIt) {
  fake_.files["a.png"] = {1, "old"};
  so_page *old = Get("a.png");
  fake_.files["a.png"] = {2, "new!"};
  now_ += SO_PAGE_FRESH_NS;
  so_page *page = Get("a.png");
  EXPECT_EQ("new!", Body(page));
  EXPECT_EQ("old", Body(old));
  EXPECT_NE(Tag(page), Tag(old));
  so_pages_put(pages_.get(), old);
  so_pages_put(pages_.get(), page);
  fake_.files.erase("a.png");
  now_ += SO_PAGE_FRESH_NS;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_pages_get(pages_.get(), so_str("a.png"), &page));
}

TEST_F(PagesTest, TextIsCompressedOnceOrTakenFromBesideIt) {
  fake_.files["a.txt"] = {1, std::string(1000, 'a')};
  so_page *page = Get("a.txt");
  ASSERT_TRUE(page->forms[SO_PAGE_GZIP].exists);
  EXPECT_LT(page->forms[SO_PAGE_GZIP].size, 100u);
  EXPECT_EQ(Tag(page).substr(0, 33) + "-gz\"", Tag(page, SO_PAGE_GZIP));
  so_pages_put(pages_.get(), page);
  fake_.files["a.txt.gz"] = {1, "ready-made"};
  now_ += SO_PAGE_FRESH_NS;
  page = Get("a.txt");
  EXPECT_EQ("ready-made", Body(page, SO_PAGE_GZIP));
  so_pages_put(pages_.get(), page);
  fake_.files["a.txt.gz"] = {2, "changed"};
  now_ += SO_PAGE_FRESH_NS;
  page = Get("a.txt");
  EXPECT_EQ("changed", Body(page, SO_PAGE_GZIP));
  so_pages_put(pages_.get(), page);
}

TEST_F(PagesTest, TheLongestUnusedLeavesWhenTheBudgetIsUsedUp) {
  for (int i = 0; i < 6; i++) {
    fake_.files[std::to_string(i) + ".png"] = {1, std::string(5000, static_cast<char>(i))};
    Touch((std::to_string(i) + ".png").c_str());
    EXPECT_LE(pages_->used, 20000u);
    Touch("0.png");
  }
  EXPECT_EQ(6u, pages_->loads);  // "0" was used all the time and stayed.
  Touch("5.png");
  EXPECT_EQ(6u, pages_->loads);
  Touch("1.png");
  EXPECT_EQ(7u, pages_->loads);
}

TEST_F(PagesTest, APageInUseOutlivesItsPlace) {
  fake_.files["a.png"] = {1, std::string(9000, 'a')};
  fake_.files["b.png"] = {1, std::string(19000, 'b')};
  so_page *a = Get("a.png");
  Touch("b.png");
  EXPECT_TRUE(a->dropped);
  EXPECT_EQ(std::string(9000, 'a'), Body(a));
  so_pages_put(pages_.get(), a);
  EXPECT_LE(pages_->used, 20000u);
}

TEST_F(PagesTest, DirectoriesFailuresAndWhatIsNotThereLeaveNothing) {
  so_page *page;
  SO_EXPECT_CODE(SO_CONFLICT, so_pages_get(pages_.get(), so_str("dir"), &page));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_pages_get(pages_.get(), so_str("none"), &page));
  fake_.fail = true;
  SO_EXPECT_CODE(SO_IO, so_pages_get(pages_.get(), so_str("none"), &page));
  EXPECT_EQ(0u, pages_->used);
}

TEST_F(PagesTest, APageThatWasForgottenIsLoadedAnew) {
  fake_.files["a.png"] = {1, "x"};
  so_page *page = Get("a.png");
  so_pages_forget(pages_.get(), page);
  so_pages_forget(pages_.get(), page);
  so_pages_put(pages_.get(), page);
  Touch("a.png");
  EXPECT_EQ(2u, pages_->loads);
}

}  // namespace
