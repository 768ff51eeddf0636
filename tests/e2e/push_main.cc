// Prints the body of a push that makes BRANCH a commit with one file at each PATH, where "%00" stands
// for a NUL. Nothing is checked here: that is what the server is there for.

#include <stdio.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/heap.h"
#include "store/history/history.h"
#include "store/object/object.h"
#include "store/sync/sync.h"
#include "store/tree/tree.h"
#include "tests/store_support/objects.h"

namespace {

using so_test::MemoryObjects;
using so_test::View;

so_entry File(const std::string &content) {
  so_entry e = {};
  e.type = SO_ENTRY_FILE;
  e.mode = 0644;
  e.size = content.size();
  e.is_inline = true;
  e.inline_value = View(content);
  return e;
}

so_oid Commit(MemoryObjects *m, const so_oid &root) {
  so_commit c = {};
  c.root = root;
  c.generation = 1;
  c.author.name = c.committer.name = so_str("Mallory <mallory@example.org>");
  so_buf payload;
  so_buf_init(&payload, so_test::Heap(), 4096);
  so_oid oid = {};
  SO_EXPECT_OK(so_commit_encode(&c, &payload));
  SO_EXPECT_OK(so_objects_put(m->port(), SO_KIND_COMMIT, so_buf_bytes(&payload), &oid));
  so_buf_release(&payload);
  return oid;
}

so_status Append(void *ctx, so_bytes piece) {
  static_cast<std::string *>(ctx)->append(reinterpret_cast<const char *>(piece.ptr), piece.len);
  return so_done();
}

std::string Pack(const MemoryObjects &m, const so_oid &commit) {
  std::string out;
  const so_tree tree = m.Tree();
  const so_history history = {&tree, 0};
  so_pack_store store = {};
  store.objects = m.port();
  so_send_request q = {};
  q.history = &history;
  q.store = &store;
  q.wants = &commit;
  q.want_count = 1;
  q.write = Append;
  q.ctx = &out;
  so_sync_progress progress;
  SO_EXPECT_OK(so_send(&q, &progress));
  return out;
}

std::string Hex(const so_oid &oid) {
  std::string s;
  for (const uint8_t b : oid.bytes) {
    char two[3];
    snprintf(two, sizeof two, "%02x", b);
    s += two;
  }
  return s;
}

std::string Unescaped(std::string path) {
  for (size_t i; (i = path.find("%00")) != std::string::npos;) {
    path.replace(i, 3, std::string(1, '\0'));
  }
  return path;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: push BRANCH PATH...\n");
    return 2;
  }
  std::vector<std::string> paths;
  for (int i = 2; i < argc; i++) {
    paths.push_back(Unescaped(argv[i]));
  }
  std::sort(paths.begin(), paths.end());
  std::vector<so_edit> edits;
  const std::string content = "x";
  for (const std::string &path : paths) {
    so_edit e = {};
    e.key = View(path);
    e.entry = File(content);
    edits.push_back(e);
  }
  MemoryObjects m;
  const so_tree tree = m.Tree();
  const so_oid none = {};
  so_oid root = {};
  SO_EXPECT_OK(so_tree_edit_array(&tree, &none, edits.data(), edits.size(), &root));
  const so_oid commit = Commit(&m, root);
  const std::string head = "{\"updates\":[{\"ref\":\"refs/heads/" + std::string(argv[1]) +
                           "\",\"old\":null,\"new\":\"" + Hex(commit) + "\"}]}";
  const std::string length = {0, 0, static_cast<char>(head.size() >> 8),
                              static_cast<char>(head.size())};
  const std::string body = length + head + Pack(m, commit);
  fwrite(body.data(), 1, body.size(), stdout);
  return 0;
}
