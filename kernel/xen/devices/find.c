// Devices by index and by name: the folders `device/vif` and `device/vbd`.
#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/xen/devices/internal.h"
#include "kernel/xen/hypercall/hypercall.h"

#define CONNECT_NS (30 * SO_NS_PER_S)
#define ANSWER_NS (60 * SO_NS_PER_S)
#define ABSENT_NS (60 * SO_NS_PER_S)
#define LIST_MAX 4096u
#define MIB (UINT64_C(1) << 20)

// --- event channels of devices --------------------------------------------------------------

static bool channel_open(void *ctx, uint16_t domid, uint32_t *out_port) {
  (void)ctx;
  uint32_t index = 0;
  if (!so_xen_event_open(domid, out_port)) {
    return false;
  }
  if (!so_ok(so_xen_events_add(&xen_self.events, *out_port, NULL, &index))) {
    so_xen_event_close(*out_port);
    return false;
  }
  return true;
}

static void channel_close(void *ctx, uint32_t port) {
  (void)ctx;
  for (uint32_t i = 0; i < xen_self.events.used; i++) {
    if (xen_self.events.events[i].bound && xen_self.events.events[i].port == port) {
      so_xen_events_drop(&xen_self.events, i);
      break;
    }
  }
  so_xen_event_close(port);
}

static void channel_notify(void *ctx, uint32_t port) {
  (void)ctx;
  so_xen_event_send(port);
}

static void device_say(void *ctx, const char *device, const char *text) {
  (void)ctx;
  xen_say(device, text);
}

// announce tells bridges and switches that we moved, after a reconnection.
static void announce(void *ctx, const so_device *d) {
  (void)ctx;
  for (size_t i = 0; i < XEN_NET_MAX && xen_self.nets[i] != NULL; i++) {
    xen_net *const n = xen_self.nets[i];
    if (&n->device != d || !n->used) {
      continue;
    }
    so_device_announce(n->port.mac, n->announce);
    so_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.parts[0] = so_bytes_of(n->announce, sizeof n->announce);
    frame.part_count = 1;
    // One that finds no room is not missed: there is traffic.
    (void)!so_ok(so_netdev_send(&n->port, &frame));
    so_netdev_flush(&n->port);
  }
}

static so_status start_device(so_device *device, const so_front *front, const char *path) {
  const so_device_config config = {
      xen_self.config.sched,
      xen_self.config.clock,
      xen_self.config.heap,
      &xen_self.store,
      {channel_open, channel_notify, channel_close, device_say, announce, NULL},
      *front,
      path,
  };
  return so_device_start(device, &config);
}

// wait_for waits until the device is connected, and puts what keeps it into words.
static so_status wait_for(so_device *device, const char **out_why) {
  const uint64_t deadline_ns = so_clock_now(&xen_self.config.clock) + CONNECT_NS;
  const so_status status = so_device_wait(device, deadline_ns, out_why);
  return so_is(status, SO_AGAIN) ? so_status_make(SO_IO, 0) : status;
}

// --- the folders ----------------------------------------------------------------------------

// next_number takes the next name of a list that is a number; others are skipped. False: the end.
static bool next_number(so_bytes *list, uint32_t *out) {
  while (list->len != 0) {
    const size_t len = so_bytes_find(*list, 0);
    uint64_t number = 0;
    const bool ok = so_ok(so_parse_u64(so_bytes_first(*list, len), &number));
    *list = so_bytes_from(*list, len + 1);
    if (ok && number <= UINT32_MAX) {
      *out = (uint32_t)number;
      return true;
    }
  }
  return false;
}

static so_status list_devices(const char *folder, so_buf *out) {
  so_buf_init(out, xen_self.config.heap, LIST_MAX);
  return xen_self.started ? so_store_list(&xen_self.store, SO_STORE_NO_TX, folder, out)
                          : so_status_make(SO_NOT_FOUND, 0);
}

// nth_number finds the number that `index` smaller ones come before.
static bool nth_number(so_bytes list, unsigned index, uint32_t *out) {
  so_bytes left = list;
  uint32_t candidate = 0;
  while (next_number(&left, &candidate)) {
    so_bytes others = list;
    uint32_t other = 0;
    unsigned smaller = 0;
    while (next_number(&others, &other)) {
      smaller += other < candidate;
    }
    if (smaller == index) {
      *out = candidate;
      return true;
    }
  }
  return false;
}

static void path_of(char out[XEN_PATH_MAX], const char *kind, uint32_t number) {
  so_writer w = so_writer_of((uint8_t *)out, XEN_PATH_MAX);
  so_write_printf(&w, "device/%s/%u", kind, number);
  so_write_u8(&w, 0);
}

// --- network --------------------------------------------------------------------------------

static uint32_t ring_pages(void) {
  // Both directions together take at most an eighth of a small machine.
  return xen_self.ram_len < 8 * MIB ? 48 : xen_self.ram_len < 32 * MIB ? 128 : 256;
}

