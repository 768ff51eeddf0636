#include "store/object/object.h"

#include "base/mem.h"
#include "crypto/blake2b/blake2b.h"

so_status so_objects_get_kind(const so_objects *o, const so_oid *oid, so_kind kind,
                              so_object *out) {
  so_object object;
  SO_TRY(so_objects_get(o, oid, &object));
  if (object.kind != kind) {
    so_objects_unpin(o, &object);
    return so_status_make(SO_CORRUPT, 0);
  }
  *out = object;
  return so_done();
}

void so_oid_of(so_kind kind, so_bytes payload, so_oid *out) {
  const uint8_t kind_byte = (uint8_t)kind;
  const so_bytes parts[2] = {so_bytes_of(&kind_byte, 1), payload};
  so_blake2b_256(parts, 2, out->bytes);
}

bool so_oid_equal(const so_oid *a, const so_oid *b) {
  return memcmp(a->bytes, b->bytes, SO_OID_LEN) == 0;
}

int so_oid_compare(const so_oid *a, const so_oid *b) {
  return memcmp(a->bytes, b->bytes, SO_OID_LEN);
}

bool so_oid_is_none(const so_oid *oid) {
  const so_oid none = {{0}};
  return so_oid_equal(oid, &none);
}
