// The key schedule against the traces of RFC 8448. Every expected value is printed in the RFC, in
// the section that the test names; hashes of messages are recomputed from testdata/rfc8448.txt.

#include "tls/schedule/schedule.h"

#include <fstream>
#include <map>
#include <vector>

#include "crypto/aead/aead.h"
#include "crypto/p256/p256.h"
#include "crypto/x25519/x25519.h"
#include "tests/support/support.h"
#include "tls/record/record.h"

namespace {

std::string Unhex(const std::string &hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

std::string HexOf(const void *p, size_t n) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < n; i++) {
    const uint8_t b = static_cast<const uint8_t *>(p)[i];
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

class ScheduleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream in("tls/schedule/testdata/rfc8448.txt");
    std::string name;
    std::string hex;
    std::string line;
    while (std::getline(in, line)) {
      if (!line.empty() && line[0] != '#') {
        const size_t space = line.find(' ');
        messages_[line.substr(0, space)] = Unhex(line.substr(space + 1));
      }
    }
    ASSERT_GE(messages_.size(), 14u);
    so_hash_init(&transcript_, SO_SHA256, &cpu_);
  }

  const std::string &Message(const std::string &name) {
    EXPECT_TRUE(messages_.count(name)) << name;
    return messages_[name];
  }

  void Add(const std::string &name) {
    so_hash_update(&transcript_, so_test::View(Message(name)));
  }

  std::string HashSoFar() {
    so_hash copy = transcript_;
    std::string out(32, 0);
    so_hash_final(&copy, reinterpret_cast<uint8_t *>(&out[0]));
    return out;
  }

  std::string Derive(const std::string &secret, const char *label, const std::string &hash) {
    std::string out(32, 0);
    so_tls_derive(SO_SHA256, &cpu_, Ptr(secret), label, Ptr(hash),
                  reinterpret_cast<uint8_t *>(&out[0]));
    return out;
  }

  std::string Expand(const std::string &secret, const char *label, size_t len) {
    std::string out(len, 0);
    so_tls_expand_label(SO_SHA256, &cpu_, Ptr(secret), label, so_bytes_of(nullptr, 0),
                        reinterpret_cast<uint8_t *>(&out[0]), len);
    return out;
  }

  std::string Early(const std::string &psk) {
    std::string out(32, 0);
    so_tls_early_secret(SO_SHA256, &cpu_, so_test::View(psk),
                        reinterpret_cast<uint8_t *>(&out[0]));
    return out;
  }

  std::string Next(std::string secret, const std::string &ikm) {
    so_tls_next_secret(SO_SHA256, &cpu_, so_test::View(ikm),
                       reinterpret_cast<uint8_t *>(&secret[0]));
    return secret;
  }

  std::string Finished(const std::string &secret, const std::string &hash) {
    std::string out(32, 0);
    so_tls_finished_mac(SO_SHA256, &cpu_, Ptr(secret), Ptr(hash),
                        reinterpret_cast<uint8_t *>(&out[0]));
    return out;
  }

  static const uint8_t *Ptr(const std::string &s) {
    return reinterpret_cast<const uint8_t *>(s.data());
  }
  static std::string Hex(const std::string &s) { return HexOf(s.data(), s.size()); }

  so_cpu cpu_ = so_cpu_portable();
  so_hash transcript_;
  std::map<std::string, std::string> messages_;
};

