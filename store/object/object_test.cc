#include "store/object/object.h"

#include <string>

#include "store/object/commit.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::FromHex;
using so_test::Guarded;
using so_test::Text;
using so_test::ToHex;
using so_test::View;

// The examples of docs/formats.md, made by an independent implementation.
const char kRoot[] = "5e8cf5f2475bb7d783b7a757bddce8cb81bd951f5d963ad6805468128466afab";
const char kCommitOid[] = "ed3bc018813350b0bcef707bb8be0d7f27d3c3f31d17eaf3695e7fd359b788aa";
const char kCommit[] =
    "01 00 5e8cf5f2475bb7d783b7a757bddce8cb81bd951f5d963ad6805468128466afab 00 01"
    "15 416461203c616461406578616d706c652e6f72673e 0000018bcfe56800 003c"
    "03 426f62 0000018bcfe56be8 fed4 06 66697273740a";
const char kSignedOid[] = "c2d29dfef73b7a5b77ff6c829e30c4d96778cae0158d6533c2b46ba71862a64f";
const char kTagOid[] = "31017bb02a9b14d01cb14a9e216523cf166b238dd1d88c5b5e034cb53cd19c93";

so_oid Oid(const char *hex) {
  so_oid oid;
  memcpy(oid.bytes, FromHex(hex).data(), SO_OID_LEN);
  return oid;
}

so_person Person(const char *name, int64_t time_ms, int16_t zone) {
  const so_person p = {so_str(name), time_ms, zone};
  return p;
}

so_commit First() {
  so_commit c;
  memset(&c, 0, sizeof c);
  c.root = Oid(kRoot);
  c.generation = 1;
  c.author = Person("Ada <ada@example.org>", 1700000000000, 60);
  c.committer = Person("Bob", 1700000001000, -300);
  c.message = so_str("first\n");
  return c;
}

so_commit Signed() {
  so_commit c;
  memset(&c, 0, sizeof c);
  c.parents[0] = Oid(kCommitOid);
  c.parent_count = 1;
  c.generation = 2;
  c.author = Person("", -1, 0);
  c.committer = Person("", 0, 1440);
  c.is_signed = true;
  for (int i = 0; i < 32; i++) c.signer[i] = static_cast<uint8_t>(i);
  for (int i = 0; i < 64; i++) c.signature[i] = static_cast<uint8_t>(32 + i);
  return c;
}

so_tag Tag() {
  so_tag t;
  memset(&t, 0, sizeof t);
  t.target = Oid(kCommitOid);
  t.target_kind = SO_KIND_COMMIT;
  t.name = so_str("v1");
  t.tagger = Person("Ada", 0, -1440);
  t.message = so_str("one");
  return t;
}

so_status Encode(const so_commit &c, so_buf *out) { return so_commit_encode(&c, out); }
so_status Encode(const so_tag &t, so_buf *out) { return so_tag_encode(&t, out); }

template <typename T>
std::string Encoded(const T &value) {
  so_buf out;
  so_buf_init(&out, so_test::Heap(), SO_OBJECT_LEN_MAX);
  SO_EXPECT_OK(Encode(value, &out));
  const std::string s = Text(so_buf_bytes(&out));
  so_buf_release(&out);
  return s;
}

template <typename T>
void ExpectRefused(const T &value) {
  so_buf out;
  so_buf_init(&out, so_test::Heap(), SO_OBJECT_LEN_MAX);
  SO_EXPECT_CODE(SO_LIMIT, Encode(value, &out));
  so_buf_release(&out);
}

// Every truncation and a trailing byte are malformed; a changed byte is too, or it is another valid
// payload that is written in the same way.
template <typename T>
void ExpectStrict(const std::string &payload, so_status (*decode)(so_bytes, T *)) {
  T value;
  for (size_t len = 0; len < payload.size(); len++) {
    const Guarded cut(payload.data(), len);
    SO_EXPECT_CODE(SO_MALFORMED, decode(cut.view(), &value));
  }
  SO_EXPECT_CODE(SO_MALFORMED, decode(View(payload + '\0'), &value));
  for (size_t i = 0; i < payload.size(); i++) {
    for (int bit = 0; bit < 8; bit++) {
      std::string changed = payload;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      const Guarded bytes(changed);
      if (so_ok(decode(bytes.view(), &value))) {
        EXPECT_TRUE(changed == Encoded(value)) << "byte " << i << " bit " << bit;
      }
    }
  }
}

TEST(CommitTest, EncodesTheExample) {
  EXPECT_EQ(ToHex(FromHex(kCommit)), ToHex(Encoded(First())));
  so_oid oid;
  so_oid_of(SO_KIND_COMMIT, View(FromHex(kCommit)), &oid);
  EXPECT_EQ(kCommitOid, ToHex(oid.bytes, SO_OID_LEN));
}

TEST(CommitTest, DecodesTheExample) {
  const std::string payload = FromHex(kCommit);
  so_commit c;
  SO_ASSERT_OK(so_commit_decode(View(payload), &c));
  EXPECT_EQ("Ada <ada@example.org>", Text(c.author.name));
  EXPECT_EQ(1700000000000, c.author.time_ms);
  EXPECT_EQ(60, c.author.zone_minutes);
  EXPECT_EQ(-300, c.committer.zone_minutes);
  EXPECT_EQ("first\n", Text(c.message));
  EXPECT_EQ(1u, c.generation);
  EXPECT_FALSE(c.is_signed);
}