static so_status start_net(xen_net *n, uint32_t number) {
  const uint32_t pages = ring_pages();
  const so_netfront_config config = {
      xen_self.config.sched,
      xen_self.config.clock,
      xen_self.config.heap,
      so_grant_port(&xen_self.grants, &xen_self.config.pages),
      pages,
      pages,
      ANSWER_NS,
  };
  SO_TRY(so_netfront_init(&n->front, &config));
  path_of(n->path, "vif", number);
  const so_front front = so_netfront_front(&n->front);
  return start_device(&n->device, &front, n->path);
}

so_status so_devices_net(unsigned index, so_netdev *out, const char **out_why) {
  *out_why = "there is no such device below device/vif";
  so_buf list;
  uint32_t number = 0;
  const bool found = so_ok(list_devices("device/vif", &list)) &&
                     nth_number(so_buf_bytes(&list), index, &number);
  so_buf_release(&list);
  if (!found || index >= XEN_NET_MAX) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out_why = "there is not enough memory for its rings";
  xen_net *n = xen_self.nets[index];
  if (n == NULL) {
    n = so_heap_alloc_array(xen_self.config.heap, 1, sizeof *n);
    if (n == NULL) {
      return so_status_make(SO_IO, 0);
    }
    if (!so_ok(start_net(n, number))) {
      so_heap_free(xen_self.config.heap, n, sizeof *n);
      return so_status_make(SO_IO, 0);
    }
    // The loop looks at all up to the first that is missing: devices are opened in order.
    xen_self.nets[index] = n;
  }
  SO_TRY(wait_for(&n->device, out_why));
  *out_why = "it is open already";
  if (n->used) {
    return so_status_make(SO_IO, 0);
  }
  SO_TRY(so_netfront_open(&n->front, &n->port));
  n->used = true;
  *out = n->port;
  return so_done();
}

// --- disks ----------------------------------------------------------------------------------

// A name is what xl calls it, or its number.
static bool is_named(uint32_t number, so_bytes name) {
  char text[SO_DEVICE_DISK_NAME_MAX];
  so_device_disk_name(number, text);
  uint64_t wanted = 0;
  return name.len == 0 || so_bytes_equal(name, so_str(text)) ||
         (so_ok(so_parse_u64(name, &wanted)) && wanted == number);
}

static bool find_disk(so_bytes name, uint32_t *out) {
  so_buf list;
  bool found = false;
  if (so_ok(list_devices("device/vbd", &list))) {
    for (unsigned i = 0; !found && nth_number(so_buf_bytes(&list), i, out); i++) {
      found = is_named(*out, name);
    }
  }
  so_buf_release(&list);
  return found;
}

static so_status start_block(xen_block *b, uint32_t number) {
  const bool small = xen_self.ram_len < 16 * MIB;
  const bool middle = xen_self.ram_len < 64 * MIB;
  const so_blkfront_config config = {
      xen_self.config.sched,
      xen_self.config.clock,
      xen_self.config.heap,
      so_grant_port(&xen_self.grants, &xen_self.config.pages),
      small ? 64 : middle ? 256 : 1024,
      small ? 11 : 64,
      small ? 0 : 2,
      ANSWER_NS,
      ABSENT_NS,
  };
  SO_TRY(so_blkfront_init(&b->front, &config));
  path_of(b->path, "vbd", number);
  const so_front front = so_blkfront_front(&b->front);
  return start_device(&b->device, &front, b->path);
}

static xen_block **block_slot(const char *path) {
  size_t i = 0;
  while (i < XEN_BLOCK_MAX && xen_self.blocks[i] != NULL &&
         !so_bytes_equal(so_str(xen_self.blocks[i]->path), so_str(path))) {
    i++;
  }
  return i == XEN_BLOCK_MAX ? NULL : &xen_self.blocks[i];
}

so_status so_devices_block(so_bytes name, so_block *out, const char **out_why) {
  *out_why = "there is no such disk below device/vbd";
  uint32_t number = 0;
  if (!find_disk(name, &number)) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  char path[XEN_PATH_MAX];
  path_of(path, "vbd", number);
  *out_why = "too many disks are open";
  xen_block **const slot = block_slot(path);
  if (slot == NULL) {
    return so_status_make(SO_IO, 0);
  }
  *out_why = "there is not enough memory for its rings";
  if (*slot == NULL) {
    xen_block *const b = so_heap_alloc_array(xen_self.config.heap, 1, sizeof *b);
    if (b == NULL) {
      return so_status_make(SO_IO, 0);
    }
    if (!so_ok(start_block(b, number))) {
      so_heap_free(xen_self.config.heap, b, sizeof *b);
      return so_status_make(SO_IO, 0);
    }
    *slot = b;
  }
  SO_TRY(wait_for(&(*slot)->device, out_why));
  *out_why = "it is open already";
  if ((*slot)->used) {
    return so_status_make(SO_IO, 0);
  }
  (*slot)->used = true;
  *out_why = "it is too small to be a disk";
  SO_TRY(so_blkfront_open(&(*slot)->front, out));
  return out->capacity < out->unit_len ? so_status_make(SO_LIMIT, 0) : so_done();
}
