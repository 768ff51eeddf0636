#include <string>
#include <vector>

#include "store/tree/tree.h"
#include "tests/store_support/objects.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::FromHex;
using so_test::Guarded;
using so_test::MemoryObjects;
using so_test::Text;
using so_test::ToHex;
using so_test::View;

// The example of docs/formats.md.
const char kExample[] =
    "01 00 03"
    "00 0a 646f63732f612e747874 01 a403 05 68656c6c6f"
    "05 05 622e747874 11 ed03 f0a204"
    "de0c40b24e119eb96f254e8691667d553d2bc1350e4ce8853b7067e2e92b8c2f"
    "00 04 6c696e6b 42 ff03 04 646f6373 04 01 6b 01 76";
const char kExampleOid[] = "5e8cf5f2475bb7d783b7a757bddce8cb81bd951f5d963ad6805468128466afab";
const char kChild[] = "de0c40b24e119eb96f254e8691667d553d2bc1350e4ce8853b7067e2e92b8c2f";

so_status Count(void *ctx, const so_oid *, so_kind) {
  ++*static_cast<int *>(ctx);
  return so_done();
}

so_status Check(so_bytes payload) {
  int children = 0;
  return so_tree_node_each_child(payload, Count, &children);
}

void ExpectMalformed(const std::string &hex) {
  const Guarded bytes(FromHex(hex));
  SO_EXPECT_CODE(SO_MALFORMED, Check(bytes.view()));
}

so_entry Entry(so_entry_type type, uint16_t mode, const std::string &value) {
  so_entry e;
  memset(&e, 0, sizeof e);
  e.type = type;
  e.mode = mode;
  e.size = value.size();
  e.is_inline = true;
  e.inline_value = View(value);
  return e;
}

so_tree Tree(const MemoryObjects &objects) {
  so_tree tree = objects.Tree();
  for (int i = 0; i < SO_SALT_LEN; i++) tree.salt[i] = static_cast<uint8_t>(i);
  return tree;
}

TEST(NodeTest, TheExampleIsBuiltByteByByte) {
  MemoryObjects objects;
  const so_tree tree = Tree(objects);
  const std::string chunk(70000, 'x'), meta("\1k\1v"), hello("hello"), docs("docs");
  so_edit edits[3];
  memset(edits, 0, sizeof edits);
  edits[0].key = so_str("docs/a.txt");
  edits[0].entry = Entry(SO_ENTRY_FILE, 0644, hello);
  edits[1].key = so_str("docs/b.txt");
  edits[1].entry.type = SO_ENTRY_FILE;
  edits[1].entry.mode = 0755;
  edits[1].entry.size = chunk.size();
  edits[1].entry.value_kind = SO_KIND_CHUNK;
  SO_ASSERT_OK(so_objects_put(tree.objects, SO_KIND_CHUNK, View(chunk), &edits[1].entry.value));
  edits[2].key = so_str("link");
  edits[2].entry = Entry(SO_ENTRY_SYMLINK, 0777, docs);
  edits[2].entry.meta = View(meta);
  so_oid root, none;
  memset(&none, 0, sizeof none);
  SO_ASSERT_OK(so_tree_edit_array(&tree, &none, edits, 3, &root));
  EXPECT_EQ(ToHex(FromHex(kExample)), ToHex(objects.Find(root)->payload));
  EXPECT_EQ(kExampleOid, ToHex(root.bytes, SO_OID_LEN));
}

TEST(NodeTest, TheExampleIsReadBack) {
  MemoryObjects objects;
  const so_tree tree = Tree(objects);
  objects.check = false;
  so_oid root;
  SO_ASSERT_OK(so_objects_put(tree.objects, SO_KIND_TREE, View(FromHex(kExample)), &root));
  so_arena arena;
  so_arena_init(&arena, so_test::Heap(), 1 << 16);
  so_entry e;
  SO_ASSERT_OK(so_tree_get(&tree, &root, so_str("link"), &arena, &e));
  EXPECT_EQ(SO_ENTRY_SYMLINK, e.type);
  EXPECT_EQ("docs", Text(e.inline_value));
  EXPECT_EQ(std::string("\1k\1v"), Text(e.meta));
  SO_ASSERT_OK(so_tree_get(&tree, &root, so_str("docs/b.txt"), &arena, &e));
  EXPECT_EQ(70000u, e.size);
  EXPECT_EQ(SO_KIND_CHUNK, e.value_kind);
  EXPECT_EQ(kChild, ToHex(e.value.bytes, SO_OID_LEN));
  so_arena_release(&arena);
}

