#ifndef SO_APPS_WEBSITE_PATH_H_
#define SO_APPS_WEBSITE_PATH_H_

#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_website_path turns the path of a request into that of a file: decoded segments between
// slashes, "index.html" where it ends with a slash. NOT_FOUND for what names nothing that is
// served: empty segments, "." and "..", hidden ones (a leading dot, except .well-known), an encoded
// slash, and _redirects. MALFORMED: an ill-formed or NUL escape. LIMIT: no room.
SO_MUST_USE so_status so_website_path(so_bytes path, so_writer *w, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_PATH_H_
