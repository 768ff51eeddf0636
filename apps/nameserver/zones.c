// Zones in memory: loaded, replaced, and held by transfers that still read them.

#include "apps/nameserver/nameserver.h"
#include "base/assert.h"
#include "base/fmt.h"
#include "base/mem.h"

#define READ_LEN 65536
#define ZONE_TEXT_MAX ((size_t)1 << 30)

so_status so_ns_read_file(const so_world *world, so_bytes name, so_buf *out) {
  so_block block;
  SO_TRY(world->open_block(world->ctx, name, false, &block));
  so_status s = so_done();
  for (uint64_t at = 0; so_ok(s) && at < block.capacity; at += READ_LEN) {
    uint8_t *const room = so_buf_reserve(out, READ_LEN);
    const uint64_t left = block.capacity - at;
    const size_t n = left < READ_LEN ? (size_t)left : READ_LEN;
    s = room == NULL ? so_status_make(SO_LIMIT, 0) : so_block_read(&block, at, room, n);
    if (so_ok(s)) {
      const size_t text_len = so_bytes_find(so_bytes_of(room, n), 0);
      so_buf_commit(out, text_len);
      if (text_len < n) {
        break;
      }
    }
  }
  so_block_close(&block);
  return s;
}

// --- loading ----------------------------------------------------------------------------------

so_ns_zone *so_ns_load_text(so_nameserver *ns, so_bytes file, so_bytes origin, so_bytes text,
                            so_ns_include_read *read, void *ctx) {
  const so_heap *const heap = ns->world->heap;
  so_ns_zone *const z = so_heap_alloc_array(heap, 1, sizeof *z);
  so_ns_includes *const includes = so_heap_alloc_array(heap, 1, sizeof *includes);
  if (z == NULL || includes == NULL) {
    so_ns_say(ns->world, "nameserver: %.*s: out of memory", SO_FMT(file));
    so_heap_free(heap, z, sizeof *z);
    so_heap_free(heap, includes, sizeof *includes);
    return NULL;
  }
  so_ns_includes_init(includes, ns->world, file, read, ctx);
  const so_dns_zone_text t = {.file = file,
                              .text = text,
                              .origin = origin,
                              .seed = ns->server.config.seed,
                              .memory_limit = SO_NS_ZONE_MEMORY_MAX,
                              .include = so_ns_include,
                              .include_ctx = includes};
  so_dns_zone_error error;
  const so_status s = so_dns_zone_load(&z->zone, heap, &t, &error);
  so_ns_includes_release(includes);
  so_heap_free(heap, includes, sizeof *includes);
  if (!so_ok(s)) {
    ns->zones_refused++;
    so_ns_say(ns->world, "nameserver: %s:%u: %s", error.file, error.line,
              so_is(s, SO_LIMIT) ? "the zone takes too much memory" : error.reason);
    so_heap_free(heap, z, sizeof *z);
    return NULL;
  }
  z->uses = 1;
  if (z->zone.unglued_count != 0) {
    so_ns_say(ns->world, "nameserver: %.*s: %u name servers of delegations lack an address",
              SO_FMT(file), z->zone.unglued_count);
  }
  return z;
}

static so_status read_included(void *ctx, so_bytes path, so_buf *out) {
  return so_ns_read_file(((const so_nameserver *)ctx)->world, path, out);
}

static so_ns_zone *load_file(so_nameserver *ns, const so_ns_zone_option *option) {
  so_buf text;
  so_ns_zone *z = NULL;
  so_buf_init(&text, ns->world->heap, ZONE_TEXT_MAX);
  const so_status s = so_ns_read_file(ns->world, option->file, &text);
  if (so_ok(s)) {
    z = so_ns_load_text(ns, option->file, so_dns_name_view(&option->origin), so_buf_bytes(&text),
                        read_included, ns);
  } else {
    so_ns_say(ns->world, "nameserver: cannot read %.*s: %s", SO_FMT(option->file),
              so_code_name((so_code)s.code));
  }
  so_buf_release(&text);
  return z;
}