TEST_F(ScheduleTest, SimpleHandshakeHasTheSecretsOfSection3) {
  const std::string client_private =
      Unhex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005");
  const std::string server_public =
      Unhex("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f");
  std::string shared(32, 0);
  SO_ASSERT_OK(so_x25519(Ptr(client_private), Ptr(server_public),
                         reinterpret_cast<uint8_t *>(&shared[0])));
  EXPECT_EQ(Hex(shared), "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");

  const std::string early = Early("");
  EXPECT_EQ(Hex(early), "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
  const std::string handshake = Next(early, shared);
  EXPECT_EQ(Hex(handshake), "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");

  Add("simple_client_hello");
  Add("simple_server_hello");
  const std::string client = Derive(handshake, "c hs traffic", HashSoFar());
  const std::string server = Derive(handshake, "s hs traffic", HashSoFar());
  EXPECT_EQ(Hex(client), "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21");
  EXPECT_EQ(Hex(server), "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
  EXPECT_EQ(Hex(Expand(server, "key", 16)), "3fce516009c21727d0f2e4e86ee403bc");
  EXPECT_EQ(Hex(Expand(server, "iv", 12)), "5d313eb2671276ee13000b30");
  EXPECT_EQ(Hex(Expand(client, "key", 16)), "dbfaa693d1762c5b666af5d950258d01");
  EXPECT_EQ(Hex(Expand(client, "iv", 12)), "5bd3c71b836e0b76bb73265f");

  const std::string master = Next(handshake, "");
  EXPECT_EQ(Hex(master), "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919");
  Add("simple_encrypted_extensions");
  Add("simple_certificate");
  Add("simple_certificate_verify");
  EXPECT_EQ(Message("simple_server_finished").substr(4), Finished(server, HashSoFar()));
  Add("simple_server_finished");
  EXPECT_EQ(Hex(Derive(master, "c ap traffic", HashSoFar())),
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
  EXPECT_EQ(Hex(Derive(master, "s ap traffic", HashSoFar())),
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
  EXPECT_EQ(Hex(Derive(master, "exp master", HashSoFar())),
            "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50");
  EXPECT_EQ(Message("simple_client_finished").substr(4), Finished(client, HashSoFar()));
  Add("simple_client_finished");
  const std::string resumption = Derive(master, "res master", HashSoFar());
  EXPECT_EQ(Hex(resumption), "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c");
  uint8_t psk[32];
  const uint8_t nonce[2] = {0, 0};
  so_tls_resumption_psk(SO_SHA256, &cpu_, Ptr(resumption), so_bytes_of(nonce, 2), psk);
  EXPECT_EQ(HexOf(psk, 32), "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3");
}

TEST_F(ScheduleTest, TicketRecordOfSection3IsOpenedAndSealedByteForByte) {
  const std::string secret =
      Unhex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
  const so_tls_suite *suite = so_tls_suite_find(SO_TLS_AES_128_GCM_SHA256);
  so_tls_record_keys keys;
  std::string record = Message("simple_new_ticket_record");
  uint8_t *p = reinterpret_cast<uint8_t *>(&record[0]);
  uint8_t type = 0;
  so_bytes content;
  so_tls_record_keys_init(&keys, suite, &cpu_, Ptr(secret));
  SO_ASSERT_OK(so_tls_record_open(&keys, p, record.size(), SO_TLS_PLAINTEXT_LEN_MAX, &type,
                                  &content));
  EXPECT_EQ(type, SO_TLS_CONTENT_HANDSHAKE);
  EXPECT_EQ(so_test::Text(content), Message("simple_new_ticket"));

  so_tls_record_keys_init(&keys, suite, &cpu_, Ptr(secret));
  so_tls_record_seal(&keys, SO_TLS_CONTENT_HANDSHAKE, p, content.len);
  EXPECT_EQ(record, Message("simple_new_ticket_record"));
}

TEST_F(ScheduleTest, BinderOfTheResumedHandshakeIsThatOfSection4) {
  const std::string psk =
      Unhex("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3");
  const std::string early = Early(psk);
  std::string key(32, 0);
  EXPECT_EQ(Hex(early), "9b2188e9b2fc6d64d71dc329900e20bb41915000f678aa839cbb797cb7d8332c");
  so_tls_binder_key(SO_SHA256, &cpu_, Ptr(early), reinterpret_cast<uint8_t *>(&key[0]));
  EXPECT_EQ(Hex(key), "69fe131a3bbad5d63c64eebcc30e395b9d8107726a13d074e389dbc8a4e47256");
  Add("resumed_client_hello_prefix");
  EXPECT_EQ(Hex(HashSoFar()), "63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14");
  EXPECT_EQ(Hex(Finished(key, HashSoFar())),
            "3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d");
}

TEST_F(ScheduleTest, RetriedHandshakeHasTheSecretsOfSection5) {
  const std::string server_private =
      Unhex("8c510601f9765bfb8ed693449a48989859b5cfa879cb9f5443c41c5ff10634ed");
  const std::string client_public =
      Unhex("04a6da7392ec591e17abfd535964b99894d13befb221b3def2ebe3830eac8f0151812677c4d6d2237e85"
            "cf01d6910cfb83954e76ba7352830534159897e8065780");
  std::string shared(32, 0);
  SO_ASSERT_OK(so_p256_ecdh(Ptr(server_private), Ptr(client_public),
                            reinterpret_cast<uint8_t *>(&shared[0])));
  EXPECT_EQ(Hex(shared), "c142ce13ca11b5c2233652e63ad3d97844f1621fbfb9de69d547dc8fedeabeb4");

  Add("retry_client_hello_1");
  so_tls_message_hash(&transcript_, &cpu_);
  Add("retry_request");
  Add("retry_client_hello_2");
  Add("retry_server_hello");
  EXPECT_EQ(Hex(HashSoFar()), "8aa8e828ec2f8a884fec95a3139de01c15a3daa7ff5bfc3f4bfcc21b438d7bf8");
  const std::string handshake = Next(Early(""), shared);
  EXPECT_EQ(Hex(handshake), "ce022e5e6e81e50736d773f2d3adfce8220d049bf510f0dbfac927ef4243b148");
  EXPECT_EQ(Hex(Derive(handshake, "c hs traffic", HashSoFar())),
            "158aa7ab8855073582b41d674b4055cabcc534728f659314861b4e08e2011566");
  EXPECT_EQ(Hex(Derive(handshake, "s hs traffic", HashSoFar())),
            "3403e781e2af7b6508da28574f6e95a1abf162de83a97927c37672a4a0cef8a1");
  EXPECT_EQ(Hex(Next(handshake, "")),
            "1131545d0baf79ddce9b87f06945781a57dd18ef378dcd2060f8f9a569027ed8");
}

TEST_F(ScheduleTest, UpdatedSecretsDifferAndExportersHaveTheirLimit) {
  std::string secret(32, 'a');
  const std::string before = secret;
  so_tls_update_secret(SO_SHA256, &cpu_, reinterpret_cast<uint8_t *>(&secret[0]));
  EXPECT_EQ(secret, Expand(before, "traffic upd", 32));
  EXPECT_NE(secret, before);

  std::vector<uint8_t> out(255 * 32 + 1);
  const so_bytes label = so_str("label");
  SO_EXPECT_OK(so_tls_exporter(SO_SHA256, &cpu_, Ptr(secret), label, so_str("x"), out.data(),
                               255 * 32));
  SO_EXPECT_CODE(SO_LIMIT, so_tls_exporter(SO_SHA256, &cpu_, Ptr(secret), label, so_str("x"),
                                           out.data(), out.size()));
}

TEST_F(ScheduleTest, OnlyTheSuitesThatWeSpeakAreFound) {
  ASSERT_NE(so_tls_suite_find(SO_TLS_AES_256_GCM_SHA384), nullptr);
  EXPECT_EQ(so_tls_suite_find(SO_TLS_AES_256_GCM_SHA384)->hash, SO_SHA384);
  EXPECT_EQ(so_tls_suite_find(SO_TLS_CHACHA20_POLY1305_SHA256)->aead, SO_CHACHA20_POLY1305);
  EXPECT_EQ(so_tls_suite_find(0x1304), nullptr);
  EXPECT_EQ(so_tls_suite_find(0), nullptr);
}

}  // namespace