TEST(CommitTest, ASignatureCoversAllBeforeIt) {
  const std::string payload = Encoded(Signed());
  so_oid oid;
  so_oid_of(SO_KIND_COMMIT, View(payload), &oid);
  EXPECT_EQ(kSignedOid, ToHex(oid.bytes, SO_OID_LEN));
  so_commit c;
  SO_ASSERT_OK(so_commit_decode(View(payload), &c));
  EXPECT_EQ(0, memcmp(Signed().signature, c.signature, sizeof c.signature));
  EXPECT_EQ(payload.substr(0, payload.size() - 96), Text(so_commit_signed_part(View(payload))));
  EXPECT_EQ(0u, so_commit_signed_part(View("short")).len);
}

TEST(CommitTest, OnlyCanonicalPayloadsAreDecoded) {
  ExpectStrict<so_commit>(Encoded(First()), so_commit_decode);
  ExpectStrict<so_commit>(Encoded(Signed()), so_commit_decode);
}

TEST(CommitTest, EachLimitHolds) {
  so_commit c = First();
  const std::string longest(SO_MESSAGE_LEN_MAX, 'm'), longer(SO_MESSAGE_LEN_MAX + 1, 'm');
  c.message = View(longest);
  const std::string payload = Encoded(c);
  so_commit back;
  SO_EXPECT_OK(so_commit_decode(View(payload), &back));
  EXPECT_EQ(longest.size(), back.message.len);
  c.message = View(longer);
  ExpectRefused(c);
}

TEST(CommitTest, NamesAreOneLine) {
  const std::string longest(SO_PERSON_LEN_MAX, 'n'), longer(SO_PERSON_LEN_MAX + 1, 'n');
  const std::string with_nul("a\0b", 3);
  so_commit c = First();
  c.author.name = View(longest);
  Encoded(c);
  for (const std::string &bad : {longer, with_nul, std::string("a\nb")}) {
    c = First();
    c.author.name = View(bad);
    ExpectRefused(c);
    c = First();
    c.committer.name = View(bad);
    ExpectRefused(c);
  }
  c = First();
  c.author.name = so_str("\xff\xfe not UTF-8");
  Encoded(c);
}

TEST(CommitTest, ZonesAreWithinADay) {
  for (int zone : {-1441, 1441, 32767, -32768}) {
    so_commit c = First();
    c.author.zone_minutes = static_cast<int16_t>(zone);
    ExpectRefused(c);
  }
}

TEST(CommitTest, ParentsAreDistinctAndFitTheGeneration) {
  so_commit c = First();
  c.generation = 0;
  ExpectRefused(c);
  c.generation = 2;  // Without parents.
  ExpectRefused(c);
  c.parent_count = SO_PARENTS_MAX;
  for (uint32_t i = 0; i < SO_PARENTS_MAX; i++) c.parents[i].bytes[0] = static_cast<uint8_t>(i + 1);
  Encoded(c);
  c.generation = 1;
  ExpectRefused(c);
  c.generation = 2;
  c.parents[15] = c.parents[3];
  ExpectRefused(c);
  memset(&c.parents[15], 0, sizeof c.parents[15]);
  ExpectRefused(c);
  c.parents[15].bytes[0] = 99;
  c.parent_count = SO_PARENTS_MAX + 1;
  ExpectRefused(c);
}

TEST(TagTest, EncodesTheExampleAndOnlyThat) {
  const std::string payload = Encoded(Tag());
  so_oid oid;
  so_oid_of(SO_KIND_TAG, View(payload), &oid);
  EXPECT_EQ(kTagOid, ToHex(oid.bytes, SO_OID_LEN));
  so_tag t;
  SO_ASSERT_OK(so_tag_decode(View(payload), &t));
  EXPECT_EQ("v1", Text(t.name));
  EXPECT_EQ(SO_KIND_COMMIT, t.target_kind);
  EXPECT_EQ(-1440, t.tagger.zone_minutes);
  ExpectStrict<so_tag>(payload, so_tag_decode);
}

TEST(TagTest, RefusesWhatATagCannotBe) {
  so_tag t = Tag();
  t.target_kind = static_cast<so_kind>(6);
  ExpectRefused(t);
  t = Tag();
  memset(&t.target, 0, sizeof t.target);
  ExpectRefused(t);
  t = Tag();
  t.name = so_str("two\nlines");
  ExpectRefused(t);
}

TEST(ObjectTest, TheKindIsPartOfTheName) {
  so_oid a, b;
  so_oid_of(SO_KIND_CHUNK, so_str("bytes"), &a);
  so_oid_of(SO_KIND_TAG, so_str("bytes"), &b);
  EXPECT_FALSE(so_oid_equal(&a, &b));
  EXPECT_NE(0, so_oid_compare(&a, &b));
  EXPECT_EQ(0, so_oid_compare(&a, &a));
  EXPECT_FALSE(so_oid_is_none(&a));
}

}  // namespace
