#ifndef SO_APPS_STORED_REF_UPDATES_H_
#define SO_APPS_STORED_REF_UPDATES_H_

// Several refs at once: `POST refs` and the end of `POST push` do the same thing.

#include "apps/stored/call.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_ref_updates {
  so_ref_change *changes;  // In the call's arena.
  size_t count;
  so_bytes why;
} so_ref_updates;

// so_ref_updates_read reads {"updates":[{"ref","old","new"}],"message"}. An update without "old" is
// not checked. On failure it has answered and returns false.
bool so_ref_updates_read(so_call *c, const so_json *body, so_ref_updates *out,
                         so_status *out_sent);

// so_ref_updates_apply changes the refs and makes that durable.
SO_MUST_USE so_status so_ref_updates_apply(so_call *c, const so_ref_change *changes, size_t count,
                                           so_bytes why, so_ref_result *out);

// so_ref_updates_reply_failure answers for a status of so_ref_updates_apply.
SO_MUST_USE so_status so_ref_updates_reply_failure(so_call *c, so_status status,
                                                   const so_ref_change *changes,
                                                   const so_ref_result *result);

// so_ref_updates_reply_precondition answers 412 with the present value.
SO_MUST_USE so_status so_ref_updates_reply_precondition(so_call *c, const so_oid *current);

// so_ref_updates_out writes the member "refs" with what they are now.
void so_ref_updates_out(so_json_writer *w, const so_ref_updates *updates);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_REF_UPDATES_H_