struct Numbered {
  const char *format;
  bool has_value;
  size_t count;
  const char *root;
};

// Roots that an independent implementation made; they are in docs/formats.md.
TEST(NodeTest, RootsAreWhatTheFormatSays) {
  const Numbered all[] = {
      {"key%06zu", true, 1, "a945b85b33d7b389ca59328438d00adb97407dd141a73e15021c3c00f3785c2a"},
      {"key%06zu", true, 12, "99f8e6c7a7733875e7ab81e6d8e6855390d2892e6e626db36aced9d4b9d9328c"},
      {"key%06zu", true, 1000, "530909502f006ca712b85fbf85e6a07afee5c03dc66b34f70f819c7a039655aa"},
      {"key%06zu", true, 100000,
       "c50791eb968bc3ece33023ba5bf94610cc47e48fbbbe54177f42ac13a04730d8"},
      {nullptr, false, 500, "bd271084ce7f0b1bcb8a38bcd05b8901f6295656edfa45d92364aea367778ae1"},
  };
  for (const Numbered &n : all) {
    MemoryObjects objects;
    const so_tree tree = Tree(objects);
    std::vector<std::string> keys, values;
    std::vector<so_edit> edits(n.count);
    for (size_t i = 0; i < n.count; i++) {
      char key[32];
      snprintf(key, sizeof key, n.format != nullptr ? "key%06zu" : "%04zu", i);
      keys.push_back((n.format != nullptr ? "" : std::string(4000, 'k')) + key);
      values.push_back(n.has_value ? std::to_string(i) : "");
    }
    for (size_t i = 0; i < n.count; i++) {
      edits[i].key = View(keys[i]);
      edits[i].is_delete = false;
      edits[i].entry = Entry(SO_ENTRY_FILE, 0644, values[i]);
    }
    so_oid root, none;
    memset(&none, 0, sizeof none);
    SO_ASSERT_OK(so_tree_edit_array(&tree, &none, edits.data(), edits.size(), &root));
    EXPECT_EQ(n.root, ToHex(root.bytes, SO_OID_LEN)) << n.count;
  }
}

TEST(NodeTest, EveryTruncationAndTrailingByteIsMalformed) {
  const std::string payload = FromHex(kExample);
  SO_EXPECT_OK(Check(View(payload)));
  for (size_t len = 0; len < payload.size(); len++) {
    const Guarded cut(payload.data(), len);
    SO_EXPECT_CODE(SO_MALFORMED, Check(cut.view()));
  }
  SO_EXPECT_CODE(SO_MALFORMED, Check(View(payload + '\0')));
}

TEST(NodeTest, TheHeaderIsChecked) {
  const std::string item = "00 01 61 01 00 00";
  SO_EXPECT_OK(Check(View(FromHex("01 00 01" + item))));
  ExpectMalformed("00 00 01" + item);
  ExpectMalformed("02 00 01" + item);
  ExpectMalformed("01 10 01" + item);
  ExpectMalformed("01 00 00");
  ExpectMalformed("01 00 02" + item);
}

TEST(NodeTest, KeysAscendAndAreCompressedFully) {
  const std::string tail = "01 00 00";
  const std::string a = "00 02 6162" + tail;  // "ab"
  SO_EXPECT_OK(Check(View(FromHex("01 00 02" + a + "01 01 63" + tail))));  // "ac"
  SO_EXPECT_OK(Check(View(FromHex("01 00 02" + a + "02 01 61" + tail))));  // "aba"
  ExpectMalformed("01 00 02" + a + "01 01 62" + tail);  // The same again, badly compressed.
  ExpectMalformed("01 00 02" + a + "02 00" + tail);     // The same again.
  ExpectMalformed("01 00 02" + a + "01 01 61" + tail);  // "aa": swapped.
  ExpectMalformed("01 00 02" + a + "00 02 6163" + tail);  // "ac", shares a byte more.
  ExpectMalformed("01 00 02" + a + "03 01 63" + tail);    // Shares more than there is.
  ExpectMalformed("01 00 02" + a + "01 00" + tail);       // "a": a prefix comes first.
  ExpectMalformed("01 00 01" "01 01 61" + tail);          // The first shares with nothing.
  ExpectMalformed("01 00 01" "00 00" + tail);             // The empty key.
  ExpectMalformed("01 00 01" "00 8100 61" + tail);        // A length that is not the shortest.
}

