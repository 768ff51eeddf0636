#ifndef SO_APPS_WEBSITE_PAGES_H_
#define SO_APPS_WEBSITE_PAGES_H_

// The files of a site as they go out: content, entity tags, and compressed forms, kept in memory up
// to a budget and looked at again when they were not looked at for a second.
//
// A page is borrowed between so_pages_get and so_pages_put and does not change meanwhile; what
// replaces it is another page. Only files that exist are kept, so requests cannot fill the table
// with names.

#include "apps/website/site.h"
#include "apps/website/types.h"
#include "crypto/cpu/cpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PAGE_BODY_LEN_MAX (1u << 20)  // Larger ones are read from the site for each request.
#define SO_PAGE_GZIP_LEN_MIN 256
#define SO_PAGE_MEMORY_SHARE 4  // Of a machine's memory, what the pages get at most.
#define SO_PAGE_FRESH_NS SO_NS_PER_S
#define SO_PAGE_BUCKETS 1024
#define SO_PAGE_ETAG_LEN_MAX (2 * SO_SITE_TAG_LEN + 5)

typedef enum so_page_coding { SO_PAGE_PLAIN, SO_PAGE_GZIP } so_page_coding;

// One form of a file.
typedef struct so_page_form {
  bool exists;
  bool from_file;  // GZIP: of the file beside it, not made here.
  uint8_t etag_len;
  uint8_t etag[SO_PAGE_ETAG_LEN_MAX];  // With its quotes.
  uint64_t size;
  uint64_t version[4];
  uint8_t *body;  // NULL: read it from the site. Otherwise `size` bytes.
  size_t body_cap;
} so_page_form;

typedef struct so_page {
  struct so_page *next;   // In its bucket.
  struct so_page *newer;  // By use.
  struct so_page *older;
  uint32_t refs;
  bool dropped;  // Not in the table any more: freed with the last reference.
  uint32_t bucket;
  uint64_t checked_ns;
  size_t cost;
  const so_content_type *type;
  so_bytes path;
  so_page_form forms[2];
} so_page;

typedef struct so_pages {
  const so_world *world;
  so_site site;
  so_cpu cpu;
  size_t budget;
  size_t body_max;  // Larger bodies are not kept.
  size_t used;
  so_page *newest;
  so_page *oldest;
  uint64_t hits;
  uint64_t loads;
  uint8_t key[16];
  so_page *buckets[SO_PAGE_BUCKETS];
} so_pages;

void so_pages_init(so_pages *p, const so_world *world, const so_site *site, size_t budget);
void so_pages_release(so_pages *p);

// so_pages_get finds the file at `path`, which has been checked. CONFLICT: it is a directory.
// NOT_FOUND, also for links and what may not be read; IO, LIMIT.
SO_MUST_USE so_status so_pages_get(so_pages *p, so_bytes path, so_page **out);
void so_pages_put(so_pages *p, so_page *page);

// so_pages_forget drops a page that turned out to be another one by now.
void so_pages_forget(so_pages *p, so_page *page);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_PAGES_H_
