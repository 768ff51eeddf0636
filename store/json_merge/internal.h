#ifndef SO_STORE_JSON_MERGE_INTERNAL_H_
#define SO_STORE_JSON_MERGE_INTERNAL_H_

#include "base/heap.h"
#include "base/json.h"
#include "base/status.h"

// so_json_layout appends compact JSON to `out`, laid out as the text `like` is.
SO_MUST_USE so_status so_json_layout(so_bytes compact, so_bytes like, so_buf *out);

#endif  // SO_STORE_JSON_MERGE_INTERNAL_H_
