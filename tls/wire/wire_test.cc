#include "tls/wire/wire.h"

#include <functional>
#include <vector>

#include "tests/support/support.h"

namespace {

using so_test::Text;
using so_test::View;

std::string Write(const std::function<void(so_writer *)> &f) {
  std::vector<uint8_t> out(70000);
  so_writer w = so_writer_of(out.data(), out.size());
  f(&w);
  EXPECT_FALSE(w.failed);
  return Text(so_writer_bytes(&w));
}

std::string Body(const std::string &message) { return message.substr(SO_TLS_MESSAGE_HEAD); }

using Parser = std::function<so_status(so_bytes)>;

// What every parser owes: no truncation and no trailing byte passes, and none reads outside.
void ExpectStrict(const std::string &message, const Parser &parse, size_t may_end_at = 0) {
  const std::string body = Body(message);
  SO_EXPECT_OK(parse(View(body)));
  for (size_t n = 0; n < body.size(); n++) {
    const so_test::Guarded g(body.data(), n);
    const so_status s = parse(g.view());
    EXPECT_EQ(so_ok(s), n != 0 && n == may_end_at) << n << " of " << body.size();
    EXPECT_TRUE(so_ok(s) || s.detail != 0) << "a failure without an alert";
  }
  const so_test::Guarded g(body + "x");
  EXPECT_FALSE(so_ok(parse(g.view())));
}

const std::string kRandom(32, 'r');
const std::string kKey(32, 'k');

std::string Share(uint16_t group, const std::string &key) {
  return Write([&](so_writer *w) { so_tls_write_share(group, View(key), w); });
}

// --- ClientHello --------------------------------------------------------------------------------

struct HelloParts {
  std::string share = Share(SO_TLS_X25519, kKey);
  std::string psk = Write([](so_writer *w) { so_tls_write_psk(so_str("ticket"), 77, w); });
  std::string binder = std::string(1, 32) + std::string(32, 'b');
  so_tls_client_hello hello = {};
  HelloParts() {
    hello.legacy_version = SO_TLS_VERSION_1_2;
    hello.random = View(kRandom);
    hello.session_id = so_str("session");
    hello.suites = so_bytes_of("\x13\x01\x13\x02", 4);
    hello.server_name = so_str("example.org");
    hello.groups = so_bytes_of("\x00\x1d", 2);
    hello.signature_schemes = so_bytes_of("\x04\x03", 2);
    hello.versions = so_bytes_of("\x03\x04", 2);
    hello.psk_modes = so_bytes_of("\x01", 1);
    hello.alpn = so_bytes_of("\x02h2\x01x", 5);
    hello.shares = View(share);
    hello.cookie = so_str("cookie");
    hello.record_size_limit = 1000;
    hello.early_data = true;
    hello.psk_identities = View(psk);
    hello.psk_binders = View(binder);
  }
  std::string Message() const {
    return Write([&](so_writer *w) { so_tls_client_hello_write(&hello, w); });
  }
};

so_status ParseHello(so_bytes body) {
  so_tls_client_hello out;
  return so_tls_client_hello_parse(body, &out);
}

TEST(ClientHelloTest, WhatWasWrittenIsReadBackAndWrittenAgain) {
  const HelloParts parts;
  const std::string message = parts.Message();
  const std::string body = Body(message);
  so_tls_client_hello h;
  SO_ASSERT_OK(so_tls_client_hello_parse(View(body), &h));
  EXPECT_EQ(Text(h.random), kRandom);
  EXPECT_EQ(Text(h.session_id), "session");
  EXPECT_TRUE(h.compression_null);
  EXPECT_EQ(Text(h.server_name), "example.org");
  EXPECT_EQ(Text(h.cookie), "cookie");
  EXPECT_EQ(h.record_size_limit, 1000);
  EXPECT_TRUE(h.early_data);
  EXPECT_EQ(h.binders_len, 2u + 1u + 32u);
  EXPECT_TRUE(so_tls_list16_has(h.suites, 0x1302));
  EXPECT_FALSE(so_tls_list16_has(h.suites, 0x0213));
  so_bytes rest = h.alpn;
  so_bytes name;
  ASSERT_TRUE(so_tls_list8_next(&rest, &name));
  EXPECT_EQ(Text(name), "h2");
  ASSERT_TRUE(so_tls_list8_next(&rest, &name));
  EXPECT_FALSE(so_tls_list8_next(&rest, &name));
  uint32_t age = 0;
  rest = h.psk_identities;
  ASSERT_TRUE(so_tls_psk_next(&rest, &name, &age));
  EXPECT_EQ(Text(name), "ticket");
  EXPECT_EQ(age, 77u);
  EXPECT_FALSE(so_tls_psk_next(&rest, &name, &age));
  EXPECT_EQ(Write([&](so_writer *w) { so_tls_client_hello_write(&h, w); }), message);
}

TEST(ClientHelloTest, IsStrict) {
  // Old versions may leave out all extensions: that one truncation is a hello of TLS 1.2.
  ExpectStrict(HelloParts().Message(), ParseHello, 2 + 32 + 1 + 7 + 2 + 4 + 2);
}

std::string WithExtension(uint16_t type, const std::string &body) {
  HelloParts parts;
  so_tls_client_hello *h = &parts.hello;
  const so_bytes none = {nullptr, 0};
  h->server_name = h->groups = h->signature_schemes = h->versions = h->psk_modes = none;
  h->alpn = h->shares = h->cookie = h->psk_identities = h->psk_binders = none;
  h->record_size_limit = 0;
  h->early_data = false;
  std::string out = Body(parts.Message());
  out.resize(out.size() - 2);
  return out + Write([&](so_writer *w) {
           const size_t all = so_open16(w);
           so_write_u16be(w, type);
           const size_t mark = so_open16(w);
           so_write_bytes(w, View(body));
           so_close16(w, mark);
           so_close16(w, all);
         });
}

TEST(ClientHelloTest, BrokenExtensionsAreDecodeErrors) {
  const struct {
    uint16_t type;
    std::string body;
  } bad[] = {
      {SO_TLS_EXT_SERVER_NAME, ""},
      {SO_TLS_EXT_SERVER_NAME, std::string("\x00\x03\x00\x00\x00", 5)},          // Empty name.
      {SO_TLS_EXT_SERVER_NAME, std::string("\x00\x04\x01\x00\x01x", 6)},         // Not a host name.
      {SO_TLS_EXT_SERVER_NAME, std::string("\x00\x08\x00\x00\x01x\x00\x00\x01y", 10)},
      {SO_TLS_EXT_SUPPORTED_GROUPS, std::string("\x00\x00", 2)},
      {SO_TLS_EXT_SUPPORTED_GROUPS, std::string("\x00\x01x", 3)},
      {SO_TLS_EXT_SIGNATURE_ALGORITHMS, std::string("\x00\x03xyz", 5)},
      {SO_TLS_EXT_ALPN, std::string("\x00\x01\x00", 3)},
      {SO_TLS_EXT_ALPN, std::string("\x00\x00", 2)},
      {SO_TLS_EXT_SUPPORTED_VERSIONS, std::string("\x00", 1)},
      {SO_TLS_EXT_SUPPORTED_VERSIONS, std::string("\x01x", 2)},
      {SO_TLS_EXT_COOKIE, std::string("\x00\x00", 2)},
      {SO_TLS_EXT_PSK_MODES, std::string("\x00", 1)},
      {SO_TLS_EXT_KEY_SHARE, std::string("\x00\x04\x00\x1d\x00\x00", 6)},
      {SO_TLS_EXT_EARLY_DATA, "x"},
      {SO_TLS_EXT_RECORD_SIZE_LIMIT, "x"},
      {SO_TLS_EXT_PRE_SHARED_KEY, std::string("\x00\x00\x00\x00", 4)},
  };
  for (const auto &b : bad) {
    const std::string body = WithExtension(b.type, b.body);
    const so_status s = ParseHello(View(body));
    SO_EXPECT_CODE(SO_MALFORMED, s);
    EXPECT_EQ(s.detail, SO_TLS_ALERT_DECODE_ERROR) << b.type << " " << b.body.size();
  }
  const std::string unknown = WithExtension(0x1a1a, "anything");
  SO_EXPECT_OK(ParseHello(View(unknown)));
}

TEST(ClientHelloTest, IllegalValuesAreTold) {
  const std::string nul = WithExtension(SO_TLS_EXT_SERVER_NAME,
                                        std::string("\x00\x05\x00\x00\x02x\x00", 7));
  EXPECT_EQ(ParseHello(View(nul)).detail, SO_TLS_ALERT_ILLEGAL_PARAMETER);
  const std::string small = WithExtension(SO_TLS_EXT_RECORD_SIZE_LIMIT, std::string("\x00\x3f", 2));
  EXPECT_EQ(ParseHello(View(small)).detail, SO_TLS_ALERT_ILLEGAL_PARAMETER);
  const std::string least = WithExtension(SO_TLS_EXT_RECORD_SIZE_LIMIT, std::string("\x00\x40", 2));
  SO_EXPECT_OK(ParseHello(View(least)));
}

TEST(ClientHelloTest, AnExtensionTwiceOrAfterThePreSharedKeyIsIllegal) {
  HelloParts parts;
  std::string body = Body(parts.Message());
  const size_t at = 2 + 32 + 1 + 7 + 2 + 4 + 2;
  const size_t len = body.size() - at - 2;
  for (uint16_t type : {uint16_t{SO_TLS_EXT_COOKIE}, uint16_t{0x7777}}) {
    std::string more = body + Write([&](so_writer *w) {
                         so_write_u16be(w, type);
                         so_write_u16be(w, 0);
                       });
    more[at] = static_cast<char>((len + 4) >> 8);
    more[at + 1] = static_cast<char>(len + 4);
    EXPECT_EQ(ParseHello(View(more)).detail, SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
}

TEST(ClientHelloTest, TheNumberOfExtensionsIsLimited) {
  for (size_t count : {size_t{SO_TLS_EXTENSIONS_MAX}, size_t{SO_TLS_EXTENSIONS_MAX + 1}}) {
    const std::string block = Write([&](so_writer *w) {
      const size_t mark = so_open16(w);
      for (size_t i = 0; i < count; i++) {
        so_write_u16be(w, static_cast<uint16_t>(0x4000 + i));
        so_write_u16be(w, 0);
      }
      so_close16(w, mark);
    });
    const std::string body =
        std::string("\x03\x03", 2) + kRandom + std::string("\x00\x00\x02\x13\x01\x01\x00", 7) + block;
    EXPECT_EQ(so_ok(ParseHello(View(body))), count == SO_TLS_EXTENSIONS_MAX);
  }
}

TEST(ClientHelloTest, EachIdentityNeedsItsBinder) {
  HelloParts parts;
  parts.binder += std::string(1, 32) + std::string(32, 'c');
  parts.hello.psk_binders = View(parts.binder);
  const std::string body = Body(parts.Message());
  EXPECT_EQ(ParseHello(View(body)).detail, SO_TLS_ALERT_ILLEGAL_PARAMETER);
}

// --- ServerHello --------------------------------------------------------------------------------

so_status ParseServerHello(so_bytes body) {
  so_tls_server_hello out;
  return so_tls_server_hello_parse(body, &out);
}

so_tls_server_hello NewServerHello() {
  so_tls_server_hello h = {};
  h.legacy_version = SO_TLS_VERSION_1_2;
  h.random = View(kRandom);
  h.session_id = so_str("session");
  h.suite = SO_TLS_AES_128_GCM_SHA256;
  h.version = SO_TLS_VERSION_1_3;
  h.group = SO_TLS_X25519;
  h.share = View(kKey);
  h.psk = 0;
  return h;
}

std::string Message(const so_tls_server_hello &h) {
  return Write([&](so_writer *w) { so_tls_server_hello_write(&h, w); });
}

TEST(ServerHelloTest, WhatWasWrittenIsReadBack) {
  so_tls_server_hello h = NewServerHello();
  const std::string body = Body(Message(h));
  so_tls_server_hello out;
  SO_ASSERT_OK(so_tls_server_hello_parse(View(body), &out));
  EXPECT_FALSE(out.retry);
  EXPECT_EQ(Text(out.share), kKey);
  EXPECT_EQ(out.psk, 0u);
  EXPECT_EQ(Message(out), Message(h));
}

TEST(ServerHelloTest, ARetryIsToldByItsRandom) {
  so_tls_server_hello h = NewServerHello();
  h.retry = true;
  h.psk = SO_TLS_NO_PSK;
  h.cookie = so_str("cookie");
  const std::string body = Body(Message(h));
  so_tls_server_hello out;
  SO_ASSERT_OK(so_tls_server_hello_parse(View(body), &out));
  EXPECT_TRUE(out.retry);
  EXPECT_EQ(Text(out.cookie), "cookie");
  EXPECT_EQ(out.psk, SO_TLS_NO_PSK);
  EXPECT_EQ(Message(out), Message(h));
}

TEST(ServerHelloTest, IsStrict) {
  // Without extensions it is of TLS 1.2, and refused for that.
  ExpectStrict(Message(NewServerHello()), ParseServerHello);
  so_tls_server_hello h = NewServerHello();
  h.retry = true;
  h.psk = SO_TLS_NO_PSK;
  h.cookie = so_str("cookie");
  ExpectStrict(Message(h), ParseServerHello);
}

TEST(ServerHelloTest, OldVersionsAndForcedOnesAreTold) {
  so_tls_server_hello h = NewServerHello();
  h.version = 0;
  h.group = 0;
  h.psk = SO_TLS_NO_PSK;
  std::string body = Body(Message(h));
  EXPECT_EQ(ParseServerHello(View(body)).detail, SO_TLS_ALERT_PROTOCOL_VERSION);
  body.resize(body.size() - 2);
  EXPECT_EQ(ParseServerHello(View(body)).detail, SO_TLS_ALERT_PROTOCOL_VERSION);
  for (char last : {'\x00', '\x01', '\x02'}) {
    const std::string random = std::string(24, 'r') + "DOWNGRD" + last;
    h.random = View(random);
    body = Body(Message(h));
    EXPECT_EQ(ParseServerHello(View(body)).detail, last <= 1 ? SO_TLS_ALERT_ILLEGAL_PARAMETER
                                                             : SO_TLS_ALERT_PROTOCOL_VERSION);
  }
}

// --- the others -----------------------------------------------------------------------------------

TEST(EncryptedExtensionsTest, RoundTripAndStrictness) {
  const so_tls_encrypted_extensions ee = {true, so_str("h2"), 512};
  const std::string message =
      Write([&](so_writer *w) { so_tls_encrypted_extensions_write(&ee, w); });
  so_tls_encrypted_extensions out;
  const std::string body = Body(message);
  SO_ASSERT_OK(so_tls_encrypted_extensions_parse(View(body), &out));
  EXPECT_TRUE(out.server_name);
  EXPECT_EQ(Text(out.alpn), "h2");
  EXPECT_EQ(out.record_size_limit, 512);
  ExpectStrict(message, [](so_bytes b) {
    so_tls_encrypted_extensions e;
    return so_tls_encrypted_extensions_parse(b, &e);
  });
}

TEST(CertificateTest, RoundTripStrictnessAndLimit) {
  std::vector<so_bytes> chain(SO_TLS_CHAIN_COUNT_MAX + 1, so_str("certificate"));
  const auto parse = [](so_bytes b) {
    so_tls_certificate c;
    return so_tls_certificate_parse(b, &c);
  };
  for (size_t count = 0; count <= chain.size(); count++) {
    const std::string message = Write([&](so_writer *w) {
      so_tls_certificate_write(so_str("context"), chain.data(), count, w);
    });
    const std::string body = Body(message);
    if (count > SO_TLS_CHAIN_COUNT_MAX) {
      SO_EXPECT_CODE(SO_LIMIT, parse(View(body)));
      continue;
    }
    so_tls_certificate c;
    SO_ASSERT_OK(so_tls_certificate_parse(View(body), &c));
    EXPECT_EQ(c.count, count);
    EXPECT_EQ(Text(c.context), "context");
    ExpectStrict(message, parse);
  }
}

TEST(CertificateTest, ExtensionsOfEntriesAreRefused) {
  const std::string body("\x00\x00\x00\x0c\x00\x00\x01x\x00\x06\x00\x05\x00\x02xy", 16);
  so_tls_certificate c;
  EXPECT_EQ(so_tls_certificate_parse(View(body), &c).detail, SO_TLS_ALERT_UNSUPPORTED_EXTENSION);
}

TEST(CertificateVerifyTest, RoundTripAndStrictness) {
  const so_tls_certificate_verify verify = {SO_TLS_ED25519, so_str("signature")};
  const std::string message =
      Write([&](so_writer *w) { so_tls_certificate_verify_write(&verify, w); });
  so_tls_certificate_verify out;
  const std::string body = Body(message);
  SO_ASSERT_OK(so_tls_certificate_verify_parse(View(body), &out));
  EXPECT_EQ(out.scheme, SO_TLS_ED25519);
  EXPECT_EQ(Text(out.signature), "signature");
  ExpectStrict(message, [](so_bytes b) {
    so_tls_certificate_verify v;
    return so_tls_certificate_verify_parse(b, &v);
  });
}

TEST(CertificateVerifyTest, TheSignedContentIsThatOfTheRfc) {
  // RFC 8446 4.4.3 prints it for a hash of 32 bytes 01.
  const std::string hash(32, 1);
  const std::string content = Write([&](so_writer *w) { so_tls_signed_content(View(hash), w); });
  EXPECT_EQ(content, std::string(64, ' ') + "TLS 1.3, server CertificateVerify" +
                         std::string(1, '\0') + hash);
  EXPECT_EQ(content.size(), size_t{SO_TLS_SIGNED_LEN(32)});
}

TEST(CertificateRequestTest, IsStrictAndNeedsSchemes) {
  const std::string message = Write(
      [](so_writer *w) { so_tls_certificate_request_write(so_bytes_of("\x04\x03", 2), w); });
  ExpectStrict(message, so_tls_certificate_request_parse);
  EXPECT_EQ(so_tls_certificate_request_parse(so_bytes_of("\x00\x00\x00", 3)).detail,
            SO_TLS_ALERT_MISSING_EXTENSION);
  EXPECT_EQ(so_tls_certificate_request_parse(so_bytes_of("\x01x\x00\x00", 4)).detail,
            SO_TLS_ALERT_ILLEGAL_PARAMETER);
}

TEST(SmallMessagesTest, RoundTripAndStrictness) {
  const std::string mac(48, 'm');
  const std::string finished =
      Write([&](so_writer *w) { so_tls_finished_write(View(mac), w); });
  ExpectStrict(finished, [](so_bytes b) {
    so_bytes out;
    return so_tls_finished_parse(b, 48, &out);
  });
  const so_tls_new_ticket ticket = {100, 200, so_str("n"), so_str("ticket")};
  const std::string message = Write([&](so_writer *w) { so_tls_new_ticket_write(&ticket, w); });
  so_tls_new_ticket out;
  const std::string body = Body(message);
  SO_ASSERT_OK(so_tls_new_ticket_parse(View(body), &out));
  EXPECT_EQ(out.lifetime_s, 100u);
  EXPECT_EQ(out.age_add, 200u);
  EXPECT_EQ(Text(out.nonce), "n");
  EXPECT_EQ(Text(out.ticket), "ticket");
  ExpectStrict(message, [](so_bytes b) {
    so_tls_new_ticket t;
    return so_tls_new_ticket_parse(b, &t);
  });
  for (bool ask : {false, true}) {
    const std::string update = Write([&](so_writer *w) { so_tls_key_update_write(ask, w); });
    ExpectStrict(update, [](so_bytes b) {
      bool a = false;
      return so_tls_key_update_parse(b, &a);
    });
    bool asked = !ask;
    const std::string update_body = Body(update);
    SO_EXPECT_OK(so_tls_key_update_parse(View(update_body), &asked));
    EXPECT_EQ(asked, ask);
  }
  bool ask = false;
  EXPECT_EQ(so_tls_key_update_parse(so_bytes_of("\x02", 1), &ask).detail,
            SO_TLS_ALERT_ILLEGAL_PARAMETER);
}

TEST(FaultTest, TheCodeSaysWhoIsToBlame) {
  SO_EXPECT_CODE(SO_UNSUPPORTED, so_tls_fault(SO_TLS_ALERT_HANDSHAKE_FAILURE));
  SO_EXPECT_CODE(SO_DENIED, so_tls_fault(SO_TLS_ALERT_UNKNOWN_CA));
  SO_EXPECT_CODE(SO_INTERNAL, so_tls_fault(SO_TLS_ALERT_INTERNAL_ERROR));
  SO_EXPECT_CODE(SO_MALFORMED, so_tls_fault(SO_TLS_ALERT_DECODE_ERROR));
}

}  // namespace
