#include "tests/support/support.h"
#include "tests/support/vectors.h"
#include "tls/x509/x509.h"

namespace {

using so_test::Text;
using so_test::ToHex;

// The name as text: DNS as it is, IP in hex, "-" for none.
std::string Read(const std::string &text) {
  so_test::Guarded g(text);
  so_x509_name name;
  const so_status s = so_x509_name_read(g.view(), &name);
  if (!so_ok(s)) {
    SO_EXPECT_CODE(SO_MALFORMED, s);
    return "-";
  }
  return name.kind == SO_X509_NAME_DNS ? Text(name.dns) : ToHex(name.ip, name.ip_len);
}

TEST(NameTest, DnsNames) {
  EXPECT_EQ(Read("localhost"), "localhost");
  EXPECT_EQ(Read("a.b-c.Example"), "a.b-c.Example");
  EXPECT_EQ(Read("_srv.example"), "_srv.example");
  EXPECT_EQ(Read("host.example."), "host.example");
  EXPECT_EQ(Read("1a.2b"), "1a.2b");
  EXPECT_EQ(Read("xn--bcher-kva.example"), "xn--bcher-kva.example");
  for (const char *bad : {"", ".", "..", ".a", "a..b", "a..", "-a.b", "a-.b", "a b", "a/b", "*.a.b",
                          "b\xc3\xbc.example", "a@b", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a.1"}) {
    EXPECT_EQ(Read(bad), "-") << bad;
  }
  EXPECT_EQ(Read(std::string("a\0b", 3)), "-");
}

TEST(NameTest, DnsLengthsAreLimited) {
  const std::string label(63, 'a');
  EXPECT_EQ(Read(label + ".b"), label + ".b");
  EXPECT_EQ(Read(label + "a.b"), "-");
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  ASSERT_EQ(longest.size(), size_t{SO_X509_NAME_LEN_MAX});
  EXPECT_EQ(Read(longest), longest);
  EXPECT_EQ(Read(longest + "b"), "-");
}

TEST(NameTest, Ipv4Addresses) {
  EXPECT_EQ(Read("127.0.0.1"), "7f000001");
  EXPECT_EQ(Read("255.255.255.255"), "ffffffff");
  EXPECT_EQ(Read("01.2.3.4"), "-");
  EXPECT_EQ(Read("1.2.3.4."), "-");
  EXPECT_EQ(Read("1.2..4"), "-");
  EXPECT_EQ(Read("1.2.3.-4"), "-");
}

TEST(NameTest, Ipv6Addresses) {
  EXPECT_EQ(Read("::"), std::string(32, '0'));
  EXPECT_EQ(Read("::1"), std::string(31, '0') + "1");
  EXPECT_EQ(Read("1::"), "0001" + std::string(28, '0'));
  EXPECT_EQ(Read("2001:DB8::a:b"), "20010db80000000000000000000a000b");
  EXPECT_EQ(Read("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  EXPECT_EQ(Read("1:2:3:4:5:6:7::"), "00010002000300040005000600070000");
  EXPECT_EQ(Read("::2:3:4:5:6:7:8"), "00000002000300040005000600070008");
  EXPECT_EQ(Read("::ffff:192.0.2.1"), "00000000000000000000ffffc0000201");
  EXPECT_EQ(Read("1:2:3:4:5:6:1.2.3.4"), "00010002000300040005000601020304");
  for (const char *bad :
       {":", ":1", "1:", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1.2.3", "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4", "::1%eth0", "[::1]", "::1.2.3.4:5", "1::2:"}) {
    EXPECT_EQ(Read(bad), "-") << bad;
  }
}

}  // namespace
