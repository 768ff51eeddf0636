#ifndef SO_APPS_WEBSITE_HANDLE_H_
#define SO_APPS_WEBSITE_HANDLE_H_

// Answering requests from a site.

#include "apps/lib/http_server/http_server.h"
#include "apps/lib/place/place.h"
#include "apps/website/pages.h"
#include "apps/website/redirects.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_website {
  const so_world *world;
  so_pages pages;
  bool quiet;
  uint8_t cache_control[48];  // Of everything but HTML.
  size_t cache_control_len;

  // The rules of _redirects, as they were when last looked at.
  uint64_t rules_checked_ns;
  bool has_rules;
  so_page *rules_page;  // Held: the rules borrow its body.
  so_arena rules_arena;
  so_redirects rules;

  so_place https;  // Where plain HTTP is sent on to.
} so_website;

// so_website_init serves `site` with `cache_len` bytes for pages; others than HTML may be kept by
// caches for `max_age_s`.
void so_website_init(so_website *w, const so_world *world, const so_site *site, size_t cache_len,
                     uint64_t max_age_s, bool quiet);
void so_website_release(so_website *w);

// For so_http_server_config; their ctx is an so_website.
SO_MUST_USE so_status so_website_handle(void *ctx, so_http_exchange *x);
SO_MUST_USE so_status so_website_refuse(void *ctx, so_http_exchange *x, uint16_t status,
                                        const char *why);

// so_website_to_https answers every request with the same URL over https.
SO_MUST_USE so_status so_website_to_https(void *ctx, so_http_exchange *x);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_HANDLE_H_
