// Start, statistics, end.

#include "apps/nameserver/nameserver.h"

#include "base/fmt.h"
#include "base/mem.h"

#define SO_NS_VERSION "0.1.0"
#define SAY_LEN_MAX 4096
#define STATS_NS (60 * SO_NS_PER_S)

void so_ns_say(const so_world *world, const char *format, ...) {
  so_buf text;
  so_buf_init(&text, world->heap, SAY_LEN_MAX);
  va_list args;
  va_start(args, format);
  so_buf_vprintf(&text, format, args);
  va_end(args);
  so_buf_append_u8(&text, '\n');
  so_console_write(&world->console, so_buf_bytes(&text));
  so_buf_release(&text);
}

// --- fibers -----------------------------------------------------------------------------------

so_status so_ns_spawn(so_nameserver *ns, const char *name, void (*run)(void *arg), void *arg) {
  SO_TRY(so_fiber_spawn(ns->world->sched, name, run, arg));
  ns->fibers++;
  return so_done();
}

void so_ns_fiber_end(so_nameserver *ns) {
  ns->fibers--;
  so_event_signal(ns->world->sched, &ns->ended);
}

// --- statistics -------------------------------------------------------------------------------

static void say_stats(const so_nameserver *ns) {
  const so_dns_stats *const s = &ns->server.stats;
  so_ns_say(ns->world,
            "queries=%llu tcp=%llu noerror=%llu formerr=%llu nxdomain=%llu notimp=%llu "
            "refused=%llu remembered=%llu dropped=%llu truncated=%llu limited=%llu slipped=%llu "
            "bad_cookies=%llu transfers=%llu transfers_refused=%llu notify_sent=%llu "
            "notify_answered=%llu notify_refused=%llu notify_silent=%llu zones_refused=%llu",
            (unsigned long long)s->queries, (unsigned long long)s->tcp_queries,
            (unsigned long long)s->answers[0], (unsigned long long)s->answers[1],
            (unsigned long long)s->answers[3], (unsigned long long)s->answers[4],
            (unsigned long long)s->answers[5], (unsigned long long)s->remembered,
            (unsigned long long)s->dropped, (unsigned long long)s->truncated,
            (unsigned long long)s->limited, (unsigned long long)s->slipped,
            (unsigned long long)s->bad_cookies, (unsigned long long)s->transfers,
            (unsigned long long)s->transfers_refused, (unsigned long long)ns->notify.sent,
            (unsigned long long)ns->notify.answered, (unsigned long long)ns->notify.refused,
            (unsigned long long)ns->notify.silent, (unsigned long long)ns->zones_refused);
}

// wait_for_end waits until all fibers have ended, which they do when the scheduler stops.
static void wait_for_end(so_nameserver *ns) {
  const so_clock *const clock = &ns->world->clock;
  uint64_t said = 0;
  uint64_t at_ns = so_clock_now(clock) + STATS_NS;
  while (ns->fibers != 0) {
    const so_status s = so_event_wait(ns->world->sched, &ns->ended, at_ns);
    if (so_is(s, SO_AGAIN) && so_clock_now(clock) >= at_ns) {
      at_ns = so_clock_now(clock) + STATS_NS;
      if (ns->server.stats.queries != said) {
        said = ns->server.stats.queries;
        say_stats(ns);
      }
    }
  }
  say_stats(ns);
}

// --- start ------------------------------------------------------------------------------------

static void say_place(so_nameserver *ns, const so_place *place, so_status status) {
  so_buf text;
  so_buf_init(&text, ns->world->heap, 1024);
  if (so_ok(status)) {
    so_buf_append_str(&text, "listening ");
    so_place_write(place, &text);
  } else {
    so_buf_append_str(&text, "nameserver: ");
    so_place_refused(place, status, &text);
  }
  so_ns_say(ns->world, "%.*s", SO_FMT(so_buf_bytes(&text)));
  so_buf_release(&text);
}

