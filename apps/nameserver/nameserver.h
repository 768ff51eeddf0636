#ifndef SO_APPS_NAMESERVER_NAMESERVER_H_
#define SO_APPS_NAMESERVER_NAMESERVER_H_

// The name server as a program over the ports of kernel/ports/world.h. The targets differ in the
// platform below it, and in whether it has a source of zones besides files.

#include "apps/nameserver/options.h"
#include "kernel/ports/world.h"
#include "net/dns/server/server.h"

#ifdef __cplusplus
extern "C" {
#endif

// Exit codes.
enum { SO_NS_DONE = 0, SO_NS_USAGE = 2, SO_NS_BAD_ZONE = 3, SO_NS_NETWORK = 5 };

#define SO_NS_ZONE_MEMORY_MAX ((size_t)1 << 30)
#define SO_NS_MEMOS 16384
#define SO_NS_RATES 16384
#define SO_NS_TCP_MAX 512
#define SO_NS_INCLUDES_MAX 63  // Files that a zone may include.
#define SO_NS_PATH_LEN_MAX 4096

// A zone in memory, which transfers may still read when another has taken its place.
typedef struct so_ns_zone {
  so_dns_zone zone;
  uint32_t uses;
  bool from_source;
  uint8_t to_notify;  // A bit for each secondary that was not told of it yet.
} so_ns_zone;

typedef struct so_ns_notify_stats {
  uint64_t sent;
  uint64_t answered;
  uint64_t refused;
  uint64_t silent;  // Given up.
} so_ns_notify_stats;

typedef struct so_nameserver {
  const so_world *world;
  const so_ns_options *options;
  so_dns_server server;
  so_ns_zone *zones[SO_DNS_ZONES_MAX];
  size_t zone_count;
  uint64_t zones_refused;  // Texts that are no zone; why was said with file and line.
  uint32_t fibers;  // That run and use this.
  uint32_t connections;
  so_ns_notify_stats notify;
  so_event zones_changed;
  so_event ended;
} so_nameserver;

// A further source of zones, linked in by the targets that have one.
typedef struct so_ns_source {
  // Fetches the zones once and starts to follow them. False: said on the console why not.
  bool (*start)(so_nameserver *ns);
} so_ns_source;

// so_nameserver_main is so_main; `source` may be NULL.
int so_nameserver_main(const so_world *world, int argc, const char *const *argv,
                       const so_ns_source *source);

// --- zones ------------------------------------------------------------------------------------

// Reads the file called `path` into `out`.
typedef so_status so_ns_include_read(void *ctx, so_bytes path, so_buf *out);

// The files that a zone includes, while it is loaded. Their names are relative to the folder of the
// zone's own file; ".." and names that begin with a slash are refused.
typedef struct so_ns_includes {
  const so_world *world;
  so_bytes zone_file;
  so_ns_include_read *read;
  void *ctx;
  size_t count;
  so_buf texts[SO_NS_INCLUDES_MAX];
} so_ns_includes;

void so_ns_includes_init(so_ns_includes *inc, const so_world *world, so_bytes zone_file,
                         so_ns_include_read *read, void *ctx);
void so_ns_includes_release(so_ns_includes *inc);

// so_ns_include is an `include` of so_dns_zone_text; `ctx` is an so_ns_includes.
SO_MUST_USE so_status so_ns_include(void *ctx, so_bytes file, so_bytes *out_text);

// so_ns_load_text loads a zone, whose included files `read` gives; on failure it says why on the
// console and returns NULL.
so_ns_zone *so_ns_load_text(so_nameserver *ns, so_bytes file, so_bytes origin, so_bytes text,
                            so_ns_include_read *read, void *ctx);

// so_ns_load_files loads the zones of the command line. False: one is bad.
bool so_ns_load_files(so_nameserver *ns);

// so_ns_replace takes over `zones` in place of all that came from the source before. False when
// they cannot be served beside the others; the former stay, and `zones` are released.
bool so_ns_replace(so_nameserver *ns, so_ns_zone **zones, size_t count);

so_ns_zone *so_ns_zone_hold(so_nameserver *ns, const so_dns_zone *zone);
void so_ns_zone_drop(const so_world *world, so_ns_zone *zone);
void so_ns_release_zones(so_nameserver *ns);

// so_ns_read_file reads a text of at most `limit` bytes through open_block: up to its first NUL,
// which is what follows a text on a device. The caller releases `out`.
SO_MUST_USE so_status so_ns_read_file(const so_world *world, so_bytes name, so_buf *out);

// --- secondaries ------------------------------------------------------------------------------

// so_ns_start_notifying starts a fiber for each --notify. False: no memory or fibers.
bool so_ns_start_notifying(so_nameserver *ns);

// so_ns_zone_changed: secondaries are to be told of this zone.
void so_ns_zone_changed(so_nameserver *ns, so_ns_zone *zone);

// --- serving ----------------------------------------------------------------------------------

// so_ns_spawn starts `run(arg)` as a fiber that is counted in `ns->fibers`; it must end with
// so_ns_fiber_end.
SO_MUST_USE so_status so_ns_spawn(so_nameserver *ns, const char *name, void (*run)(void *arg),
                                  void *arg);
void so_ns_fiber_end(so_nameserver *ns);

SO_MUST_USE so_status so_ns_serve_udp(so_nameserver *ns, const so_endpoint *at);
SO_MUST_USE so_status so_ns_serve_tcp(so_nameserver *ns, const so_endpoint *at);

__attribute__((format(printf, 2, 3))) void so_ns_say(const so_world *world, const char *format,
                                                     ...);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_NAMESERVER_NAMESERVER_H_