TEST(NodeTest, EntriesAreChecked) {
  const std::string key = "01 00 01 00 01 61";
  SO_EXPECT_OK(Check(View(FromHex(key + "01 ff1f 00"))));
  ExpectMalformed(key + "01 8020 00");    // Mode 010000.
  ExpectMalformed(key + "00 00 00");      // Type 0.
  ExpectMalformed(key + "03 00 00");      // Type 3.
  ExpectMalformed(key + "81 00 00");      // An unknown flag.
  ExpectMalformed(key + "31 00 01" + kChild);  // Place 3.
  ExpectMalformed(key + "11 00 00" + kChild);  // A chunk of nothing.
  ExpectMalformed(key + "11 00 01" + std::string(64, '0'));
  ExpectMalformed(key + "41 00 00 00");        // Metadata that is empty,
  ExpectMalformed(key + "41 00 00 02 00 00");  // has no name,
  ExpectMalformed(key + "41 00 00 01 05");     // is cut,
  ExpectMalformed(key + "41 00 00 06 0162 00 0161 00");  // is not sorted,
  ExpectMalformed(key + "41 00 00 06 0161 00 0161 00");  // names a thing twice.
  SO_EXPECT_OK(Check(View(FromHex(key + "41 00 00 06 0161 00 0162 00"))));
}

TEST(NodeTest, InlineValuesAndKeysHaveLimits) {
  const std::string key = "01 00 01 00 01 61";
  SO_EXPECT_OK(Check(View(FromHex(key + "01 00 808001") + std::string(16384, 'v'))));
  SO_EXPECT_CODE(SO_MALFORMED,
                 Check(View(FromHex(key + "01 00 818001") + std::string(16385, 'v'))));
  const std::string tail = FromHex("01 00 00");
  SO_EXPECT_OK(Check(View(FromHex("01 00 01 00 8020") + std::string(4096, 'k') + tail)));
  SO_EXPECT_CODE(SO_MALFORMED,
                 Check(View(FromHex("01 00 01 00 8120") + std::string(4097, 'k') + tail)));
}

TEST(NodeTest, NoNodeHasMoreEntriesOrLongerKeysThanTheRuleGives) {
  std::string many, long_keys;
  for (int i = 0; i < 97; i++) many += std::string("\0\1", 2) + char(i + 1) + FromHex("01 00 00");
  SO_EXPECT_OK(Check(View(FromHex("01 00 60") + many.substr(0, 96 * 6))));
  SO_EXPECT_CODE(SO_MALFORMED, Check(View(FromHex("01 00 61") + many)));
  for (int i = 0; i < 17; i++) {
    long_keys += FromHex("00 8020") + char('a' + i) + std::string(4095, 'k') + FromHex("01 00 00");
  }
  SO_EXPECT_OK(Check(View(FromHex("01 00 10") + long_keys.substr(0, 16 * (4096 + 6)))));
  SO_EXPECT_CODE(SO_MALFORMED, Check(View(FromHex("01 00 11") + long_keys)));
}

TEST(NodeTest, ChildrenAreChecked) {
  const std::string key = "01 01 01 00 01 61";
  SO_EXPECT_OK(Check(View(FromHex(key + kChild + "05"))));
  ExpectMalformed(key + kChild + "00");
  ExpectMalformed(key + std::string(64, '0') + "05");
  ExpectMalformed("01 01 02 00 01 61" + std::string(kChild) + "05 00 01 62" + kChild +
                  "ffffffffffffffffff01");  // More entries than can be counted.
}

TEST(NodeTest, AVisitorIsToldOfEachChildAndCanStop) {
  std::vector<so_kind> kinds;
  const auto collect = [](void *ctx, const so_oid *, so_kind kind) {
    static_cast<std::vector<so_kind> *>(ctx)->push_back(kind);
    return so_done();
  };
  SO_EXPECT_OK(so_tree_node_each_child(View(FromHex(kExample)), collect, &kinds));
  EXPECT_EQ(std::vector<so_kind>{SO_KIND_CHUNK}, kinds);
  const auto stop = [](void *, const so_oid *, so_kind) { return so_status_make(SO_CONFLICT, 0); };
  SO_EXPECT_CODE(SO_CONFLICT, so_tree_node_each_child(View(FromHex(kExample)), stop, nullptr));
}

}  // namespace
