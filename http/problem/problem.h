#ifndef SO_HTTP_PROBLEM_PROBLEM_H_
#define SO_HTTP_PROBLEM_PROBLEM_H_

// Problem documents (RFC 9457): what an error answer says, for people and programs.

#include "base/bytes.h"
#include "base/heap.h"
#include "base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PROBLEM_TYPE "application/problem+json"

// so_problem_begin starts a document: type (about:blank), title (the phrase of `status`), status,
// `code` for programs, and `detail` when it is not empty. The caller may add members with the writer, then
// calls so_problem_end. The one status is so_buf_end's.
so_json_writer so_problem_begin(so_buf *out, uint16_t status, const char *code, so_bytes detail);
void so_problem_end(so_json_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_HTTP_PROBLEM_PROBLEM_H_
