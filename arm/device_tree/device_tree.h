#ifndef SO_ARM_DEVICE_TREE_DEVICE_TREE_H_
#define SO_ARM_DEVICE_TREE_DEVICE_TREE_H_

// A reader of flattened device trees: what the loader of an ARM machine says is there.
// Source: Devicetree Specification 0.4, chapter 5 (the format), 2.3 and 3 (standard properties).
//
// The bytes come from outside (a boot loader, a hypervisor): every offset and length is checked, the
// walk is one pass without recursion, and depth and counts have limits.
// Ownership: borrows. The bytes outlive the tree and every view from it.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DEVICE_TREE_HEADER_LEN 40u
#define SO_DEVICE_TREE_LEN_MAX (2u << 20)  // What arm64's boot protocol allows a loader.
#define SO_DEVICE_TREE_DEPTH_MAX 16u

typedef struct so_device_tree {
  so_bytes blob;          // As long as its header says.
  so_bytes structure;     // Tokens: nodes and their properties.
  so_bytes strings;       // Names of properties.
  so_bytes reservations;  // Pairs of u64, ended by a pair of zeros.
} so_device_tree;

// so_device_tree_len returns how long the tree is whose first 8 bytes are at `header`, or 0 when that
// is no device tree or longer than SO_DEVICE_TREE_LEN_MAX.
size_t so_device_tree_len(const uint8_t header[8]);

// so_device_tree_open checks the header. `blob` may be longer than the tree. MALFORMED: not a device
// tree, or cut off. UNSUPPORTED: a version that does not read as version 17. LIMIT: too long.
SO_MUST_USE so_status so_device_tree_open(so_bytes blob, so_device_tree *out);

typedef enum so_device_tree_token {
  SO_DEVICE_TREE_NODE = 1,
  SO_DEVICE_TREE_NODE_END,
  SO_DEVICE_TREE_PROPERTY,
  SO_DEVICE_TREE_END,
} so_device_tree_token;

typedef struct so_device_tree_item {
  so_device_tree_token token;
  so_bytes name;   // Of a node (with its unit address) or property. The root's is empty.
  so_bytes value;  // Of a property.
} so_device_tree_item;

typedef struct so_device_tree_walk {
  const so_device_tree *tree;
  so_reader in;
  uint32_t depth;  // Nodes that are open: 1 within the root.
  bool started;
} so_device_tree_walk;

so_device_tree_walk so_device_tree_begin(const so_device_tree *tree);

// so_device_tree_next reads the next token. After SO_DEVICE_TREE_END, or a failure, every further call
// fails. MALFORMED: breaks the format, or bytes follow the end. LIMIT: deeper than
// SO_DEVICE_TREE_DEPTH_MAX.
SO_MUST_USE so_status so_device_tree_next(so_device_tree_walk *walk, so_device_tree_item *out);

// so_device_tree_has says whether `list`, strings each ended by a NUL, holds `text`.
bool so_device_tree_has(so_bytes list, const char *text);

#ifdef __cplusplus
}
#endif
#endif  // SO_ARM_DEVICE_TREE_DEVICE_TREE_H_
