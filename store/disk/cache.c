#include "store/disk/internal.h"

// Inflated objects, the least recently used dropped first. Pinned ones stay, also over the limit.

#define OBJECT_LEN_GUESS 2048

uint8_t *so_disk_cached_bytes(cached *c) { return (uint8_t *)(c + 1); }

static size_t cached_size(const cached *c) { return sizeof *c + c->len; }

so_status so_disk_cache_init(so_db *db, size_t limit) {
  object_cache *cache = &db->cache;
  uint32_t count = 64;
  while (count < (1u << 20) && (size_t)count * OBJECT_LEN_GUESS < limit) {
    count *= 2;
  }
  cache->slots = (cached **)so_heap_alloc_array(db->heap, count, sizeof *cache->slots);
  cache->slot_count = count;
  cache->limit = limit;
  return cache->slots != NULL ? so_done() : fail(SO_LIMIT, 0);
}

static cached **slot_of(object_cache *cache, uint32_t repo, const so_oid *oid) {
  uint32_t v = 0;
  memcpy(&v, oid->bytes + 4, sizeof v);
  return &cache->slots[(v ^ (repo * 0x9e3779b9u)) & (cache->slot_count - 1)];
}

static void unlink_age(object_cache *cache, cached *c) {
  if (c->newer != NULL) {
    c->newer->older = c->older;
  } else {
    cache->newest = c->older;
  }
  if (c->older != NULL) {
    c->older->newer = c->newer;
  } else {
    cache->oldest = c->newer;
  }
}

static void link_newest(object_cache *cache, cached *c) {
  c->newer = NULL;
  c->older = cache->newest;
  if (cache->newest != NULL) {
    cache->newest->newer = c;
  } else {
    cache->oldest = c;
  }
  cache->newest = c;
}

static void unlink_hash(object_cache *cache, cached *c) {
  cached **link = slot_of(cache, c->repo, &c->oid);
  while (*link != c) {
    link = &(*link)->hash_next;
  }
  *link = c->hash_next;
}

static void cache_remove(so_db *db, cached *c) {
  unlink_hash(&db->cache, c);
  unlink_age(&db->cache, c);
  db->cache.used -= cached_size(c);
  so_heap_free(db->heap, c, cached_size(c));
}

// Makes room for `len` bytes by dropping what is not pinned.
static void cache_evict(so_db *db, size_t len) {
  object_cache *cache = &db->cache;
  cached *c = cache->oldest;
  while (c != NULL && cache->used + len > cache->limit) {
    cached *newer = c->newer;
    if (c->refs == 0) {
      cache_remove(db, c);
    }
    c = newer;
  }
}

cached *so_disk_cache_find(so_db *db, uint32_t repo, const so_oid *oid) {
  object_cache *cache = &db->cache;
  for (cached *c = *slot_of(cache, repo, oid); c != NULL; c = c->hash_next) {
    if (c->repo == repo && so_oid_equal(&c->oid, oid)) {
      unlink_age(cache, c);
      link_newest(cache, c);
      c->refs++;
      return c;
    }
  }
  return NULL;
}

cached *so_disk_cache_make(so_db *db, uint32_t repo, const so_oid *oid, so_kind kind, size_t len) {
  cache_evict(db, sizeof(cached) + len);
  cached *c = (cached *)so_heap_alloc(db->heap, sizeof(cached) + len);
  if (c != NULL) {
    memset(c, 0, sizeof *c);
    c->refs = 1;
    c->repo = repo;
    c->oid = *oid;
    c->kind = (uint8_t)kind;
    c->len = (uint32_t)len;
  }
  return c;
}

void so_disk_cache_add(so_db *db, cached *c) {
  cached **slot = slot_of(&db->cache, c->repo, &c->oid);
  c->hash_next = *slot;
  *slot = c;
  link_newest(&db->cache, c);
  db->cache.used += cached_size(c);
}

void so_disk_cache_drop(so_db *db, cached *c) { so_heap_free(db->heap, c, cached_size(c)); }

void so_disk_cache_unpin(so_db *db, cached *c) {
  SO_ASSERT(c->refs > 0);
  c->refs--;
  if (c->refs == 0 && db->cache.used > db->cache.limit) {
    cache_evict(db, 0);
  }
}

void so_disk_cache_release(so_db *db) {
  object_cache *cache = &db->cache;
  while (cache->oldest != NULL) {
    cache_remove(db, cache->oldest);
  }
  so_heap_free(db->heap, cache->slots, cache->slot_count * sizeof *cache->slots);
  cache->slots = NULL;
}
