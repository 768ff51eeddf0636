#include "apps/website/types.h"

static const so_content_type types[] = {
    {"html", "text/html; charset=utf-8", true},
    {"htm", "text/html; charset=utf-8", true},
    {"css", "text/css; charset=utf-8", true},
    {"js", "text/javascript; charset=utf-8", true},
    {"mjs", "text/javascript; charset=utf-8", true},
    {"json", "application/json", true},
    {"map", "application/json", true},
    {"webmanifest", "application/manifest+json", true},
    {"txt", "text/plain; charset=utf-8", true},
    {"md", "text/markdown; charset=utf-8", true},
    {"csv", "text/csv; charset=utf-8", true},
    {"xml", "application/xml", true},
    {"atom", "application/atom+xml", true},
    {"rss", "application/rss+xml", true},
    {"ics", "text/calendar; charset=utf-8", true},
    {"vtt", "text/vtt; charset=utf-8", true},
    {"svg", "image/svg+xml", true},
    {"wasm", "application/wasm", true},
    {"ttf", "font/ttf", true},
    {"otf", "font/otf", true},
    {"ico", "image/x-icon", true},
    {"woff", "font/woff", false},
    {"woff2", "font/woff2", false},
    {"png", "image/png", false},
    {"jpg", "image/jpeg", false},
    {"jpeg", "image/jpeg", false},
    {"gif", "image/gif", false},
    {"webp", "image/webp", false},
    {"avif", "image/avif", false},
    {"mp3", "audio/mpeg", false},
    {"ogg", "audio/ogg", false},
    {"opus", "audio/ogg", false},
    {"mp4", "video/mp4", false},
    {"webm", "video/webm", false},
    {"pdf", "application/pdf", false},
    {"zip", "application/zip", false},
    {"gz", "application/gzip", false},
    {"xz", "application/x-xz", false},
    {"tar", "application/x-tar", false},
    {"", "application/octet-stream", false},
};

#define TYPE_COUNT (sizeof types / sizeof *types)

const so_content_type *so_content_type_of(so_bytes path) {
  size_t dot = path.len;
  for (size_t i = path.len; i > 0 && path.ptr[i - 1] != '/'; i--) {
    if (path.ptr[i - 1] == '.') {
      dot = i;
      break;
    }
  }
  const so_bytes end = so_bytes_from(path, dot);
  for (size_t i = 0; i + 1 < TYPE_COUNT; i++) {
    if (so_bytes_equal_nocase(end, so_str(types[i].end))) {
      return &types[i];
    }
  }
  return &types[TYPE_COUNT - 1];
}