static bool serve_at(so_nameserver *ns, const so_place *place) {
  so_endpoint at;
  so_status s = so_place_resolve(ns->world, place, SO_NEVER, &at);
  if (so_ok(s)) {
    s = so_ns_serve_udp(ns, &at);
  }
  if (so_ok(s)) {
    s = so_ns_serve_tcp(ns, &at);
  }
  say_place(ns, place, s);
  return so_ok(s);
}

static bool init_server(so_nameserver *ns) {
  const so_heap *const heap = ns->world->heap;
  so_dns_server_config config = {.udp_len_max = SO_DNS_UDP_LEN_DEFAULT,
                                 .rate_limit = (uint32_t)ns->options->rate_limit,
                                 .memo_count = SO_NS_MEMOS,
                                 .rate_count = SO_NS_RATES,
                                 .transfers = ns->options->transfers,
                                 .transfer_count = ns->options->transfer_count};
  so_entropy_fill(&ns->world->entropy, config.cookie_key, sizeof config.cookie_key);
  so_entropy_fill(&ns->world->entropy, (uint8_t *)&config.seed, sizeof config.seed);
  config.memos = so_heap_alloc_array(heap, SO_NS_MEMOS, sizeof *config.memos);
  config.rates = so_heap_alloc_array(heap, SO_NS_RATES, sizeof *config.rates);
  so_dns_server_init(&ns->server, &config);
  return config.memos != NULL && config.rates != NULL;
}

static int serve(so_nameserver *ns, const so_ns_source *source) {
  bool good = true;
  if (!so_ns_load_files(ns)) {
    return SO_NS_BAD_ZONE;
  }
  if (source != NULL && ns->options->from.len != 0 && !source->start(ns)) {
    return SO_NS_BAD_ZONE;
  }
  for (size_t i = 0; i < ns->options->listens.count && good; i++) {
    good = serve_at(ns, &ns->options->listens.at[i]);
  }
  // Only now: whoever is told comes at once.
  good = good && so_ns_start_notifying(ns);
  if (!good) {
    so_sched_stop(ns->world->sched);
  }
  wait_for_end(ns);
  return good ? SO_NS_DONE : SO_NS_NETWORK;
}

static int say_no_memory(const so_world *world) {
  so_ns_say(world, "nameserver: not enough memory to start");
  return SO_NS_USAGE;
}

static int run(const so_world *world, const so_ns_options *options, const so_ns_source *source) {
  so_nameserver *const ns = so_heap_alloc_array(world->heap, 1, sizeof *ns);
  if (ns == NULL) {
    return say_no_memory(world);
  }
  ns->world = world;
  ns->options = options;
  const int code = init_server(ns) ? serve(ns, source) : say_no_memory(world);
  so_ns_release_zones(ns);
  so_heap_free(world->heap, ns->server.config.memos, SO_NS_MEMOS * sizeof(so_dns_memo));
  so_heap_free(world->heap, ns->server.config.rates, SO_NS_RATES * sizeof(so_dns_rate));
  so_heap_free(world->heap, ns, sizeof *ns);
  return code;
}

static int start(const so_world *world, int argc, const char *const *argv,
                 const so_ns_source *source, so_ns_options *options) {
  so_buf text;
  so_buf_init(&text, world->heap, SAY_LEN_MAX);
  int code = SO_NS_DONE;
  if (!so_ok(so_ns_options_read(argc, argv, source != NULL, options, &text))) {
    so_ns_say(world, "nameserver: %.*s", SO_FMT(so_buf_bytes(&text)));
    code = SO_NS_USAGE;
  } else if (options->help) {
    so_ns_options_help(source != NULL, &text);
    so_ns_say(world, "%.*s", SO_FMT(so_buf_bytes(&text)));
  } else if (options->version) {
    so_ns_say(world, "nameserver " SO_NS_VERSION);
  } else {
    code = run(world, options, source);
  }
  so_buf_release(&text);
  return code;
}

int so_nameserver_main(const so_world *world, int argc, const char *const *argv,
                       const so_ns_source *source) {
  so_ns_options *const options = so_heap_alloc_array(world->heap, 1, sizeof *options);
  if (options == NULL) {
    return say_no_memory(world);
  }
  const int code = start(world, argc, argv, source, options);
  so_heap_free(world->heap, options, sizeof *options);
  return code;
}
