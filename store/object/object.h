#ifndef SO_STORE_OBJECT_OBJECT_H_
#define SO_STORE_OBJECT_OBJECT_H_

// Objects: immutable bytes named by their hash, and the port through which the store's algorithms
// reach them.
//
// oid = BLAKE2b-256(kind byte || payload). The kind is hashed, so that bytes of one kind can never
// be passed off as another.
//
// The closure invariant, which every implementation of the port keeps: an object is in the set only
// if everything it refers to is. Objects are therefore put children first, and what an aborted
// transfer leaves behind is complete as far as it goes.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_OID_LEN 32
// No object is larger. A tree node of the largest keys and inline values stays below it.
#define SO_OBJECT_LEN_MAX (4u << 20)
// Tree maps and chunk trees are never higher.
#define SO_TREE_HEIGHT_MAX 16
// Each repository has its own salt, which decides where nodes and chunks are cut.
#define SO_SALT_LEN 16

typedef struct so_oid {
  uint8_t bytes[SO_OID_LEN];
} so_oid;

// On the wire and on disk: never renumber.
typedef enum so_kind {
  SO_KIND_CHUNK = 1,        // A piece of a value, as it is.
  SO_KIND_CHUNK_INDEX = 2,  // Inner node of the tree over a large value's chunks.
  SO_KIND_TREE = 3,         // Node of a tree map.
  SO_KIND_COMMIT = 4,
  SO_KIND_TAG = 5,
} so_kind;

// A pinned view of an object. `bytes` stays valid until so_objects_unpin.
typedef struct so_object {
  so_kind kind;
  so_bytes bytes;
  void *pin;  // The implementation's.
} so_object;

typedef struct so_objects_ops {
  // NOT_FOUND; CORRUPT (what is stored does not hash to `oid`); IO; LIMIT (no memory to hold it).
  so_status (*get)(void *ctx, const so_oid *oid, so_object *out);
  void (*unpin)(void *ctx, so_object *object);
  // OK or NOT_FOUND, without reading the object; IO, CORRUPT.
  so_status (*has)(void *ctx, const so_oid *oid);
  // Adds an object (or finds that it is there) and says its name. LIMIT: too large, or disk full.
  so_status (*put)(void *ctx, so_kind kind, so_bytes payload, so_oid *out_oid);
} so_objects_ops;

// The object set of one repository.
typedef struct so_objects {
  const so_objects_ops *ops;
  void *ctx;
} so_objects;

SO_MUST_USE static inline so_status so_objects_get(const so_objects *o, const so_oid *oid,
                                                   so_object *out) {
  return o->ops->get(o->ctx, oid, out);
}
static inline void so_objects_unpin(const so_objects *o, so_object *object) {
  o->ops->unpin(o->ctx, object);
}
SO_MUST_USE static inline so_status so_objects_has(const so_objects *o, const so_oid *oid) {
  return o->ops->has(o->ctx, oid);
}
SO_MUST_USE static inline so_status so_objects_put(const so_objects *o, so_kind kind,
                                                   so_bytes payload, so_oid *out_oid) {
  return o->ops->put(o->ctx, kind, payload, out_oid);
}

// so_objects_get_kind is so_objects_get that answers CORRUPT when the kind is another one.
SO_MUST_USE so_status so_objects_get_kind(const so_objects *o, const so_oid *oid, so_kind kind,
                                          so_object *out);

// so_oid_of computes the name of an object.
void so_oid_of(so_kind kind, so_bytes payload, so_oid *out);

bool so_oid_equal(const so_oid *a, const so_oid *b);
int so_oid_compare(const so_oid *a, const so_oid *b);

// The all-zero name stands for "none": an empty tree, a ref that is not there.
bool so_oid_is_none(const so_oid *oid);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_OBJECT_OBJECT_H_
