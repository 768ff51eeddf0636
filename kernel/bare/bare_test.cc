// What a world is made of, on a machine that the test makes up: entropy, settings, stacks, the names of disks.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/fmt.h"
#include "tests/support/support.h"

extern "C" {
#include "kernel/bare/internal.h"
}

namespace {

// The machine and its devices, as the functions below have them.
struct Fake {
  bool has_hardware = true;
  uint8_t hardware = 1;   // What the processor's generator gives, over and over.
  size_t host_len = 32;   // How much of the host's is to be had.
  uint8_t host = 2;
  size_t loader_len = 0;  // Of a seed from whoever loaded the image.
  uint8_t loader = 2;
  uint64_t tick = 3;      // The step of the counter.
  uint64_t ticks = 0;
  int64_t unix_ns = 4;
  int64_t machine_unix_ns = 5;
  uint64_t now_ns = 6;
  std::map<std::string, std::string> settings;
  std::string said;
  std::set<void *> guarded;
  bool can_guard = true;
  std::string disk;       // The name that was asked for.
  so_status disk_status = so_done();
  const char *disk_why = nullptr;
  std::string on_disk = std::string(1024, 0);  // Two units.
  std::string durable = on_disk;
  bool disk_read_only = false;
  int disk_fails = 0;     // The how manyth of read, write, flush; 0: none.
  int disk_calls = 0;
  int disks_open = 0;
};
Fake *fake;

so_status DiskCall() {
  return ++fake->disk_calls == fake->disk_fails ? so_status_make(SO_IO, 0) : so_done();
}
so_status DiskRead(void *, uint64_t offset, uint8_t *out, size_t len) {
  memcpy(out, fake->on_disk.data() + offset, len);
  return DiskCall();
}
so_status DiskWrite(void *, uint64_t offset, so_bytes bytes) {
  fake->on_disk.replace(static_cast<size_t>(offset), bytes.len, so_test::Text(bytes));
  return DiskCall();
}
so_status DiskFlush(void *) {
  const so_status s = DiskCall();
  fake->durable = so_ok(s) ? fake->on_disk : fake->durable;
  return s;
}
void DiskClose(void *) { fake->disks_open--; }
const so_block_ops kDiskOps = {DiskRead, DiskWrite, DiskFlush, DiskClose};

}  // namespace

extern "C" {
extern const so_bare_parts so_bare_image;
const so_bare_parts so_bare_image = {"program", nullptr, so_bare_open_block, nullptr, so_bare_seed_disk};
bool so_machine_random(uint8_t *out, size_t len) {
  memset(out, fake->has_hardware ? fake->hardware : 0x5a, len);
  return fake->has_hardware;
}
size_t so_devices_random(uint8_t *out, size_t len) {
  const size_t n = len < fake->host_len ? len : fake->host_len;
  memset(out, fake->host, n);
  return n;
}
size_t so_machine_seed(uint8_t *out, size_t cap) {
  const size_t n = cap < fake->loader_len ? cap : fake->loader_len;
  memset(out, fake->loader, n);
  return n;
}
uint64_t so_machine_ticks(void) { return fake->ticks += fake->tick; }
int64_t so_devices_unix_ns(void) { return fake->unix_ns; }
int64_t so_machine_unix_ns(void) { return fake->machine_unix_ns; }
uint64_t so_machine_now_ns(void) { return fake->now_ns; }
void so_devices_console_write(so_bytes text) { fake->said += so_test::Text(text); }
so_status so_devices_setting(so_bytes key, so_buf *out) {
  const auto at = fake->settings.find(so_test::Text(key));
  if (at == fake->settings.end()) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  so_buf_append_str(out, at->second.c_str());
  return out->failed ? so_status_make(SO_LIMIT, 0) : so_done();
}
so_status so_devices_block(so_bytes name, so_block *out, const char **out_why) {
  fake->disk = so_test::Text(name);
  *out_why = fake->disk_why;
  *out = {&kDiskOps, nullptr, 1024, 512, fake->disk_read_only};
  fake->disks_open += so_ok(fake->disk_status);
  return fake->disk_status;
}
bool so_machine_guard(void *page) {
  return fake->can_guard && fake->guarded.insert(page).second;
}
void so_machine_unguard(void *page) { EXPECT_EQ(1u, fake->guarded.erase(page)); }
bool bare_stack_kib(so_bytes text, uint64_t *out) { return so_ok(so_parse_u64(text, out)) && *out >= 16; }
}

