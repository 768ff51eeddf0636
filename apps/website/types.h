#ifndef SO_APPS_WEBSITE_TYPES_H_
#define SO_APPS_WEBSITE_TYPES_H_

// Content types by the ends of names.

#include <stdbool.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_content_type {
  const char *end;  // Without its dot.
  const char *type;
  bool is_text;  // Worth compressing.
} so_content_type;

// so_content_type_of looks at what follows the last dot of the last segment, in any case. Never
// NULL: what is not known is application/octet-stream.
const so_content_type *so_content_type_of(so_bytes path);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_TYPES_H_
