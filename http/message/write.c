// Writing heads.

#include "base/fmt.h"
#include "http/message/message.h"

static void require(so_writer *w, bool condition) { w->failed = w->failed || !condition; }

static bool is_visible(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) {
      return false;
    }
  }
  return text.len != 0;
}

void so_http_write_request_line(so_writer *w, so_bytes method, so_bytes target) {
  require(w, so_http_is_token(method) && is_visible(target));
  so_write_bytes(w, method);
  so_write_str(w, " ");
  so_write_bytes(w, target);
  so_write_str(w, " HTTP/1.1\r\n");
}

void so_http_write_status_line(so_writer *w, uint16_t status) {
  require(w, status >= 100 && status <= 599);
  so_write_printf(w, "HTTP/1.1 %u %s\r\n", (unsigned)status, so_http_reason(status));
}

void so_http_write_field(so_writer *w, so_bytes name, so_bytes value) {
  require(w, so_http_is_token(name) && so_http_is_value(value));
  so_write_bytes(w, name);
  so_write_str(w, ": ");
  so_write_bytes(w, value);
  so_write_str(w, "\r\n");
}

void so_http_write_field_u64(so_writer *w, const char *name, uint64_t value) {
  so_write_printf(w, "%s: %llu\r\n", name, (unsigned long long)value);
}

void so_http_write_end(so_writer *w) { so_write_str(w, "\r\n"); }

// Texts lie in the table itself: pointers would have to be relocated, and so be writable.
static const struct {
  uint16_t status;
  char reason[32];
} reasons[] = {
    {100, "Continue"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *so_http_reason(uint16_t status) {
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
    if (reasons[i].status == status) {
      return reasons[i].reason;
    }
  }
  return "Status";
}
