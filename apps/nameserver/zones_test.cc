// Zones loaded from text with included files, and replaced while they are served.

#include <map>
#include <memory>
#include <string>

#include "apps/nameserver/nameserver.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

const char kHead[] = "$TTL 60\n@ SOA ns h 7 60 60 60 60\n@ NS ns\nns A 192.0.2.1\n";

class ZonesTest : public ::testing::Test {
 protected:
  ZonesTest() : sim_(so_sim_make(nullptr)), options_(new so_ns_options()) {
    heap_before_ = so_sim_heap_used(sim_);
    ns_ = static_cast<so_nameserver *>(
        so_heap_alloc_array(so_sim_world(sim_)->heap, 1, sizeof *ns_));
    ns_->world = so_sim_world(sim_);
    ns_->options = options_.get();
    const so_dns_server_config config = {};
    so_dns_server_init(&ns_->server, &config);
  }
  ~ZonesTest() override {
    so_ns_release_zones(ns_);
    so_heap_free(so_sim_world(sim_)->heap, ns_, sizeof *ns_);
    EXPECT_EQ(so_sim_heap_used(sim_), heap_before_) << "memory that nobody gave back";
    so_sim_free(sim_);
  }

  so_ns_zone *Load(const std::string &text, const std::string &file = "dir/zone",
                   const std::string &origin = "example.org") {
    so_dns_name name;
    const so_bytes none = {nullptr, 0};
    SO_EXPECT_OK(so_dns_name_from_text(so_test::View(origin), none, &name));
    return so_ns_load_text(ns_, so_test::View(file), so_dns_name_view(&name), so_test::View(text),
                           Read, this);
  }
  std::string Said() { return so_test::Text(so_sim_console(sim_)); }

  std::map<std::string, std::string> files_;
  so_sim *sim_;
  size_t heap_before_;
  std::unique_ptr<so_ns_options> options_;
  so_nameserver *ns_;

 private:
  static so_status Read(void *ctx, so_bytes path, so_buf *out) {
    ZonesTest *const t = static_cast<ZonesTest *>(ctx);
    const auto found = t->files_.find(so_test::Text(path));
    if (found == t->files_.end()) {
      return so_status_make(SO_NOT_FOUND, 0);
    }
    so_buf_append(out, so_test::View(found->second));
    return so_done();
  }
};

TEST_F(ZonesTest, IncludesAreReadBesideTheZone) {
  files_["dir/hosts.inc"] = "a A 192.0.2.10\n$INCLUDE more/deeper.inc sub\n";
  files_["dir/more/deeper.inc"] = "b A 192.0.2.11\n";
  so_ns_zone *const z = Load(std::string(kHead) + "$INCLUDE hosts.inc\nc A 192.0.2.12\n");
  ASSERT_NE(z, nullptr) << Said();
  so_dns_name name;
  const so_bytes none = {nullptr, 0};
  for (const char *const want : {"a.example.org", "b.sub.example.org", "c.example.org"}) {
    so_dns_path path;
    SO_ASSERT_OK(so_dns_name_from_text(so_str(want), none, &name));
    so_dns_path_init(&path, so_dns_name_view(&name), 0);
    EXPECT_NE(so_dns_zone_find(&z->zone, &path, 0), nullptr) << want;
  }
  so_ns_zone_drop(ns_->world, z);
}

TEST_F(ZonesTest, IncludesStayInTheFolder) {
  files_["/etc/passwd"] = files_["etc/passwd"] = files_["dir/../etc/passwd"] = "a A 192.0.2.10\n";
  for (const char *const file : {"/etc/passwd", "../etc/passwd", "x/../../etc/passwd"}) {
    EXPECT_EQ(Load(std::string(kHead) + "$INCLUDE " + file + "\n"), nullptr) << file;
    EXPECT_NE(Said().find("dir/zone:5: the included file cannot be read"), std::string::npos)
        << Said();
  }
}

TEST_F(ZonesTest, AFaultInAnIncludedFileNamesItAndItsLine) {
  files_["dir/hosts.inc"] = "a A 192.0.2.10\nb A 192.0.2.300\n";
  EXPECT_EQ(Load(std::string(kHead) + "$INCLUDE hosts.inc\n"), nullptr);
  EXPECT_NE(Said().find("hosts.inc:2: "), std::string::npos) << Said();
}

TEST_F(ZonesTest, AFileThatIncludesItselfEnds) {
  files_["dir/loop.inc"] = "$INCLUDE loop.inc\n";
  EXPECT_EQ(Load(std::string(kHead) + "$INCLUDE loop.inc\n"), nullptr);
  EXPECT_NE(Said().find("too deeply"), std::string::npos) << Said();
  std::string many = kHead;
  files_["dir/empty.inc"] = "; nothing\n";
  for (int i = 0; i < SO_NS_INCLUDES_MAX; i++) {
    many += "$INCLUDE empty.inc\n";
  }
  so_ns_zone *const z = Load(many);
  ASSERT_NE(z, nullptr) << Said();
  so_ns_zone_drop(ns_->world, z);
  EXPECT_EQ(Load(many + "$INCLUDE empty.inc\n"), nullptr);
}

TEST_F(ZonesTest, SecondariesAreToldOfWhatChanged) {
  options_->notifies.count = 2;
  const std::string other = "@ 60 SOA ns h 8 60 60 60 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n";
  so_ns_zone *set[] = {Load(kHead), Load(kHead, "f", "example.net")};
  ASSERT_TRUE(so_ns_replace(ns_, set, 2));
  EXPECT_EQ(ns_->zones[0]->to_notify, 3);  // New ones: both secondaries.
  ns_->zones[0]->to_notify = 0;
  ns_->zones[1]->to_notify = 2;
  so_ns_zone *same[] = {Load(kHead), Load(kHead, "f", "example.net")};
  ASSERT_TRUE(so_ns_replace(ns_, same, 2));
  EXPECT_EQ(ns_->zones[0]->to_notify, 0);  // The same serial: they know.
  EXPECT_EQ(ns_->zones[1]->to_notify, 3);  // One had not been told yet.
  so_ns_zone *newer[] = {Load(other)};
  ASSERT_TRUE(so_ns_replace(ns_, newer, 1));
  ASSERT_EQ(ns_->zone_count, 1u);
  EXPECT_EQ(ns_->zones[0]->to_notify, 3);
}

TEST_F(ZonesTest, AZoneInUseOutlivesItsReplacement) {
  so_ns_zone *first[] = {Load(kHead)};
  ASSERT_TRUE(so_ns_replace(ns_, first, 1));
  so_ns_zone *const held = so_ns_zone_hold(ns_, &first[0]->zone);
  so_ns_zone *second[] = {Load(kHead)};
  ASSERT_TRUE(so_ns_replace(ns_, second, 1));
  EXPECT_EQ(held->zone.serial, 7u);
  so_ns_zone_drop(ns_->world, held);
}

TEST_F(ZonesTest, WithoutMemoryNothingIsLost) {
  for (uint64_t n = 1; n < 60; n++) {
    so_sim_heap_fail_at(sim_, n);
    so_ns_zone *const z = Load(kHead);
    so_sim_heap_fail_at(sim_, 0);
    if (z != nullptr) {
      so_ns_zone_drop(ns_->world, z);
    }
  }
}

}  // namespace
