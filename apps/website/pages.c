#include "apps/website/pages.h"

#include "apps/website/gzip.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/sha2/sha2.h"
#include "crypto/siphash/siphash.h"

#define PIECE_LEN 65536
#define PATH_CAP 2048  // With ".gz"; what is longer has no compressed file beside it.

// --- entity tags ---------------------------------------------------------------------------------

static void write_etag(so_page_form *form, const uint8_t tag[SO_SITE_TAG_LEN], const char *suffix) {
  so_writer w = so_writer_of(form->etag, sizeof form->etag);
  so_write_u8(&w, '"');
  so_hex_write(&w, so_bytes_of(tag, SO_SITE_TAG_LEN));
  so_write_str(&w, suffix);
  so_write_u8(&w, '"');
  form->etag_len = (uint8_t)w.len;
}

// hash_file reads a file that is too large to keep, letting others run between the pieces.
static so_status hash_file(so_pages *p, void *file, uint64_t size, uint8_t out[SO_SHA256_LEN]) {
  so_sha256 sha;
  uint64_t at = 0;
  size_t len = 1;
  so_status status = so_done();
  uint8_t *const piece = so_heap_alloc(p->world->heap, PIECE_LEN);
  if (piece == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_sha256_init(&sha, &p->cpu);
  while (so_ok(status) && at < size && len != 0) {
    status = p->site.ops->read(p->site.ctx, file, at, piece, PIECE_LEN, &len);
    if (so_ok(status)) {
      so_sha256_update(&sha, so_bytes_of(piece, len));
      at += len;
      so_fiber_yield(p->world->sched);
    }
  }
  so_sha256_final(&sha, out);
  so_heap_free(p->world->heap, piece, PIECE_LEN);
  return !so_ok(status) || at >= size ? status : so_status_make(SO_IO, 0);
}

// --- loading -------------------------------------------------------------------------------------

static so_status read_body(so_pages *p, void *file, so_page_form *form) {
  size_t at = 0;
  while (at < form->size) {
    size_t len;
    SO_TRY(p->site.ops->read(p->site.ctx, file, at, form->body + at, (size_t)form->size - at,
                             &len));
    if (len == 0) {
      return so_status_make(SO_IO, 0);  // It became shorter meanwhile.
    }
    at += len;
  }
  return so_done();
}

static so_status fill_form(so_pages *p, void *file, const so_site_info *info, so_page_form *form) {
  uint8_t hash[SO_SHA256_LEN];
  form->size = info->size;
  memcpy(form->version, info->version, sizeof form->version);
  if (info->size <= p->body_max) {
    const size_t cap = info->size != 0 ? (size_t)info->size : 1;
    form->body = so_heap_alloc(p->world->heap, cap);
    form->body_cap = form->body != NULL ? cap : 0;
  }
  // Without memory for it, it is read from the site for each request, as larger ones are.
  if (form->body != NULL) {
    SO_TRY(read_body(p, file, form));
  }
  if (info->has_tag) {
    write_etag(form, info->tag, "");
    return so_done();
  }
  if (form->body != NULL) {
    so_sha256 sha;
    so_sha256_init(&sha, &p->cpu);
    so_sha256_update(&sha, so_bytes_of(form->body, (size_t)form->size));
    so_sha256_final(&sha, hash);
  } else {
    SO_TRY(hash_file(p, file, info->size, hash));
  }
  write_etag(form, hash, "");
  return so_done();
}

// load_form opens and reads one file. CONFLICT: a directory.
static so_status load_form(so_pages *p, so_bytes path, so_page_form *form) {
  so_site_info info;
  void *file;
  SO_TRY(p->site.ops->open(p->site.ctx, path, &info, &file));
  if (info.is_directory) {
    return so_status_make(SO_CONFLICT, 0);
  }
  const so_status status = fill_form(p, file, &info, form);
  p->site.ops->close_file(p->site.ctx, file);
  form->exists = so_ok(status);
  return status;
}

static so_bytes gzip_path(so_bytes path, uint8_t buf[PATH_CAP]) {
  so_writer w = so_writer_of(buf, PATH_CAP);
  so_write_bytes(&w, path);
  so_write_str(&w, ".gz");
  return w.failed ? so_bytes_of(NULL, 0) : so_writer_bytes(&w);
}

// make_gzip compresses what is in memory, if it becomes a tenth smaller.
static void make_gzip(so_pages *p, so_page *page) {
  const so_page_form *plain = &page->forms[SO_PAGE_PLAIN];
  so_page_form *form = &page->forms[SO_PAGE_GZIP];
  if (plain->body == NULL || plain->size < SO_PAGE_GZIP_LEN_MIN) {
    return;
  }
  const size_t room = (size_t)(plain->size - plain->size / 10);
  uint8_t *const buf = so_heap_alloc(p->world->heap, room);
  size_t len;
  if (buf == NULL) {
    return;
  }
  const so_bytes in = so_bytes_of(plain->body, (size_t)plain->size);
  if (so_ok(so_gzip(p->world->heap, in, buf, room, &len))) {
    form->body = so_heap_alloc(p->world->heap, len);
    form->body_cap = len;
  }
  if (form->body != NULL) {
    memcpy(form->body, buf, len);
    form->size = len;
    form->exists = true;
    // Another representation has another strong tag (RFC 9110 8.8.3.3).
    memcpy(form->etag, plain->etag, plain->etag_len);
    so_writer w = so_writer_of(form->etag, sizeof form->etag);
    w.len = plain->etag_len - 1u;
    so_write_str(&w, "-gz\"");
    form->etag_len = (uint8_t)w.len;
  }
  so_heap_free(p->world->heap, buf, room);
}

static void free_form(so_pages *p, so_page_form *form) {
  so_heap_free(p->world->heap, form->body, form->body_cap);
  *form = (so_page_form){0};
}

static void load_gzip(so_pages *p, so_page *page) {
  uint8_t buf[PATH_CAP];
  so_page_form *form = &page->forms[SO_PAGE_GZIP];
  const so_bytes path = gzip_path(page->path, buf);
  if (!page->type->is_text || path.len == 0) {
    return;
  }
  if (so_ok(load_form(p, path, form))) {
    form->from_file = true;
    return;
  }
  free_form(p, form);
  make_gzip(p, page);
}

static void free_page(so_pages *p, so_page *page) {
  p->used -= page->cost;
  free_form(p, &page->forms[0]);
  free_form(p, &page->forms[1]);
  so_heap_free(p->world->heap, page, sizeof *page + page->path.len);
}

static so_status load(so_pages *p, so_bytes path, so_page **out) {
  so_page *const page = so_heap_alloc_array(p->world->heap, 1, sizeof *page + path.len);
  if (page == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  uint8_t *const name = (uint8_t *)(page + 1);
  memcpy(name, path.ptr, path.len);
  page->path = so_bytes_of(name, path.len);
  page->type = so_content_type_of(path);
  page->checked_ns = so_clock_now(&p->world->clock);
  const so_status status = load_form(p, path, &page->forms[SO_PAGE_PLAIN]);
  if (!so_ok(status)) {
    free_page(p, page);
    return status;
  }
  load_gzip(p, page);
  page->cost = sizeof *page + path.len + page->forms[0].body_cap + page->forms[1].body_cap;
  p->used += page->cost;
  p->loads++;
  *out = page;
  return so_done();
}

// --- the table -----------------------------------------------------------------------------------

static void unlink_page(so_pages *p, so_page *page) {
  so_page **at = &p->buckets[page->bucket];
  while (*at != page) {
    at = &(*at)->next;
  }
  *at = page->next;
  *(page->newer != NULL ? &page->newer->older : &p->newest) = page->older;
  *(page->older != NULL ? &page->older->newer : &p->oldest) = page->newer;
  page->dropped = true;
}

static void push_newest(so_pages *p, so_page *page) {
  page->newer = NULL;
  page->older = p->newest;
  *(p->newest != NULL ? &p->newest->newer : &p->oldest) = page;
  p->newest = page;
}

static void drop(so_pages *p, so_page *page) {
  unlink_page(p, page);
  if (page->refs == 0) {
    free_page(p, page);
  }
}

static void touch(so_pages *p, so_page *page) {
  if (p->newest == page) {
    return;
  }
  *(page->newer != NULL ? &page->newer->older : &p->newest) = page->older;
  *(page->older != NULL ? &page->older->newer : &p->oldest) = page->newer;
  push_newest(p, page);
}

static void insert(so_pages *p, so_page *page, uint32_t bucket) {
  page->bucket = bucket;
  page->next = p->buckets[bucket];
  p->buckets[bucket] = page;
  push_newest(p, page);
  while (p->used > p->budget && p->oldest != page) {
    drop(p, p->oldest);
  }
}

static bool same_file(so_pages *p, so_bytes path, bool must_exist, const so_page_form *form) {
  so_site_info info;
  void *file;
  if (!so_ok(p->site.ops->open(p->site.ctx, path, &info, &file))) {
    return !must_exist;
  }
  if (file != NULL) {
    p->site.ops->close_file(p->site.ctx, file);
  }
  return must_exist && file != NULL &&
         memcmp(info.version, form->version, sizeof info.version) == 0;
}

// still_true looks at the file again, and at what stands beside it.
static bool still_true(so_pages *p, so_page *page) {
  uint8_t buf[PATH_CAP];
  const so_page_form *gzip = &page->forms[SO_PAGE_GZIP];
  const so_bytes path = gzip_path(page->path, buf);
  return same_file(p, page->path, true, &page->forms[SO_PAGE_PLAIN]) &&
         (!page->type->is_text || path.len == 0 || same_file(p, path, gzip->from_file, gzip));
}

static so_page *find(so_pages *p, so_bytes path, uint32_t bucket) {
  so_page *page = p->buckets[bucket];
  while (page != NULL && !so_bytes_equal(page->path, path)) {
    page = page->next;
  }
  return page;
}

void so_pages_init(so_pages *p, const so_world *world, const so_site *site, size_t budget) {
  memset(p, 0, sizeof *p);
  p->world = world;
  p->site = *site;
  p->cpu = so_cpu_detect();
  p->budget = budget;
  p->body_max = SO_PAGE_BODY_LEN_MAX;
  if (world->memory_len != 0) {  // On a machine of its own: a share of it.
    const size_t share = world->memory_len / SO_PAGE_MEMORY_SHARE;
    p->budget = budget < share ? budget : share;
    p->body_max = p->budget / 8 < p->body_max ? p->budget / 8 : p->body_max;
  }
  so_entropy_fill(&world->entropy, p->key, sizeof p->key);
}

void so_pages_release(so_pages *p) {
  while (p->newest != NULL) {
    drop(p, p->newest);
  }
}

so_status so_pages_get(so_pages *p, so_bytes path, so_page **out) {
  const uint32_t bucket = (uint32_t)(so_siphash24(p->key, path) % SO_PAGE_BUCKETS);
  const uint64_t now = so_clock_now(&p->world->clock);
  so_page *page = find(p, path, bucket);
  if (page != NULL && now - page->checked_ns >= SO_PAGE_FRESH_NS) {
    page->checked_ns = now;  // Others need not look at the same time.
    page->refs++;
    const bool same = still_true(p, page);
    page->refs--;
    if (!same && !page->dropped) {
      drop(p, page);
    } else if (!same && page->refs == 0) {
      free_page(p, page);
    }
    page = find(p, path, bucket);
  }
  if (page == NULL) {
    const so_status status = load(p, path, &page);
    if (!so_ok(status)) {
      return so_is(status, SO_DENIED) ? so_status_make(SO_NOT_FOUND, 0) : status;
    }
    so_page *const other = find(p, path, bucket);  // Loaded by another fiber meanwhile.
    if (other != NULL) {
      drop(p, other);
    }
    insert(p, page, bucket);
  } else {
    p->hits++;
    touch(p, page);
  }
  page->refs++;
  *out = page;
  return so_done();
}

void so_pages_put(so_pages *p, so_page *page) {
  if (--page->refs == 0 && page->dropped) {
    free_page(p, page);
  }
}

void so_pages_forget(so_pages *p, so_page *page) {
  if (!page->dropped) {
    drop(p, page);
  }
}