namespace {

class BareTest : public ::testing::Test {
 protected:
  static constexpr size_t kPages = 1024;

  void SetUp() override { Begin(""); }
  void TearDown() override {
    free(memory_);
    fake = nullptr;
  }

  // A machine with this command line, settings read.
  bool Begin(const std::string &line) {
    if (memory_ == nullptr) {
      memory_ = aligned_alloc(SO_PAGE_LEN, kPages * SO_PAGE_LEN);
    }
    memset(memory_, 0, kPages * SO_PAGE_LEN);
    fake = &fake_;
    bare_ = {};
    line_ = line;
    bare_.boot.command_line = so_bytes_of(line_.data(), line_.size());
    const so_ram_range range = {reinterpret_cast<uintptr_t>(memory_), kPages * SO_PAGE_LEN};
    SO_EXPECT_OK(so_ram_init(&bare_.pages, &range, 1));
    bare_.heap = *so_test::Heap();
    bare_world_init(&bare_);
    bare_settings_parse(&bare_);
    return bare_settings_init(&bare_);
  }
  std::string Setting(so_setting s) {
    so_bytes value;
    return so_command_line_get(&bare_.command_line, s, &value) ? so_test::Text(value) : "(none)";
  }
  // The first bytes of a new pool; empty: refused.
  std::string Pool(const std::string &line = "") {
    fake_.ticks = 0;
    EXPECT_TRUE(Begin(line));
    if (!bare_entropy_init(&bare_, &why_)) {
      return "";
    }
    std::string out(64, 0);
    so_entropy_fill(&bare_.world.entropy, reinterpret_cast<uint8_t *>(&out[0]), out.size());
    return out;
  }

