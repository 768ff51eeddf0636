#ifndef SO_APPS_STORED_OPENAPI_H_
#define SO_APPS_STORED_OPENAPI_H_

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_openapi_text views openapi.json, which is compiled into the program.
so_bytes so_openapi_text(void);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_OPENAPI_H_
