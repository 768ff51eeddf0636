// What log=debug adds to the console: what the machine found, and what it had used in the end.

#include "base/fmt.h"
#include "kernel/bare/internal.h"

static size_t kib(size_t pages) { return pages * (SO_PAGE_LEN / 1024); }

void bare_debug_found(const bare *b) {
  if (!b->debug) {
    return;
  }
  bare_say(b, "memory: %zu KiB, %zu KiB of it free; stacks of %zu KiB, at most %zu fibers",
           kib(b->pages.total_count), kib(b->pages.free_count), b->sched.config.stack_len / 1024,
           b->sched.config.fiber_max);
  for (size_t i = 0; i < b->command_line.setting_count; i++) {
    const so_command_line_word *const w = &b->command_line.settings[i];
    const bool secret = w->setting == SO_SETTING_SEED;
    bare_say(b, "setting %s=%.*s", so_setting_key(w->setting),
             SO_FMT(secret ? so_str("(not shown)") : w->value));
  }
}

void bare_debug_network(const bare *b, const so_netdev *device, uint32_t pages,
                        uint32_t connections) {
  const uint8_t *const m = device->mac;
  if (b->debug) {
    bare_say(b, "network: %02x:%02x:%02x:%02x:%02x:%02x, MTU %u, checksums %d, segments %d %d, "
             "received large %d; %u pages, %u connections", m[0], m[1], m[2], m[3], m[4], m[5],
             device->mtu, device->tx_csum, device->tx_tso4, device->tx_tso6, device->rx_gso, pages,
             connections);
  }
}

void bare_debug_used(const bare *b) {
  if (b->debug) {
    bare_say(b, "used at most: %zu KiB of memory, %zu of it heap; %zu bytes of a stack",
             kib(b->pages.total_count - b->pages.free_min), kib(b->page_heap.page_count_max),
             so_sched_stack_used_max(&b->sched));
  }
}
