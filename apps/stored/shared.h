#ifndef SO_APPS_STORED_SHARED_H_
#define SO_APPS_STORED_SHARED_H_

// What several handlers do the same way: resolving refs, conditions, pages, people.

#include "apps/stored/call.h"

#ifdef __cplusplus
extern "C" {
#endif

// Functions here that can fail answer the request themselves and return false; `*out_sent` is then
// what the handler returns.

// so_shared_resolve finds the commit that a ref expression means. 404 no_such_ref, 400 bad_name.
bool so_shared_resolve(so_call *c, so_bytes expression, so_resolved *out, so_status *out_sent);

// so_shared_commit is so_shared_resolve, and reads the commit.
bool so_shared_commit(so_call *c, so_bytes expression, so_resolved *out, so_commit *out_commit,
                      so_status *out_sent);

// so_shared_path takes the path parameter, checked. 400 bad_path.
bool so_shared_path(so_call *c, so_bytes *out, so_status *out_sent);

// so_shared_page reads `limit`. 400 bad_request.
bool so_shared_page(so_call *c, size_t *out_limit, so_status *out_sent);

// so_shared_expect turns If-Match and If-None-Match into an expectation. 400 bad_request.
bool so_shared_expect(so_call *c, so_expect *out, so_oid *out_tag, so_status *out_sent);

// so_shared_person is the default author: the token's name, now.
so_person so_shared_person(const so_call *c);

// so_shared_reply_commit answers with a commit that was just made.
SO_MUST_USE so_status so_shared_reply_commit(so_call *c, uint16_t http_status, const so_oid *oid);

// so_shared_reply_conflicts answers 409 with the conflicts.
SO_MUST_USE so_status so_shared_reply_conflicts(so_call *c, const char *code, const char *detail,
                                                const so_conflict *conflicts, size_t count);

// so_shared_full_ref writes "refs/heads/" or "refs/tags/" and the name into `arena`, checked. 400.
bool so_shared_full_ref(so_call *c, const char *prefix, so_bytes name, so_bytes *out,
                        so_status *out_sent);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_SHARED_H_
