#include "arm/device_tree/device_tree.h"

#include <fstream>
#include <iterator>

#include "arm/device_tree/machine.h"
#include "tests/support/support.h"

namespace {

std::string Load(const std::string &name) {
  std::ifstream f("arm/device_tree/testdata/fuzz/device_tree/" + name + ".dtb", std::ios::binary);
  EXPECT_TRUE(f) << name;
  return std::string(std::istreambuf_iterator<char>(f), std::istreambuf_iterator<char>());
}

const char *const kTrees[] = {"qemu_virt_arm64_gicv2", "qemu_virt_arm64_gicv3", "qemu_virt_armv7",
                              "xen_dom0less_arm64",    "xen_xl_armv7",          "board_with_buses"};

so_status Read(const std::string &bytes, so_arm_machine *out) {
  const so_test::Guarded at(bytes);
  so_device_tree tree;
  const so_status s = so_device_tree_open(at.view(), &tree);
  if (!so_ok(s)) {
    return s;
  }
  const so_status read = so_arm_machine_read(&tree, out);
  out->bootargs = {};  // What it borrows goes away with `at`.
  out->rng_seed = {};
  return read;
}

std::string Be32(uint32_t v) {
  const char b[] = {char(v >> 24), char(v >> 16), char(v >> 8), char(v)};
  return std::string(b, 4);
}

// Writes a tree: nodes and properties in the order of the calls.
class Tree {
 public:
  Tree &Node(const std::string &name) {
    structure_ += Be32(1) + name + '\0';
    return Pad();
  }
  Tree &End() {
    structure_ += Be32(2);
    return *this;
  }
  Tree &Property(const std::string &name, const std::string &value) {
    structure_ += Be32(3) + Be32(uint32_t(value.size())) + Be32(uint32_t(strings_.size())) + value;
    strings_ += name + '\0';
    return Pad();
  }
  Tree &Cells(const std::string &name, const std::vector<uint32_t> &cells) {
    std::string value;
    for (const uint32_t c : cells) {
      value += Be32(c);
    }
    return Property(name, value);
  }
  Tree &Nop() {
    structure_ += Be32(4);
    return *this;
  }
  std::string Bytes() const {
    const std::string structure = structure_ + Be32(9);
    const uint32_t structure_off = 40 + 16;
    const uint32_t strings_off = structure_off + uint32_t(structure.size());
    const uint32_t len = strings_off + uint32_t(strings_.size());
    return Be32(0xd00dfeed) + Be32(len) + Be32(structure_off) + Be32(strings_off) + Be32(40) +
           Be32(17) + Be32(16) + Be32(0) + Be32(uint32_t(strings_.size())) +
           Be32(uint32_t(structure.size())) + std::string(16, '\0') + structure + strings_;
  }

