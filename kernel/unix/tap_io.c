// Frames through a tap device: in batches where the kernel lets us, else one a system call.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/tap_internal.h"

#define READS_MIN 4
// Longer frames are not acknowledgements: copying them would cost more than a system call.
#define SHORT_LEN 4096

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

// --- sending ----------------------------------------------------------------------------------

static bool fill_slot(tap_send_slot *s, const so_frame *frame) {
  SO_ASSERT(frame->part_count <= SO_NETDEV_PARTS_MAX);
  s->header = header_of(&frame->offload);
  s->list[0] = (struct iovec){&s->header, sizeof s->header};
  s->count = frame->part_count + 1;
  s->len = 0;
  for (size_t i = 0; i < frame->part_count; i++) {
    // writev's vector is not const, but it does not write there.
    s->list[i + 1] = (struct iovec){(void *)(uintptr_t)frame->parts[i].ptr, frame->parts[i].len};
    s->len += frame->parts[i].len;
  }
  s->release = frame->release;
  s->owner = frame->owner;
  return s->len >= TAP_ETHERNET_LEN && s->len <= TAP_FRAME_LEN_MAX;
}

static bool must_wait(int error) {
  return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

// sent counts what came of a frame, and gives it back: the kernel has its own copy.
static void sent(unix_tap *t, const tap_send_slot *s, int error) {
  if (error == 0) {
    t->stats.sent++;
    t->stats.sent_bytes += s->len;
  } else if (error == EIO) {  // The interface is down: as if the cable were out.
    t->stats.sent_while_down++;
  } else {
    t->stats.send_refused++;
  }
  if (s->release != NULL) {
    s->release(s->owner);
  }
}

static so_status send_one(unix_tap *t, const tap_send_slot *s) {
  ssize_t n;
  do {
    n = writev(t->watch.fd, s->list, (int)s->count);
  } while (n < 0 && errno == EINTR);
  const int error = n < 0 ? errno : 0;
  if (must_wait(error)) {
    return so_status_make(SO_AGAIN, (uint16_t)error);
  }
  if (error == EINVAL || error == EMSGSIZE || error == EFAULT) {
    return so_status_make(SO_LIMIT, (uint16_t)error);
  }
  if (error != 0 && error != EIO) {
    return so_status_make(SO_IO, (uint16_t)error);
  }
  sent(t, s, error);
  return so_done();
}

// settle_sends takes the results of the first writes of a run; those that would have had to wait stay.
static void settle_sends(unix_tap *t) {
  size_t kept = 0;
  for (size_t i = 0; i < t->send_count; i++) {
    tap_send_slot *const s = &t->sends[i];
    const int error = t->ring.results[i] < 0 ? -t->ring.results[i] : 0;
    if (!must_wait(error)) {
      sent(t, s, error);
      continue;
    }
    if (kept != i) {
      t->sends[kept] = *s;
      t->sends[kept].list[0].iov_base = &t->sends[kept].header;
    }
    kept++;
  }
  t->send_count = kept;
}

// run writes what waits and reads up to `reads` frames ahead.
static void run(unix_tap *t, size_t reads) {
  const size_t sends = t->send_count;
  for (size_t i = 0; i < sends; i++) {
    unix_ring_writev(&t->ring, t->sends[i].list, t->sends[i].count);
  }
  for (size_t i = 0; i < reads; i++) {
    unix_ring_read(&t->ring, t->reads + i * t->read_len, t->read_len);
  }
  unix_ring_run(&t->ring);
  memcpy(t->read_results, t->ring.results + sends, reads * sizeof t->read_results[0]);
  settle_sends(t);
}

void unix_tap_flush(void *ctx) {
  unix_tap *const t = ctx;
  if (t->send_count != 0) {
    run(t, 0);
  }
}

static so_status tap_send(void *ctx, const so_frame *frame) {
  unix_tap *const t = ctx;
  tap_send_slot alone;
  if (t->send_count == TAP_SENDS_MAX) {
    unix_tap_flush(t);
    if (t->send_count == TAP_SENDS_MAX) {
      return so_status_make(SO_AGAIN, 0);
    }
  }
  const bool batch = t->ring.fd >= 0;
  tap_send_slot *const s = batch ? &t->sends[t->send_count] : &alone;
  if (!fill_slot(s, frame)) {
    return so_status_make(SO_LIMIT, EMSGSIZE);
  }
  if (!batch) {
    return send_one(t, s);
  }
  t->send_count++;
  return so_done();
}

// --- receiving --------------------------------------------------------------------------------

static so_status too_long(unix_tap *t) {
  t->stats.too_long++;
  return so_status_make(SO_LIMIT, EMSGSIZE);
}

static so_status received(unix_tap *t, const struct virtio_net_hdr *h, size_t len, size_t *out_len,
                          so_offload *out) {
  if (!offload_of(h, len, out)) {
    t->stats.malformed++;
    return so_status_make(SO_LIMIT, EPROTO);
  }
  t->large = t->gso && len > SHORT_LEN;
  t->stats.received++;
  t->stats.received_bytes += len;
  *out_len = len;
  return so_done();
}

static so_status receive_one(unix_tap *t, const so_netdev_room *rooms, size_t room_count,
                             size_t *out_len, so_offload *out) {
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
    t->large = t->large && errno != EAGAIN;  // After a pause nobody knows.
    return so_status_make(errno == EAGAIN ? SO_AGAIN : SO_IO, (uint16_t)errno);
  }
  if ((size_t)n < sizeof h || (size_t)n - sizeof h > room) {
    return too_long(t);
  }
  return received(t, &h, (size_t)n - sizeof h, out_len, out);
}

