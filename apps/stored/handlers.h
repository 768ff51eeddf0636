#ifndef SO_APPS_STORED_HANDLERS_H_
#define SO_APPS_STORED_HANDLERS_H_

// One function a call of docs/rest.md. Each answers exactly once; see call.h.

#include "apps/stored/call.h"

#ifdef __cplusplus
extern "C" {
#endif

// operations.c
so_status so_handle_health(so_call *c);
so_status so_handle_metrics(so_call *c);
so_status so_handle_openapi(so_call *c);

// repositories.c
so_status so_handle_repos_list(so_call *c);
so_status so_handle_repo_get(so_call *c);
so_status so_handle_repo_put(so_call *c);
so_status so_handle_repo_delete(so_call *c);

// refs.c
so_status so_handle_refs_list(so_call *c);
so_status so_handle_refs_post(so_call *c);
so_status so_handle_ref_get(so_call *c);
so_status so_handle_ref_put(so_call *c);
so_status so_handle_ref_delete(so_call *c);
so_status so_handle_reflog(so_call *c);

// values.c
so_status so_handle_value_get(so_call *c);
so_status so_handle_value_put(so_call *c);
so_status so_handle_value_delete(so_call *c);
so_status so_handle_list(so_call *c);

// commits.c
so_status so_handle_commits_post(so_call *c);
so_status so_handle_commit_get(so_call *c);

// history.c
so_status so_handle_log(so_call *c);
so_status so_handle_diff(so_call *c);

// merging.c
so_status so_handle_merge(so_call *c);

// transfer.c
so_status so_handle_fetch(so_call *c);
so_status so_handle_push(so_call *c);

// tokens.c
so_status so_handle_tokens_list(so_call *c);
so_status so_handle_tokens_post(so_call *c);
so_status so_handle_token_delete(so_call *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_HANDLERS_H_