 private:
  Tree &Pad() {
    structure_.resize((structure_.size() + 3) / 4 * 4);
    return *this;
  }
  std::string structure_, strings_;
};

void ExpectRange(const so_arm_range &r, uint64_t base, uint64_t len) {
  EXPECT_EQ(base, r.base);
  EXPECT_EQ(len, r.len);
}

TEST(DeviceTreeTest, QemuVirtArm64) {
  so_arm_machine m;
  SO_ASSERT_OK(Read(Load("qemu_virt_arm64_gicv2"), &m));
  ASSERT_EQ(1u, m.memory_count);
  ExpectRange(m.memory[0], 0x40000000, 256 << 20);
  EXPECT_EQ(SO_ARM_GIC_V2, m.gic.version);
  ExpectRange(m.gic.distributor, 0x08000000, 0x10000);
  ExpectRange(m.gic.cpu, 0x08010000, 0x10000);
  EXPECT_EQ(27u, m.virtual_timer_interrupt);
  EXPECT_EQ(SO_ARM_PSCI_HVC, m.psci);
  ExpectRange(m.uart.registers, 0x09000000, 0x1000);
  EXPECT_EQ(33u, m.uart.interrupt);
  ExpectRange(m.rtc, 0x09010000, 0x1000);
  ASSERT_EQ(32u, m.virtio_count);
  for (uint32_t i = 0; i < 32; i++) {  // QEMU lists the highest slot first or last, by version.
    const uint64_t slot = (m.virtio[i].registers.base - 0x0a000000) / 0x200;
    EXPECT_EQ(0x200u, m.virtio[i].registers.len);
    EXPECT_EQ(48 + slot, m.virtio[i].interrupt);
  }
  EXPECT_FALSE(m.xen.present);
}

TEST(DeviceTreeTest, QemuVirtWithGicV3) {
  so_arm_machine m;
  SO_ASSERT_OK(Read(Load("qemu_virt_arm64_gicv3"), &m));
  EXPECT_EQ(SO_ARM_GIC_V3, m.gic.version);
  ExpectRange(m.gic.distributor, 0x08000000, 0x10000);
  EXPECT_EQ(0x080a0000u, m.gic.cpu.base);
  ExpectRange(m.memory[0], 0x40000000, 64 << 20);
}

TEST(DeviceTreeTest, QemuVirtArmv7) {
  so_arm_machine m;
  SO_ASSERT_OK(Read(Load("qemu_virt_armv7"), &m));
  EXPECT_EQ(SO_ARM_GIC_V2, m.gic.version);
  EXPECT_EQ(27u, m.virtual_timer_interrupt);
  EXPECT_EQ(SO_ARM_PSCI_HVC, m.psci);
  EXPECT_EQ(32u, m.virtio_count);
}

TEST(DeviceTreeTest, XenGuests) {
  so_arm_machine m;
  for (const char *name : {"xen_dom0less_arm64", "xen_xl_armv7"}) {
    SO_ASSERT_OK(Read(Load(name), &m));
    ASSERT_EQ(1u, m.memory_count);
    ExpectRange(m.memory[0], 0x40000000, 64 << 20);
    EXPECT_TRUE(m.xen.present);
    ExpectRange(m.xen.grant_table, 0x38000000, 16 << 20);
    EXPECT_EQ(31u, m.xen.event_interrupt);
    EXPECT_EQ(SO_ARM_GIC_V2, m.gic.version);
    ExpectRange(m.gic.distributor, 0x03001000, 0x1000);
    ExpectRange(m.gic.cpu, 0x03002000, 0x2000);
    EXPECT_EQ(27u, m.virtual_timer_interrupt);
    EXPECT_EQ(SO_ARM_PSCI_HVC, m.psci);
    EXPECT_EQ(0u, m.virtio_count);
  }
  SO_ASSERT_OK(Read(Load("xen_dom0less_arm64"), &m));
  ExpectRange(m.uart.registers, 0x22000000, 0x1000);
}

TEST(DeviceTreeTest, BusesReservationsAndDisabledDevices) {
  so_arm_machine m;
  SO_ASSERT_OK(Read(Load("board_with_buses"), &m));
  ASSERT_EQ(2u, m.memory_count);
  ExpectRange(m.memory[1], 0x80000000, 0x1000);
  ASSERT_EQ(2u, m.reserved_count);
  ExpectRange(m.reserved[0], 0x40000000, 0x10000);
  ExpectRange(m.reserved[1], 0x41000000, 0x2000);
  EXPECT_EQ(SO_ARM_GIC_V2, m.gic.version);
  ExpectRange(m.gic.distributor, 0x1c81000, 0x1000);
  ExpectRange(m.uart.registers, 0x2000, 0x1000);
  EXPECT_EQ(38u, m.uart.interrupt);
  EXPECT_EQ(0u, m.virtio_count);  // Behind a bus that translates.
  EXPECT_EQ(SO_ARM_PSCI_SMC, m.psci);
}

TEST(DeviceTreeTest, BootargsAndSeedAreViewsOfTheTree) {
  const std::string bytes = Tree()
                                .Node("")
                                .Node("chosen")
                                .Property("bootargs", std::string("ip=dhcp a\0", 10))
                                .Property("rng-seed", "0123456789abcdef")
                                .End()
                                .End()
                                .Bytes();
  so_device_tree tree;
  so_arm_machine m;
  SO_ASSERT_OK(so_device_tree_open(so_test::View(bytes), &tree));
  SO_ASSERT_OK(so_arm_machine_read(&tree, &m));
  EXPECT_EQ("ip=dhcp a", so_test::Text(m.bootargs));
  EXPECT_EQ("0123456789abcdef", so_test::Text(m.rng_seed));
}

TEST(DeviceTreeTest, EveryTruncationIsRefused) {
  for (const char *name : kTrees) {
    const std::string whole = Load(name);
    so_arm_machine m;
    for (size_t len = 0; len < whole.size(); len++) {
      const so_test::Guarded at(whole.data(), len);
      so_device_tree tree;
      SO_EXPECT_CODE(SO_MALFORMED, so_device_tree_open(at.view(), &tree));
    }
    SO_EXPECT_OK(Read(whole + "trailing", &m));  // A loader's padding is not the tree's.
  }
}

// A cut through the tokens, with a header that says so.
TEST(DeviceTreeTest, EveryShorterStructureIsRefused) {
  std::string bytes = Load("xen_xl_armv7");
  so_device_tree tree;
  SO_ASSERT_OK(so_device_tree_open(so_test::View(bytes), &tree));
  const uint32_t len = uint32_t(tree.structure.len);
  for (uint32_t n = 0; n < len; n++) {
    bytes.replace(36, 4, Be32(n));
    so_arm_machine m;
    SO_EXPECT_CODE(SO_MALFORMED, Read(bytes, &m));
  }
}

TEST(DeviceTreeTest, HeadersOfOtherThingsAreRefused) {
  const std::string good = Tree().Node("").End().Bytes();
  so_arm_machine m;
  SO_EXPECT_OK(Read(good, &m));
  const struct {
    size_t off;
    uint32_t value;
    so_code want;
  } cases[] = {
      {0, 0xd00dfeee, SO_MALFORMED},  {4, 39, SO_MALFORMED},
      {4, SO_DEVICE_TREE_LEN_MAX + 1, SO_LIMIT}, {8, 0xffffffff, SO_MALFORMED},
      {12, 0xffffffff, SO_MALFORMED}, {16, 0xffffffff, SO_MALFORMED},
      {20, 16, SO_UNSUPPORTED},       {24, 18, SO_UNSUPPORTED},
      {32, 0xffffffff, SO_MALFORMED}, {36, 0xffffffff, SO_MALFORMED},
  };
  for (const auto &c : cases) {
    std::string bytes = good;
    bytes.replace(c.off, 4, Be32(c.value));
    SO_EXPECT_CODE(c.want, Read(bytes, &m));
  }
}

TEST(DeviceTreeTest, LengthIsReadBeforeTheRest) {
  const std::string good = Tree().Node("").End().Bytes();
  const auto len = [](const std::string &b) {
    return so_device_tree_len(reinterpret_cast<const uint8_t *>(b.data()));
  };
  EXPECT_EQ(good.size(), len(good));
  EXPECT_EQ(0u, len(Be32(0) + Be32(100)));
  EXPECT_EQ(0u, len(Be32(0xd00dfeed) + Be32(39)));
  EXPECT_EQ(SO_DEVICE_TREE_LEN_MAX, len(Be32(0xd00dfeed) + Be32(SO_DEVICE_TREE_LEN_MAX)));
  EXPECT_EQ(0u, len(Be32(0xd00dfeed) + Be32(SO_DEVICE_TREE_LEN_MAX + 1)));
}

TEST(DeviceTreeTest, BrokenOrdersAreRefused) {
  so_arm_machine m;
  SO_EXPECT_OK(Read(Tree().Nop().Node("").Nop().End().Nop().Bytes(), &m));
  for (const Tree &t : {Tree(), Tree().End(), Tree().Node(""), Tree().Node("").End().End(),
                        Tree().Node("").End().Node("").End(), Tree().Property("a", "b"),
                        Tree().Node("").End().Property("a", "b"),
                        Tree().Node("").Node("x").End().Property("a", "b").End()}) {
    SO_EXPECT_CODE(SO_MALFORMED, Read(t.Bytes(), &m));
  }
}

TEST(DeviceTreeTest, DepthHasALimit) {
  for (uint32_t depth = SO_DEVICE_TREE_DEPTH_MAX; depth <= SO_DEVICE_TREE_DEPTH_MAX + 1; depth++) {
    Tree t;
    for (uint32_t i = 0; i < depth; i++) {
      t.Node(i == 0 ? "" : "n");
    }
    for (uint32_t i = 0; i < depth; i++) {
      t.End();
    }
    so_arm_machine m;
    SO_EXPECT_CODE(depth > SO_DEVICE_TREE_DEPTH_MAX ? SO_LIMIT : SO_OK, Read(t.Bytes(), &m));
  }
}

TEST(DeviceTreeTest, CountsHaveLimits) {
  for (const uint32_t n : {SO_ARM_VIRTIO_MAX, SO_ARM_VIRTIO_MAX + 1}) {
    Tree t;
    t.Node("");
    for (uint32_t i = 0; i < n; i++) {
      t.Node("v").Property("compatible", std::string("virtio,mmio\0", 12));
      t.Cells("reg", {0, i * 0x200, 0x200}).Cells("interrupts", {0, i, 1}).End();
    }
    so_arm_machine m;
    SO_EXPECT_CODE(n > SO_ARM_VIRTIO_MAX ? SO_LIMIT : SO_OK, Read(t.End().Bytes(), &m));
    EXPECT_EQ(SO_ARM_VIRTIO_MAX, m.virtio_count);
  }
  for (const uint32_t n : {SO_ARM_MEMORY_MAX, SO_ARM_MEMORY_MAX + 1}) {
    std::vector<uint32_t> reg;
    for (uint32_t i = 0; i < n; i++) {
      reg.insert(reg.end(), {0, i << 20, 0x1000});
    }
    Tree t;
    t.Node("").Node("m").Property("device_type", std::string("memory\0", 7)).Cells("reg", reg);
    so_arm_machine m;
    SO_EXPECT_CODE(n > SO_ARM_MEMORY_MAX ? SO_LIMIT : SO_OK, Read(t.End().End().Bytes(), &m));
  }
}

TEST(DeviceTreeTest, RegistersThatAreNoRegistersAreRefused) {
  const std::string memory("memory\0", 7);
  const std::vector<std::vector<uint32_t>> bad = {
      {1}, {0, 1}, {0, 1, 2, 3}, {0xffffffff, 0xfffff000, 0x2000}};
  for (const auto &reg : bad) {
    so_arm_machine m;
    Tree t;
    t.Node("").Node("m").Property("device_type", memory).Cells("reg", reg).End().End();
    SO_EXPECT_CODE(SO_MALFORMED, Read(t.Bytes(), &m));
  }
  for (const uint32_t cells : {0u, 3u, 16u, 0x40000000u, 0xffffffffu}) {
    so_arm_machine m;
    Tree t;
    t.Node("").Cells("#address-cells", {cells}).Node("g");
    t.Property("compatible", std::string("arm,gic-400\0", 12));
    t.Cells("reg", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}).End().End();
    SO_EXPECT_CODE(SO_MALFORMED, Read(t.Bytes(), &m));
  }
}

