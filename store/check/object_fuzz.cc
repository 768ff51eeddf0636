// The first byte is the kind, the rest the payload of an object from outside. What passes the check
// must be what this project itself writes for the same content.
#include <stdlib.h>

#include <memory>
#include <vector>

#include "store/check/check.h"
#include "store/object/commit.h"
#include "store/tree/tree.h"
#include "tests/store_support/objects.h"
#include "tests/support/support.h"

namespace {

so_status Ignore(void *, const so_oid *, so_kind) { return so_done(); }

void Require(bool holds) {
  if (!holds) abort();
}

void CommitAgain(so_bytes payload) {
  so_commit commit;
  so_buf out;
  so_buf_init(&out, so_test::Heap(), SO_OBJECT_LEN_MAX);
  Require(so_ok(so_commit_decode(payload, &commit)) && so_ok(so_commit_encode(&commit, &out)));
  Require(so_bytes_equal(payload, so_buf_bytes(&out)));
  so_buf_release(&out);
}

void TagAgain(so_bytes payload) {
  so_tag tag;
  so_buf out;
  so_buf_init(&out, so_test::Heap(), SO_OBJECT_LEN_MAX);
  Require(so_ok(so_tag_decode(payload, &tag)) && so_ok(so_tag_encode(&tag, &out)));
  Require(so_bytes_equal(payload, so_buf_bytes(&out)));
  so_buf_release(&out);
}

// Leaves too small for a boundary inside are whole maps.
void LeafAgain(so_bytes payload) {
  if (payload.ptr[1] != 0 || payload.ptr[2] >= 12) return;
  so_test::MemoryObjects objects;
  objects.check = false;
  const so_tree tree = objects.Tree();
  so_oid root, again, none;
  memset(&none, 0, sizeof none);
  Require(so_ok(so_objects_put(tree.objects, SO_KIND_TREE, payload, &root)));
  const so_status s = so_tree_verify(&tree, &none, &root);
  Require(so_ok(s));
  so_arena arena;
  so_arena_init(&arena, so_test::Heap(), 1 << 22);
  std::vector<so_edit> edits;
  auto c = std::make_unique<so_cursor>();
  Require(so_ok(so_cursor_seek(c.get(), &tree, &root, so_bytes_of(nullptr, 0))));
  while (!c->at_end) {
    so_edit e = {so_bytes_of(nullptr, 0), false, c->entry};
    Require(so_ok(so_arena_copy(&arena, c->key, &e.key)));
    edits.push_back(e);
    Require(so_ok(so_cursor_next(c.get())));
  }
  // The entries' views point into the object, which stays where it is.
  Require(so_ok(so_tree_edit_array(&tree, &none, edits.data(), edits.size(), &again)));
  Require(so_oid_equal(&root, &again));
  so_cursor_close(c.get());
  so_arena_release(&arena);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  if (len == 0 || data[0] > 7) return 0;  // C++ knows no enum values beyond.
  const so_kind kind = static_cast<so_kind>(data[0]);
  const so_bytes payload = so_bytes_of(data + 1, len - 1);
  if (!so_ok(so_object_each_child(kind, payload, Ignore, nullptr))) return 0;
  if (kind == SO_KIND_COMMIT) CommitAgain(payload);
  if (kind == SO_KIND_TAG) TagAgain(payload);
  if (kind == SO_KIND_TREE) LeafAgain(payload);
  return 0;
}