  Fake fake_;
  bare bare_;
  std::string line_;
  const char *why_ = "";
  void *memory_ = nullptr;
};

// --- entropy ----------------------------------------------------------------------------------

const char kSeed[] = "seed=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

TEST_F(BareTest, EachSourceOfEntropyChangesThePool) {
  const std::string same = Pool();
  EXPECT_EQ(64u, same.size());
  EXPECT_EQ(same, Pool());  // All made up: so what differs below comes from the one change.
  std::set<std::string> pools = {same};
  const auto differs = [&](const char *what, const std::string &line = "") {
    EXPECT_TRUE(pools.insert(Pool(line)).second) << what;
    fake_ = Fake();
  };
  fake_.hardware = 9;
  differs("the processor's generator");
  fake_.host = 9;
  differs("the host's generator");
  fake_.loader_len = 32;
  differs("a seed of the loader");
  fake_.loader_len = 32;
  fake_.loader = 9;
  differs("what it is");
  fake_.tick = 9;
  differs("the timing of memory");
  fake_.unix_ns = 9;
  differs("the time by the devices");
  fake_.machine_unix_ns = 9;
  differs("the time by the machine");
  fake_.now_ns = 9;
  differs("the time since the boot");
  differs("the command line", "another");
  differs("a seed", kSeed);
  // Its last digit counts. On both sides, so that the command line as such is not what differs: it is mixed, too.
  std::string other = kSeed;
  other.back() = 'e';
  differs("all of the seed", other);
}

TEST_F(BareTest, OneGoodSourceIsEnoughAndNoneIsRefused) {
  fake_.has_hardware = false;
  fake_.host_len = 0;
  EXPECT_EQ("", Pool());
  EXPECT_NE(nullptr, strstr(why_, "seed="));
  EXPECT_NE("", Pool(kSeed));
  fake_.host_len = 32;
  EXPECT_NE("", Pool());
  fake_.host_len = 31;  // Part of it is no key.
  EXPECT_EQ("", Pool());
  fake_.loader_len = 31;
  EXPECT_EQ("", Pool());
  fake_.loader_len = 32;
  EXPECT_NE("", Pool());
  fake_.loader_len = 0;
  fake_.has_hardware = true;
  EXPECT_NE("", Pool());
}

TEST_F(BareTest, ASeedFromXenstoreCountsAsMuch) {
  fake_.has_hardware = false;
  fake_.host_len = 0;
  fake_.settings["seed"] = std::string(64, 'a');
  const std::string one = Pool();
  fake_.settings["seed"] = std::string(64, 'b');
  const std::string two = Pool();
  EXPECT_NE("", one);
  EXPECT_NE(one, two);  // Nothing else differs.
}

TEST_F(BareTest, ASeedThatIsNoneIsRefused) {
  for (const char *bad : {"seed=", "seed=12", "seed=zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}) {
    EXPECT_EQ("", Pool(bad)) << bad;
    EXPECT_NE(nullptr, strstr(why_, "64 hexadecimal digits"));
  }
}

// A machine whose only randomness is what is on its seed disk.
class SeedDiskTest : public BareTest {
 protected:
  void SetUp() override {
    BareTest::SetUp();
    fake_.has_hardware = false;
    fake_.host_len = 0;
  }
  // A start, as a machine whose clocks all begin anew; the disk stays. Whatever is drawn, the disk is closed.
  std::string Start(const std::string &line = "seed-disk=xvdb") {
    fake_.disk_calls = 0;
    why_ = "";
    const std::string pool = Pool(line);
    EXPECT_EQ(0, fake_.disks_open);
    return pool;
  }
  bool Says(const char *text) { return why_ != nullptr && strstr(why_, text) != nullptr; }
};

TEST_F(SeedDiskTest, EachStartLeavesANewSeedBeforeAnythingIsDrawn) {
  std::set<std::string> pools, disks;
  EXPECT_TRUE(pools.insert(Start(std::string(kSeed) + " seed-disk=xvdb")).second);
  EXPECT_EQ("xvdb", fake_.disk);
  for (int i = 0; i < 4; i++) {
    EXPECT_EQ(fake_.on_disk, fake_.durable);
    EXPECT_EQ("SafeOS seeds 01\n", fake_.durable.substr(0, 16));
    EXPECT_NE(std::string(32, 0), fake_.durable.substr(16, 32));
    EXPECT_EQ(std::string(1024 - 48, 0), fake_.durable.substr(48));
    EXPECT_TRUE(disks.insert(fake_.durable).second);
    const std::string pool = Start();
    EXPECT_EQ(64u, pool.size()) << why_;
    EXPECT_TRUE(pools.insert(pool).second);
    EXPECT_EQ(std::string::npos, pool.find(fake_.durable.substr(16, 32)));
  }
  // Only the disk makes the difference: the same one gives the same pool.
  const std::string kept = fake_.on_disk;
  const std::string one = Start();
  fake_.on_disk = kept;
  EXPECT_EQ(one, Start());
  fake_.on_disk = kept;
  fake_.on_disk[47] ^= 1;
  EXPECT_NE(one, Start());
}

TEST_F(SeedDiskTest, AnEmptyOneNeedsAnotherSourceTheFirstTime) {
  EXPECT_EQ("", Start());
  EXPECT_TRUE(Says("is empty"));
  EXPECT_TRUE(Says("seed="));
  EXPECT_EQ(std::string(1024, 0), fake_.on_disk);
  fake_.has_hardware = true;
  EXPECT_NE("", Start());
  fake_.has_hardware = false;
  EXPECT_NE("", Start());
}

TEST_F(SeedDiskTest, WhatHoldsSomethingElseIsNotWritten) {
  for (size_t at : {size_t{0}, size_t{15}, size_t{511}}) {
    fake_.on_disk = std::string(1024, 0);
    fake_.on_disk[at] = 'S';
    const std::string before = fake_.on_disk;
    EXPECT_EQ("", Start(std::string(kSeed) + " seed-disk=xvdb"));
    EXPECT_TRUE(Says("something else"));
    EXPECT_EQ(before, fake_.on_disk);
  }
}

TEST_F(SeedDiskTest, ASeedThatCannotBeReplacedIsNotUsed) {
  EXPECT_NE("", Start(std::string(kSeed) + " seed-disk=xvdb"));
  const char *const texts[] = {"cannot be read", "cannot be replaced", "cannot be replaced"};
  for (int i = 0; i < 3; i++) {
    fake_.disk_fails = i + 1;
    EXPECT_EQ("", Start()) << i;
    EXPECT_TRUE(Says(texts[i])) << why_;
  }
  fake_.disk_fails = 0;
  fake_.disk_read_only = true;
  EXPECT_EQ("", Start());
  EXPECT_TRUE(Says("cannot be written"));
}

TEST_F(SeedDiskTest, TheDiskMustBeThereAndOfItsOwn) {
  EXPECT_EQ("", Start("seed-disk=xvda data=xvda"));
  EXPECT_TRUE(Says("one of its own"));
  EXPECT_EQ("", Start("seed-disk="));
  fake_.disk_status = so_status_make(SO_NOT_FOUND, 0);
  EXPECT_EQ("", Start());
  EXPECT_TRUE(Says("wants the name of a disk"));
}

TEST_F(BareTest, ThePoolTakesMoreFromTheProcessorAfterAMebibyte) {
  const auto after = [this](size_t bytes, uint8_t later) {
    Pool();
    fake_.hardware = later;
    std::vector<uint8_t> skipped(bytes - 64);
    so_entropy_fill(&bare_.world.entropy, skipped.data(), skipped.size());
    std::string out(32, 0);
    so_entropy_fill(&bare_.world.entropy, reinterpret_cast<uint8_t *>(&out[0]), out.size());
    fake_ = Fake();
    return out;
  };
  EXPECT_EQ(after((1u << 20) - 64, 1), after((1u << 20) - 64, 7));
  EXPECT_NE(after(1u << 20, 1), after(1u << 20, 7));
}

// --- settings ---------------------------------------------------------------------------------

TEST_F(BareTest, XenstoreFillsInWhatTheCommandLineLeavesOut) {
  fake_.settings = {{"ip", "192.0.2.1/24 2001:db8::1/64"}, {"search", "example.org"}, {"gw", "192.0.2.254"},
                    {"args", "--one 'two three'"}};
  EXPECT_TRUE(Begin("gw=192.0.2.9"));
  EXPECT_EQ("192.0.2.1/24 2001:db8::1/64", Setting(SO_SETTING_IP));
  EXPECT_EQ("192.0.2.9", Setting(SO_SETTING_GW));
  EXPECT_EQ("example.org", Setting(SO_SETTING_SEARCH));
  ASSERT_EQ(3, bare_.command_line.argc);
  EXPECT_STREQ("program", bare_.command_line.argv[0]);
  EXPECT_STREQ("two three", bare_.command_line.argv[2]);
  EXPECT_TRUE(Begin("-- --mine"));  // Arguments are the one or the other.
  ASSERT_EQ(2, bare_.command_line.argc);
  EXPECT_STREQ("--mine", bare_.command_line.argv[1]);
  EXPECT_EQ("", fake_.said);
}

TEST_F(BareTest, WhatIsNotUnderstoodIsNamed) {
  const std::pair<const char *, const char *> all[] = {
      {"ip=1 \"open", "a quote is not closed at: \"open"},
      {"log=loud", "log= wants normal or debug, not: loud"},
      {"stack=9", "stack= wants KiB from 16 to 1024, not: 9"},
  };
  for (const auto &a : all) {
    fake_.said.clear();
    EXPECT_FALSE(Begin(a.first));
    EXPECT_NE(std::string::npos, fake_.said.find(a.second)) << fake_.said;
  }
  fake_.said.clear();
  fake_.settings["args"] = "it's";
  EXPECT_FALSE(Begin(""));
  EXPECT_NE(std::string::npos, fake_.said.find("a quote is not closed")) << fake_.said;
  fake_.settings.clear();
  fake_.settings["ip"] = std::string(2000, '1');  // More than a value may have: as if it were not there.
  EXPECT_TRUE(Begin("log=debug stack=64"));
  EXPECT_EQ("(none)", Setting(SO_SETTING_IP));
  for (const char *key : {"ip", "gw", "dns", "search", "ntp"}) {
    fake_.settings[key] = std::string(1000, '1');  // Each may be, all are too long.
  }
  EXPECT_FALSE(Begin(""));
  EXPECT_NE(std::string::npos, fake_.said.find("it is too long at: ntp")) << fake_.said;
}

TEST_F(BareTest, DataIsTheDiskThatTheSettingNames) {
  so_block disk;
  const auto open = [&](const char *name) {
    return bare_.world.open_block(bare_.world.ctx, so_str(name), false, &disk);
  };
  SO_EXPECT_OK(open("data"));
  EXPECT_EQ("", fake_.disk);  // The first one.
  Begin("data=xvdb");
  SO_EXPECT_OK(open("data"));
  EXPECT_EQ("xvdb", fake_.disk);
  SO_EXPECT_OK(open("xvdc"));
  EXPECT_EQ("xvdc", fake_.disk);
  fake_.disk_status = so_status_make(SO_NOT_FOUND, 0);
  SO_EXPECT_CODE(SO_NOT_FOUND, open("data"));
  const auto said = [&](const char *line) {
    fake_.said.clear();
    Begin(line);
    EXPECT_FALSE(so_ok(open("data")));
    return fake_.said;
  };
  EXPECT_EQ("program: no disk xvdb: the machine has none of that name\n", said("data=xvdb"));
  EXPECT_EQ("program: no disk: the machine has none\n", said(""));
  fake_.disk_why = "add one";
  EXPECT_EQ("program: no disk: the machine has none: add one\n", said(""));
  fake_.disk_status = so_status_make(SO_IO, 0);
  EXPECT_EQ("program: no disk xvdb: add one\n", said("data=xvdb"));
  fake_.disk_why = nullptr;
  EXPECT_EQ("program: no disk xvdb: IO\n", said("data=xvdb"));
}

// --- stacks -----------------------------------------------------------------------------------

TEST_F(BareTest, AStackHasAGuardBelowAndNothingIsLost) {
  const size_t before = bare_.pages.free_count;
  std::vector<uint8_t *> stacks;
  for (int i = 0; i < 20; i++) {
    uint8_t *const stack = static_cast<uint8_t *>(bare_stack_alloc(&bare_, 65536));
    ASSERT_NE(nullptr, stack);
    EXPECT_EQ(1u, fake_.guarded.count(stack - SO_PAGE_LEN));
    memset(stack, 1, 65536);
    stacks.push_back(stack);
  }
  EXPECT_EQ(before - 20 * 17, bare_.pages.free_count);
  for (uint8_t *stack : stacks) {
    bare_stack_free(&bare_, stack, 65536);
  }
  // Some are kept, with their guards, and used again.
  EXPECT_EQ(before - BARE_STACKS_KEPT * 17, bare_.pages.free_count);
  EXPECT_EQ(static_cast<size_t>(BARE_STACKS_KEPT), fake_.guarded.size());
  EXPECT_NE(nullptr, bare_stack_alloc(&bare_, 65536));
  EXPECT_EQ(before - BARE_STACKS_KEPT * 17, bare_.pages.free_count);
}

TEST_F(BareTest, WithoutAGuardOrMemoryThereIsNoStack) {
  const size_t before = bare_.pages.free_count;
  fake_.can_guard = false;
  EXPECT_EQ(nullptr, bare_stack_alloc(&bare_, 65536));
  EXPECT_EQ(before, bare_.pages.free_count);
  fake_.can_guard = true;
  int count = 0;
  while (bare_stack_alloc(&bare_, 65536) != nullptr) {
    count++;
  }
  EXPECT_EQ(before / 17, static_cast<size_t>(count));
}

}  // namespace