// --- the set that is served -------------------------------------------------------------------

static bool publish(so_nameserver *ns) {
  const so_dns_zone **const list =
      so_heap_alloc_array(ns->world->heap, ns->zone_count + 1, sizeof *list);
  if (list == NULL) {
    return false;
  }
  for (size_t i = 0; i < ns->zone_count; i++) {
    list[i] = &ns->zones[i]->zone;
  }
  const so_status s = so_dns_server_set_zones(&ns->server, list, ns->zone_count);
  so_heap_free(ns->world->heap, list, (ns->zone_count + 1) * sizeof *list);
  return so_ok(s);
}

bool so_ns_load_files(so_nameserver *ns) {
  for (size_t i = 0; i < ns->options->zone_count; i++) {
    so_ns_zone *const z = load_file(ns, &ns->options->zones[i]);
    if (z == NULL) {
      return false;
    }
    ns->zones[ns->zone_count++] = z;
    so_ns_zone_changed(ns, z);  // It may have, since we ran last.
  }
  if (!publish(ns)) {
    so_ns_say(ns->world, "nameserver: a zone is named twice");
    return false;
  }
  return true;
}

static bool is_taken(const so_nameserver *ns, const so_ns_zone *z) {
  for (size_t i = 0; i < ns->zone_count; i++) {
    if (!ns->zones[i]->from_source &&
        so_dns_name_equal(ns->zones[i]->zone.origin, z->zone.origin)) {
      return true;
    }
  }
  return false;
}

// is_news: the zone was not served before, or with another serial.
static bool is_news(const so_nameserver *ns, const so_ns_zone *z) {
  for (size_t i = 0; i < ns->zone_count; i++) {
    const so_dns_zone *const before = &ns->zones[i]->zone;
    if (so_dns_name_equal(before->origin, z->zone.origin)) {
      return before->serial != z->zone.serial || ns->zones[i]->to_notify != 0;
    }
  }
  return true;
}

bool so_ns_replace(so_nameserver *ns, so_ns_zone **zones, size_t count) {
  size_t kept = 0;
  bool fits = count <= SO_DNS_ZONES_MAX - ns->options->zone_count;
  for (size_t i = 0; i < count; i++) {
    fits = fits && !is_taken(ns, zones[i]);
  }
  if (!fits) {
    for (size_t i = 0; i < count; i++) {
      so_ns_zone_drop(ns->world, zones[i]);
    }
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (is_news(ns, zones[i])) {
      so_ns_zone_changed(ns, zones[i]);
    }
  }
  for (size_t i = 0; i < ns->zone_count; i++) {
    if (ns->zones[i]->from_source) {
      so_ns_zone_drop(ns->world, ns->zones[i]);
    } else {
      ns->zones[kept++] = ns->zones[i];
    }
  }
  for (size_t i = 0; i < count; i++) {
    zones[i]->from_source = true;
    ns->zones[kept + i] = zones[i];
  }
  ns->zone_count = kept + count;
  return publish(ns);
}

so_ns_zone *so_ns_zone_hold(so_nameserver *ns, const so_dns_zone *zone) {
  for (size_t i = 0; i < ns->zone_count; i++) {
    if (&ns->zones[i]->zone == zone) {
      ns->zones[i]->uses++;
      return ns->zones[i];
    }
  }
  SO_ASSERT(false);
  return NULL;
}

void so_ns_zone_drop(const so_world *world, so_ns_zone *zone) {
  SO_ASSERT(zone->uses != 0);
  if (--zone->uses == 0) {
    so_dns_zone_release(&zone->zone);
    so_heap_free(world->heap, zone, sizeof *zone);
  }
}

void so_ns_release_zones(so_nameserver *ns) {
  for (size_t i = 0; i < ns->zone_count; i++) {
    so_ns_zone_drop(ns->world, ns->zones[i]);
  }
  ns->zone_count = 0;
}
