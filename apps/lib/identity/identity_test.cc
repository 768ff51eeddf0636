#include "apps/lib/identity/identity.h"

#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

class IdentityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sim_ = so_sim_make(nullptr);
    world_ = so_sim_world(sim_);
    request_.common_name = so_str("test");
    request_.names[0] = so_str("site.example");
    request_.names[1] = so_str("0.0.0.0");
    request_.names[2] = so_str("localhost");
    request_.name_count = 3;
  }
  void TearDown() override { so_sim_free(sim_); }

  std::string Pem(const so_identity &identity) {
    so_buf b;
    so_buf_init(&b, so_test::Heap(), SO_IDENTITY_PEM_LEN_MAX);
    so_identity_write_pem(&identity, &b);
    const std::string text = so_test::Text(so_buf_bytes(&b));
    so_buf_release(&b);
    return text;
  }

  std::string KeyPem(const so_identity &identity) {
    uint8_t buf[SO_KEY_PEM_LEN_MAX];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_private_key_write_pem(&identity.tls.key, &w);
    return so_test::Text(so_writer_bytes(&w));
  }

  so_sim *sim_;
  const so_world *world_;
  so_identity_request request_ = {};
  so_identity one_, two_;
};

TEST_F(IdentityTest, OneThatWasMadeCoversItsNames) {
  SO_ASSERT_OK(so_identity_make(world_, &request_, &one_));
  EXPECT_TRUE(so_identity_covers(&one_, so_str("site.example")));
  EXPECT_TRUE(so_identity_covers(&one_, so_str("127.0.0.1")));
  EXPECT_TRUE(so_identity_covers(&one_, so_str("::")));
  EXPECT_FALSE(so_identity_covers(&one_, so_str("other.example")));
}

TEST_F(IdentityTest, ARecordSurvivesTheRoundTripAndNoTruncation) {
  SO_ASSERT_OK(so_identity_make(world_, &request_, &one_));
  uint8_t record[SO_IDENTITY_RECORD_LEN_MAX];
  so_writer w = so_writer_of(record, sizeof record);
  so_identity_write(&one_, &w);
  ASSERT_FALSE(w.failed);
  SO_ASSERT_OK(so_identity_read(so_writer_bytes(&w), &two_));
  EXPECT_EQ(0, memcmp(one_.fingerprint, two_.fingerprint, sizeof one_.fingerprint));
  EXPECT_EQ(0, memcmp(one_.tls.key.secret, two_.tls.key.secret, SO_KEY_SECRET_LEN));
  const std::string whole = so_test::Text(so_writer_bytes(&w));
  for (size_t n = 0; n < whole.size(); n++) {
    so_test::Guarded g(whole.substr(0, n));
    SO_EXPECT_CODE(SO_CORRUPT, so_identity_read(g.view(), &two_));
  }
  SO_EXPECT_CODE(SO_CORRUPT, so_identity_read(so_test::View(whole + "x"), &two_));
}

TEST_F(IdentityTest, PemWithAChainIsRead) {
  SO_ASSERT_OK(so_identity_make(world_, &request_, &one_));
  SO_ASSERT_OK(so_identity_make(world_, &request_, &two_));
  const std::string chain = "a word before\n" + Pem(one_) + Pem(two_), key = KeyPem(one_);
  so_identity read;
  SO_ASSERT_OK(so_identity_read_pem(so_test::View(chain), so_test::View(key), &read));
  ASSERT_EQ(2u, read.tls.chain_count);
  EXPECT_TRUE(so_bytes_equal(one_.chain[0], read.chain[0]));
  EXPECT_TRUE(so_bytes_equal(two_.chain[0], read.chain[1]));
}

TEST_F(IdentityTest, PemThatDoesNotFitTogetherIsRefused) {
  SO_ASSERT_OK(so_identity_make(world_, &request_, &one_));
  SO_ASSERT_OK(so_identity_make(world_, &request_, &two_));
  const std::string pem = Pem(one_), key = KeyPem(one_), other = KeyPem(two_);
  so_identity read;
  SO_EXPECT_CODE(SO_CONFLICT,
                 so_identity_read_pem(so_test::View(pem), so_test::View(other), &read));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_identity_read_pem(so_test::View(key), so_test::View(key), &read));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_identity_read_pem(so_test::View(pem), so_test::View(pem), &read));
  const std::string five = pem + pem + pem + pem + pem;
  SO_EXPECT_CODE(SO_LIMIT, so_identity_read_pem(so_test::View(five), so_test::View(key), &read));
}

}  // namespace
