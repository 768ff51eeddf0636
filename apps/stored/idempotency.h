#ifndef SO_APPS_STORED_IDEMPOTENCY_H_
#define SO_APPS_STORED_IDEMPOTENCY_H_

// Idempotency-Key: a transaction that is sent again, because its answer was lost, is answered as it
// was the first time. The server remembers the last SO_SERVER_REMEMBERED keys in memory, each for
// one token and one repository.

#include "apps/stored/call.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_IDEMPOTENCY_KEY_LEN_MAX 100

// so_idempotency_begin looks the request's key up. True: the transaction is to be done; `*out_id`
// names it (none without a key). False: it has answered, from memory, or because the key is bad
// (400) or the first request with it is still under way (503).
bool so_idempotency_begin(so_call *c, so_oid *out_id, so_status *out_sent);

// so_idempotency_done remembers the answer, so_idempotency_end forgets a key that has none.
void so_idempotency_done(so_server *s, const so_oid *id, uint16_t http_status,
                         const so_oid *commit);
void so_idempotency_end(so_server *s, const so_oid *id);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_IDEMPOTENCY_H_
