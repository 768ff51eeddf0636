#!/bin/bash
# Turns a file into a C source that defines so_openapi_text.
set -euo pipefail
echo '#include "apps/stored/openapi.h"'
echo 'static const uint8_t text[] = {'
od -An -v -tu1 "$1" | sed 's/  */,/g; s/^,//; s/$/,/'
echo '};'
echo 'so_bytes so_openapi_text(void) { return so_bytes_of(text, sizeof text); }'
