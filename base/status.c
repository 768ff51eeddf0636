#include "base/status.h"

const char *so_code_name(so_code code) {
  switch (code) {
    case SO_OK:
      return "OK";
    case SO_AGAIN:
      return "AGAIN";
    case SO_MALFORMED:
      return "MALFORMED";
    case SO_UNSUPPORTED:
      return "UNSUPPORTED";
    case SO_DENIED:
      return "DENIED";
    case SO_NOT_FOUND:
      return "NOT_FOUND";
    case SO_CONFLICT:
      return "CONFLICT";
    case SO_LIMIT:
      return "LIMIT";
    case SO_IO:
      return "IO";
    case SO_CORRUPT:
      return "CORRUPT";
    case SO_INTERNAL:
      return "INTERNAL";
  }
  return "UNKNOWN";
}