TEST(DeviceTreeTest, InterruptsOutsideOfTheControllerAreNone) {
  const auto read = [](const std::vector<uint32_t> &cells) {
    Tree t;
    t.Node("").Node("u").Property("compatible", std::string("arm,pl011\0", 10));
    t.Cells("reg", {0, 0x1000, 0x1000}).Cells("interrupts", cells).End().End();
    so_arm_machine m;
    SO_EXPECT_OK(Read(t.Bytes(), &m));
    return m.uart.interrupt;
  };
  EXPECT_EQ(32u + 987u, read({0, 987, 4}));
  EXPECT_EQ(SO_ARM_INTERRUPT_NONE, read({0, 988, 4}));
  EXPECT_EQ(31u, read({1, 15, 4}));
  EXPECT_EQ(SO_ARM_INTERRUPT_NONE, read({1, 16, 4}));
  EXPECT_EQ(SO_ARM_INTERRUPT_NONE, read({2, 1, 4}));
  EXPECT_EQ(SO_ARM_INTERRUPT_NONE, read({}));
}

TEST(DeviceTreeTest, ListsOfStrings) {
  const so_bytes list = so_bytes_of("one\0two\0thr", 11);
  EXPECT_TRUE(so_device_tree_has(list, "one"));
  EXPECT_TRUE(so_device_tree_has(list, "two"));
  EXPECT_FALSE(so_device_tree_has(list, "thr"));  // Not ended.
  EXPECT_FALSE(so_device_tree_has(list, "tw"));
  EXPECT_FALSE(so_device_tree_has(so_bytes_of(nullptr, 0), "one"));
}

}  // namespace
