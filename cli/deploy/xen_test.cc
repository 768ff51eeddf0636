#include "cli/deploy/xen.h"

#include <string>

#include "tests/support/support.h"

namespace {

cli_xen_guest Guest() {
  cli_xen_guest g = {};
  g.name = "stored";
  g.kernel = "/etc/xen/stored.elf";
  g.disk = "/dev/vg0/stored";
  g.bridge = "xenbr0";
  g.mac = "00:16:3e:12:34:56";
  g.ip = "192.0.2.10/24";
  g.gw = "192.0.2.1";
  g.dns = "192.0.2.2,2001:db8::53";
  g.memory_mib = 64;
  g.port = 8443;
  g.arch = "x86_64";
  return g;
}

const char kSeed[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

using Writer = void (*)(const cli_xen_guest *, so_buf *);

std::string Text(const cli_xen_guest &g, Writer write) {
  so_buf out;
  so_buf_init(&out, so_test::Heap(), 1 << 16);
  write(&g, &out);
  const std::string text(reinterpret_cast<const char *>(out.ptr), out.len);
  EXPECT_FALSE(out.failed);
  so_buf_release(&out);
  return text;
}

std::string Steps(const cli_xen_guest &g) {
  return Text(g, [](const cli_xen_guest *guest, so_buf *out) {
    cli_xen_steps(guest, "/etc/xen/stored.cfg", out);
  });
}

// Why the settings are refused; empty: they are not.
std::string Refusal(const cli_xen_guest &g) {
  so_buf why;
  so_buf_init(&why, so_test::Heap(), 1 << 16);
  const bool ok = so_ok(cli_xen_check(&g, &why));
  const std::string text(reinterpret_cast<const char *>(why.ptr), why.len);
  EXPECT_EQ(ok, text.empty()) << text;
  so_buf_release(&why);
  return text;
}

bool Has(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

TEST(DeployXenTest, TheConfigurationIsWhatXlReads) {
  EXPECT_EQ(Refusal(Guest()), "");
  EXPECT_EQ(Text(Guest(), cli_xen_config),
            "# stored as a guest of Xen. Start it with: xl create FILE\n"
            "name = \"stored\"\n"
            "type = \"pvh\"\n"
            "kernel = \"/etc/xen/stored.elf\"\n"
            "memory = 64\n"
            "vcpus = 1\n"
            "\n"
            "# Before -- the settings of the machine, after it the options of stored.\n"
            "extra = \"ip=192.0.2.10/24 gw=192.0.2.1 dns=192.0.2.2,2001:db8::53 data=xvda -- --data data "
            "--init --listen 192.0.2.10:8443\"\n"
            "\n"
            "vif = [\"mac=00:16:3e:12:34:56,bridge=xenbr0\"]\n"
            "disk = [\"phy:/dev/vg0/stored,xvda,w\"]\n"
            "\n"
            "on_poweroff = \"destroy\"\n"
            "on_reboot = \"restart\"\n"
            "on_crash = \"restart\"\n");
}

TEST(DeployXenTest, DhcpNeedsNothingElse) {
  cli_xen_guest g = Guest();
  g.ip = "dhcp";
  g.gw = g.dns = nullptr;
  EXPECT_EQ(Refusal(g), "");
  EXPECT_TRUE(Has(Text(g, cli_xen_config), "extra = \"ip=dhcp data=xvda -- --data data --init --listen 0.0.0.0:8443\""));
  EXPECT_TRUE(Has(Steps(g), "storectl login https://ADDRESS:8443 "));
  EXPECT_TRUE(Has(Steps(g), "--fingerprint"));
  g.host_name = "store.example.org";
  EXPECT_TRUE(Has(Text(g, cli_xen_config), " --name store.example.org\""));
  EXPECT_TRUE(Has(Steps(g), "storectl login https://store.example.org:8443 "));
  EXPECT_FALSE(Has(Steps(g), "--fingerprint"));
}

TEST(DeployXenTest, BothFamiliesListenAndAreNamed) {
  cli_xen_guest g = Guest();
  g.ip6 = "2001:db8::10/64";
  g.public_read = true;
  EXPECT_EQ(Refusal(g), "");
  const std::string text = Text(g, cli_xen_config);
  EXPECT_TRUE(Has(text, "ip=192.0.2.10/24 ip=2001:db8::10/64 gw="));
  EXPECT_TRUE(Has(text, "--listen 0.0.0.0:8443 --name 2001:db8::10 --name 192.0.2.10 --public-read\""));
}

TEST(DeployXenTest, ASixthVersionAddressAloneStandsInBrackets) {
  cli_xen_guest g = Guest();
  g.ip = "2001:db8::10/64";
  g.gw = "fe80::1";
  g.dns = nullptr;
  EXPECT_EQ(Refusal(g), "");
  EXPECT_TRUE(Has(Text(g, cli_xen_config), "--listen [2001:db8::10]:8443\""));
  EXPECT_EQ(Text(g, cli_xen_url), "https://[2001:db8::10]:8443");
}

TEST(DeployXenTest, EachKindOfDiskHasItsWords) {
  cli_xen_guest g = Guest();
  EXPECT_TRUE(Has(Steps(g), "  lvcreate -L 10G -n stored vg0\n"));
  g.disk = "/var/lib/xen/images/stored.img";
  EXPECT_EQ(Refusal(g), "");
  EXPECT_TRUE(Has(Text(g, cli_xen_config),
                  "disk = [\"format=raw,vdev=xvda,access=rw,target=/var/lib/xen/images/stored.img\"]\n"));
  EXPECT_TRUE(Has(Steps(g), "  truncate -s 10G /var/lib/xen/images/stored.img\n"));
  for (const char *disk : {"/dev/sdb", "/dev/disk/by-id/x"}) {
    g.disk = disk;
    EXPECT_EQ(Refusal(g), "");
    EXPECT_TRUE(Has(Text(g, cli_xen_config), "\"phy:" + std::string(disk) + ",xvda,w\""));
    EXPECT_FALSE(Has(Steps(g), "lvcreate"));
  }
}

TEST(DeployXenTest, AGuestOnArmHasASeedAndADiskForThoseThatFollow) {
  EXPECT_FALSE(cli_xen_needs_seed("x86_64"));
  EXPECT_TRUE(cli_xen_needs_seed("arm64") && cli_xen_needs_seed("armv7"));
  cli_xen_guest g = Guest();
  g.arch = "armv7";
  g.seed = kSeed;
  g.seed_disk = "/dev/vg0/stored-seed";
  EXPECT_EQ(Refusal(g), "");
  const std::string text = Text(g, cli_xen_config);
  EXPECT_TRUE(Has(text, " data=xvda seed-disk=xvdb seed=" + std::string(kSeed) + " -- --data data --init"));
  EXPECT_TRUE(Has(text, "\ndisk = [\"phy:/dev/vg0/stored,xvda,w\", \"phy:/dev/vg0/stored-seed,xvdb,w\"]\n"));
  EXPECT_TRUE(Has(text, "on_reboot = \"restart\"\n"));
  EXPECT_TRUE(Has(Steps(g), "  lvcreate -L 10G -n stored vg0\n  lvcreate -L 4M -n stored-seed vg0\n"));
  EXPECT_TRUE(Has(Steps(g), "//apps/stored:xen_armv7"));
  g.seed_disk = "/srv/seed.img";
  EXPECT_EQ(Refusal(g), "");
  EXPECT_TRUE(Has(Text(g, cli_xen_config), ", \"format=raw,vdev=xvdb,access=rw,target=/srv/seed.img\"]\n"));
  EXPECT_TRUE(Has(Steps(g), "  truncate -s 4M /srv/seed.img\n"));
  g.seed_disk = "/dev/sdb";
  EXPECT_TRUE(Has(Steps(g), "/dev/sdb holds nothing but zeros, or a seed"));
  g.seed_disk = g.disk;
  EXPECT_TRUE(Has(Refusal(g), "one of its own"));
  g.seed_disk = "seed";
  EXPECT_TRUE(Has(Refusal(g), "--seed-disk"));
  g = Guest();
  for (const char *arch : {"arm", "ARM64", ""}) {
    g.arch = arch;
    EXPECT_TRUE(Has(Refusal(g), "--arch wants")) << arch;
  }
}

// Whatever could end a string, an option of xl or a word of the command line is refused by name.
TEST(DeployXenTest, WhatWouldMeanSomethingElseIsRefused) {
  struct Case {
    const char *cli_xen_guest::*field;
    const char *option;
  };
  const Case cases[] = {{&cli_xen_guest::name, "--name"},     {&cli_xen_guest::kernel, "--kernel"},
                        {&cli_xen_guest::disk, "--disk"},     {&cli_xen_guest::bridge, "--bridge"},
                        {&cli_xen_guest::mac, "--mac"},       {&cli_xen_guest::ip, "--ip"},
                        {&cli_xen_guest::ip6, "--ip6"},       {&cli_xen_guest::gw, "--gw"},
                        {&cli_xen_guest::dns, "--dns"},       {&cli_xen_guest::host_name, "--host"},
                        {&cli_xen_guest::seed_disk, "--seed-disk"}};
  for (const Case &c : cases) {
    for (const char *bad : {"", "a\"b", "a b", "/a\nb", "\\", "/x,w", "$(id)", "'", "../up"}) {
      cli_xen_guest g = Guest();
      g.*(c.field) = bad;
      const std::string why = Refusal(g);
      EXPECT_NE(why, "") << c.option << " '" << bad << "'";
    }
    cli_xen_guest g = Guest();
    g.*(c.field) = "a b";
    EXPECT_EQ(Refusal(g).rfind(c.option, 0), 0u) << Refusal(g);
  }
}

TEST(DeployXenTest, NumbersHaveLimits) {
  cli_xen_guest g = Guest();
  for (const uint64_t mib : {UINT64_C(0), UINT64_C(31), UINT64_C(65537), UINT64_MAX}) {
    g.memory_mib = mib;
    EXPECT_TRUE(Has(Refusal(g), "--memory")) << mib;
  }
  for (const uint64_t mib : {32, 65536}) {
    g.memory_mib = mib;
    EXPECT_EQ(Refusal(g), "") << mib;
  }
  for (const uint64_t port : {0, 65536}) {
    g.port = port;
    EXPECT_TRUE(Has(Refusal(g), "--port")) << port;
  }
}

TEST(DeployXenTest, NamesHaveLengths) {
  cli_xen_guest g = Guest();
  const std::string fits(63, 'a'), longer(64, 'a'), bridge(16, 'b'), path = "/" + std::string(1000, 'p');
  g.name = fits.c_str();
  EXPECT_EQ(Refusal(g), "");
  g.name = longer.c_str();
  EXPECT_TRUE(Has(Refusal(g), "--name"));
  g = Guest();
  g.bridge = bridge.c_str();
  EXPECT_TRUE(Has(Refusal(g), "--bridge"));
  g = Guest();
  g.kernel = path.c_str();
  EXPECT_TRUE(Has(Refusal(g), "--kernel"));
}

TEST(DeployXenTest, AddressesAreThoseThatTheGuestUnderstands) {
  for (const char *bad : {"192.0.2.10", "192.0.2.10/33", "192.0.2.256/24", "127.0.0.1/8", "dhcp6"}) {
    cli_xen_guest g = Guest();
    g.ip = bad;
    EXPECT_TRUE(Has(Refusal(g), bad)) << bad;
  }
  cli_xen_guest g = Guest();
  g.gw = "198.51.100.1";
  EXPECT_TRUE(Has(Refusal(g), "the router 198.51.100.1 is not on the network of 192.0.2.10/24"));
  g = Guest();
  g.ip6 = "dhcp";
  EXPECT_TRUE(Has(Refusal(g), "--ip6"));
  g = Guest();
  g.mac = "01:16:3e:12:34:56";
  EXPECT_TRUE(Has(Refusal(g), "--mac")) << "a group's address";
}

TEST(DeployXenTest, AMadeAddressIsOneOfXen) {
  const uint8_t random[3] = {0x00, 0xab, 0x0f};
  char mac[CLI_XEN_MAC_LEN];
  cli_xen_mac(random, mac);
  EXPECT_STREQ(mac, "00:16:3e:00:ab:0f");
}

}  // namespace
