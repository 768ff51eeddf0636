#ifndef SO_STORE_CHECK_CHECK_H_
#define SO_STORE_CHECK_CHECK_H_

// Is this payload a valid object, and what does it refer to? Asked of every object that comes from
// outside, before it is put.

#include "store/object/object.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_object_each_child calls `visit` for every oid that the object refers to, in order, and stops
// at the first status that is not OK. MALFORMED when the payload is not a valid encoding of its
// kind (a complete check: what passes here is canonical).
SO_MUST_USE so_status so_object_each_child(so_kind kind, so_bytes payload,
                                           so_status (*visit)(void *ctx, const so_oid *child,
                                                              so_kind child_kind),
                                           void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_CHECK_CHECK_H_