// read_ahead reads as many frames as the last run found, and some more.
static void read_ahead(unix_tap *t) {
  size_t found = 0;
  t->read_first = 0;
  t->read_count = t->read_want;
  run(t, t->read_count);
  for (size_t i = 0; i < t->read_count; i++) {
    found += t->read_results[i] != -EAGAIN;
  }
  t->drained = t->read_results[t->read_count - 1] == -EAGAIN;
  t->read_want = found == t->read_count ? 2 * found : found + 2;
  t->read_want = t->read_want < READS_MIN ? READS_MIN : t->read_want;
  t->read_want = t->read_want < t->reads_max ? t->read_want : t->reads_max;
}

static so_status take_read(unix_tap *t, size_t i, const so_netdev_room *rooms, size_t room_count,
                           size_t *out_len, so_offload *out) {
  struct virtio_net_hdr h;
  const uint8_t *from = t->reads + i * t->read_len;
  const int32_t n = t->read_results[i];
  if (n < 0) {
    // Out of memory for a moment, or interrupted: the frame, if there was one, is still there.
    const bool passing = must_wait(-n) || n == -EINTR || n == -ECANCELED;
    return so_status_make(passing ? SO_LIMIT : SO_IO, (uint16_t)-n);
  }
  // A full buffer has room for a byte more than any frame that fits.
  if ((size_t)n < sizeof h || (size_t)n == t->read_len) {
    return too_long(t);
  }
  memcpy(&h, from, sizeof h);
  from += sizeof h;
  const size_t len = (size_t)n - sizeof h;
  size_t left = len;
  for (size_t k = 0; k < room_count && left != 0; k++) {
    const size_t some = left < rooms[k].len ? left : rooms[k].len;
    memcpy(rooms[k].ptr, from, some);
    from += some;
    left -= some;
  }
  return left != 0 ? too_long(t) : received(t, &h, len, out_len, out);
}

static so_status tap_receive(void *ctx, const so_netdev_room *rooms, size_t room_count,
                             size_t *out_len, so_offload *out) {
  unix_tap *const t = ctx;
  for (;;) {
    while (t->read_first < t->read_count) {
      const size_t i = t->read_first++;
      if (t->read_results[i] != -EAGAIN) {
        return take_read(t, i, rooms, room_count, out_len, out);
      }
    }
    if (t->drained) {
      t->drained = false;
      return so_status_make(SO_AGAIN, EAGAIN);
    }
    if (t->ring.fd < 0 || t->large) {
      return receive_one(t, rooms, room_count, out_len, out);
    }
    read_ahead(t);
  }
}

// --- life cycle -------------------------------------------------------------------------------

bool unix_tap_io_init(unix_tap *t, uint16_t mtu, bool gso, bool one_by_one) {
  const size_t frame_len = gso ? TAP_FRAME_LEN_MAX : mtu + 18u;
  t->gso = gso;
  t->read_want = READS_MIN;
  t->reads_max = gso ? TAP_READS_GSO_MAX : TAP_READS_MAX;
  t->read_len = (sizeof(struct virtio_net_hdr) + frame_len + 1 + 63) / 64 * 64;
  t->ring.fd = -1;
  if (one_by_one || !unix_ring_open(&t->ring, t->watch.fd)) {
    return true;
  }
  t->reads = malloc(t->reads_max * t->read_len);
  if (t->reads == NULL) {
    unix_ring_close(&t->ring);
  }
  return t->reads != NULL;
}

void unix_tap_io_release(unix_tap *t) {
  unix_tap_flush(t);
  for (size_t i = 0; i < t->send_count; i++) {
    if (t->sends[i].release != NULL) {
      t->sends[i].release(t->sends[i].owner);
    }
  }
  t->send_count = 0;
  unix_ring_close(&t->ring);
  free(t->reads);
  t->reads = NULL;
}

// A fiber that waits for `ready` finds out by the IO that it gets next; so nobody may use the
// device after this.
static void tap_close(void *ctx) {
  unix_tap *const t = ctx;
  so_event_signal(&t->u->sched, &t->watch.readable);
  unix_tap_io_release(t);
  (void)close(t->watch.fd);
  free(t);
}

const so_netdev_ops unix_tap_ops = {tap_send, tap_receive, tap_close};
