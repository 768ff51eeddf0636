// Ethernet frames over a Linux tap device: opening it.

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/tap_internal.h"

#define TAP_PATH "/dev/net/tun"

static so_status attach(int fd, so_bytes name, struct ifreq *r) {
  memset(r, 0, sizeof *r);
  if (name.len == 0 || name.len > SO_UNIX_TAP_NAME_LEN_MAX) {
    return so_status_make(SO_MALFORMED, ENAMETOOLONG);
  }
  memcpy(r->ifr_name, name.ptr, name.len);
  r->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(fd, TUNSETIFF, r) == 0) {
    return so_done();
  }
  return errno == EBUSY ? so_status_make(SO_CONFLICT, EBUSY) : unix_error(errno);
}

// set_offloads says what the kernel may leave to us. What it refuses is left out, not an error.
static bool set_offloads(int fd, bool none) {
  const unsigned long csum = TUN_F_CSUM;
  const unsigned long all = csum | TUN_F_TSO4 | TUN_F_TSO6;
  if (!none && ioctl(fd, TUNSETOFFLOAD, all) == 0) {
    return true;
  }
  (void)ioctl(fd, TUNSETOFFLOAD, 0ul);
  return false;
}

static so_status describe(int fd, struct ifreq *r, so_netdev *out) {
  if (ioctl(fd, SIOCGIFHWADDR, r) != 0) {
    return unix_error(errno);
  }
  memcpy(out->mac, r->ifr_hwaddr.sa_data, SO_MAC_LEN);
  out->mac[SO_MAC_LEN - 1] ^= 1;
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0) {
    return unix_error(errno);
  }
  const bool known = ioctl(any, SIOCGIFMTU, r) == 0;
  const int error = errno;
  (void)close(any);
  if (!known) {
    return unix_error(error);
  }
  out->mtu = (uint16_t)(r->ifr_mtu < 65535 ? r->ifr_mtu : 65535);
  return so_done();
}

static so_status adopt(so_unix *u, int fd, bool one_by_one, so_netdev *out) {
  unix_tap *const t = calloc(1, sizeof *t);
  if (t == NULL) {
    return so_status_make(SO_LIMIT, ENOMEM);
  }
  t->u = u;
  so_status s = unix_watch_add(u, &t->watch, fd);
  if (so_ok(s) && !unix_tap_io_init(t, out->mtu, out->rx_gso, one_by_one)) {
    s = so_status_make(SO_LIMIT, ENOMEM);
  }
  if (!so_ok(s)) {
    free(t);
    return s;
  }
  t->watch.joined = true;
  out->ops = &unix_tap_ops;
  out->flush = unix_tap_flush;
  out->ctx = t;
  out->ready = &t->watch.readable;
  return so_done();
}

so_status so_unix_open_tap(const so_world *world, const so_unix_tap_config *config,
                           so_netdev *out) {
  const int fd = open(TAP_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    return unix_error(errno);
  }
  struct ifreq r;
  so_netdev d = {0};
  so_status s = attach(fd, config->name, &r);
  if (so_ok(s)) {
    s = describe(fd, &r, &d);
  }
  if (so_ok(s)) {
    const bool offloads = set_offloads(fd, config->no_offload);
    d.tx_csum = !config->no_offload;  // What we write, the kernel completes always.
    d.tx_tso4 = !config->no_offload;
    d.tx_tso6 = !config->no_offload;
    d.rx_gso = offloads;
    s = adopt(world->ctx, fd, config->one_by_one, &d);
  }
  if (!so_ok(s)) {
    (void)close(fd);
    return s;
  }
  *out = d;
  return so_done();
}

void so_unix_tap_read_stats(const so_netdev *d, so_unix_tap_stats *out) {
  SO_ASSERT(d->ops == &unix_tap_ops);
  *out = ((const unix_tap *)d->ctx)->stats;
}
