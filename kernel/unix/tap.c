// Ethernet frames over a Linux tap device.

#include "kernel/unix/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

#define TAP_PATH "/dev/net/tun"
#define ETHERNET_LEN 14
// Ethernet header and an IP packet of the largest size, with room for a VLAN tag.
#define FRAME_LEN_MAX (65535 + 18)

typedef struct unix_tap {
  unix_watch watch;
  so_unix *u;
  so_unix_tap_stats stats;
} unix_tap;

// --- virtio's header --------------------------------------------------------------------------

static uint8_t gso_type_of(uint8_t gso) {
  switch ((so_gso)gso) {
    case SO_GSO_NONE: return VIRTIO_NET_HDR_GSO_NONE;
    case SO_GSO_TCP4: return VIRTIO_NET_HDR_GSO_TCPV4;
    case SO_GSO_TCP6: return VIRTIO_NET_HDR_GSO_TCPV6;
  }
  SO_ASSERT(false);
  return VIRTIO_NET_HDR_GSO_NONE;
}

// The fields have the byte order of the machine: tap devices are "legacy" unless told otherwise.
static struct virtio_net_hdr header_of(const so_offload *o) {
  struct virtio_net_hdr h;
  memset(&h, 0, sizeof h);
  if (o->needs_csum) {
    h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    h.csum_start = o->csum_start;
    h.csum_offset = o->csum_offset;
  }
  h.gso_type = gso_type_of(o->gso);
  if (o->gso != SO_GSO_NONE) {
    h.gso_size = o->gso_size;
    h.hdr_len = o->header_len;
  }
  return h;
}

// offload_of reads what the kernel says; false: of a kind that was not asked for.
static bool offload_of(const struct virtio_net_hdr *h, size_t frame_len, so_offload *out) {
  memset(out, 0, sizeof *out);
  out->csum_valid = (h->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0;
  if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
    if ((size_t)h->csum_start + h->csum_offset + 2 > frame_len) {
      return false;
    }
    out->needs_csum = true;
    out->csum_start = h->csum_start;
    out->csum_offset = h->csum_offset;
  }
  const unsigned type = h->gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;
  if (type == VIRTIO_NET_HDR_GSO_NONE) {
    return true;
  }
  if ((type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6) || h->gso_size == 0) {
    return false;
  }
  out->gso = type == VIRTIO_NET_HDR_GSO_TCPV4 ? SO_GSO_TCP4 : SO_GSO_TCP6;
  out->gso_size = h->gso_size;
  out->header_len = h->hdr_len;
  return true;
}

// --- sending and receiving --------------------------------------------------------------------

static so_status send_error(unix_tap *t, const so_frame *frame, int error) {
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM: return so_status_make(SO_AGAIN, (uint16_t)error);
    case EIO:  // The interface is down: as if the cable were out.
      t->stats.sent_while_down++;
      if (frame->release != NULL) {
        frame->release(frame->owner);
      }
      return so_done();
    case EINVAL:
    case EMSGSIZE:
    case EFAULT: return so_status_make(SO_LIMIT, (uint16_t)error);
    default: return so_status_make(SO_IO, (uint16_t)error);
  }
}

static so_status tap_send(void *ctx, const so_frame *frame) {
  unix_tap *const t = ctx;
  struct virtio_net_hdr h = header_of(&frame->offload);
  struct iovec list[SO_NETDEV_PARTS_MAX + 1] = {{&h, sizeof h}};
  SO_ASSERT(frame->part_count <= SO_NETDEV_PARTS_MAX);
  size_t len = 0;
  for (size_t i = 0; i < frame->part_count; i++) {
    // writev's vector is not const, but it does not write there.
    list[i + 1] = (struct iovec){(void *)(uintptr_t)frame->parts[i].ptr, frame->parts[i].len};
    len += frame->parts[i].len;
  }
  if (len < ETHERNET_LEN || len > FRAME_LEN_MAX) {
    return so_status_make(SO_LIMIT, EMSGSIZE);
  }
  ssize_t n;
  do {
    n = writev(t->watch.fd, list, (int)frame->part_count + 1);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    return send_error(t, frame, errno);
  }
  t->stats.sent++;
  t->stats.sent_bytes += len;
  if (frame->release != NULL) {
    frame->release(frame->owner);  // The kernel has its own copy.
  }
  return so_done();
}

static so_status tap_receive(void *ctx, const so_netdev_room *rooms, size_t room_count,
                             size_t *out_len, so_offload *out) {
  unix_tap *const t = ctx;
  struct virtio_net_hdr h;
  uint8_t excess;  // A byte that arrives here says that the frame did not fit.
  struct iovec list[SO_NETDEV_PARTS_MAX + 2] = {{&h, sizeof h}};
  SO_ASSERT(room_count <= SO_NETDEV_PARTS_MAX);
  size_t room = 0;
  for (size_t i = 0; i < room_count; i++) {
    list[i + 1] = (struct iovec){rooms[i].ptr, rooms[i].len};
    room += rooms[i].len;
  }
  list[room_count + 1] = (struct iovec){&excess, 1};
  ssize_t n;
  do {
    n = readv(t->watch.fd, list, (int)room_count + 2);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    return so_status_make(errno == EAGAIN ? SO_AGAIN : SO_IO, (uint16_t)errno);
  }
  if ((size_t)n < sizeof h || (size_t)n - sizeof h > room) {
    t->stats.too_long++;
    return so_status_make(SO_LIMIT, EMSGSIZE);
  }
  const size_t len = (size_t)n - sizeof h;
  if (!offload_of(&h, len, out)) {
    t->stats.malformed++;
    return so_status_make(SO_LIMIT, EPROTO);
  }
  t->stats.received++;
  t->stats.received_bytes += len;
  *out_len = len;
  return so_done();
}

// A fiber that waits for `ready` finds out by the IO that it gets next; so nobody may use the
// device after this.
static void tap_close(void *ctx) {
  unix_tap *const t = ctx;
  so_event_signal(&t->u->sched, &t->watch.readable);
  (void)close(t->watch.fd);
  free(t);
}

// --- opening ----------------------------------------------------------------------------------

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

static so_status adopt(so_unix *u, int fd, so_netdev *out) {
  static const so_netdev_ops ops = {tap_send, tap_receive, tap_close};
  unix_tap *const t = calloc(1, sizeof *t);
  if (t == NULL) {
    return so_status_make(SO_LIMIT, ENOMEM);
  }
  t->u = u;
  const so_status s = unix_watch_add(u, &t->watch, fd);
  if (!so_ok(s)) {
    free(t);
    return s;
  }
  t->watch.joined = true;
  out->ops = &ops;
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
    s = adopt(world->ctx, fd, &d);
  }
  if (!so_ok(s)) {
    (void)close(fd);
    return s;
  }
  *out = d;
  return so_done();
}

void so_unix_tap_read_stats(const so_netdev *d, so_unix_tap_stats *out) {
  SO_ASSERT(d->ops->receive == tap_receive);
  *out = ((const unix_tap *)d->ctx)->stats;
}
