#include "kernel/xen/device/state.h"

#include "base/fmt.h"
#include "base/writer.h"

#define STAY SO_DEVICE_STAY
#define PUB SO_DEVICE_PUBLISH
#define CONN SO_DEVICE_CONNECT
#define CLOSE SO_DEVICE_CLOSE
#define LOSE SO_DEVICE_LOSE
#define RESET SO_DEVICE_RESET
#define BEGIN SO_DEVICE_BEGIN

// Back end:                gone  ing   wait  ised  conn   closing closed reconf reconf'd
static const uint8_t kNext[SO_DEVICE_OWN_COUNT][SO_DEVICE_BACK_COUNT] = {
    /* START     */ {STAY, STAY, PUB, PUB, RESET, STAY, BEGIN, STAY, STAY},
    /* PUBLISHED */ {LOSE, STAY, STAY, STAY, CONN, CLOSE, CLOSE, STAY, STAY},
    // A back end that begins anew without having closed was killed, and restarted.
    /* CONNECTED */ {LOSE, LOSE, LOSE, STAY, STAY, CLOSE, CLOSE, STAY, STAY},
    /* CLOSING   */ {LOSE, CLOSE, CLOSE, STAY, STAY, CLOSE, CLOSE, STAY, STAY},
    // One that is in Connected still has to see that we closed.
    /* CLOSED    */ {STAY, BEGIN, BEGIN, STAY, STAY, STAY, BEGIN, STAY, STAY},
};

so_device_action so_device_next(so_device_own own, so_device_back back, bool online) {
  const so_device_action action = (so_device_action)kNext[own][back];
  // To begin again with a device that is being taken away would keep it from going.
  const bool ending = back == SO_BACK_CLOSED && !online;
  return action == SO_DEVICE_BEGIN && ending ? SO_DEVICE_STAY : action;
}

so_device_back so_device_back_of(so_bytes text) {
  uint64_t state = 0;
  if (!so_ok(so_parse_u64(text, &state)) || state >= SO_DEVICE_BACK_COUNT) {
    return SO_BACK_GONE;
  }
  return (so_device_back)state;
}

// Numbers of xen-vbd-interface(7): 1 << 28 | disk << 8 | partition; 202 << 8 | disk << 4 |
// partition; 8 << 8 | disk << 4 | partition (sd); 3 << 8 and 22 << 8 | disk << 6 | partition (hd).
typedef struct disk {
  const char *family;
  uint32_t number;
  uint32_t partition;
} disk;

static bool decode(uint32_t vdev, disk *out) {
  const uint32_t major = vdev >> 8;
  if (vdev >> 28 == 1) {
    const disk d = {"xvd", (vdev >> 8) & 0xfffffu, vdev & 0xffu};
    *out = d;
  } else if (major == 202) {
    const disk d = {"xvd", (vdev >> 4) & 15u, vdev & 15u};
    *out = d;
  } else if (major == 8) {
    const disk d = {"sd", (vdev >> 4) & 15u, vdev & 15u};
    *out = d;
  } else if (major == 3 || major == 22) {
    const disk d = {"hd", ((vdev >> 6) & 3u) + (major == 22 ? 2u : 0u), vdev & 63u};
    *out = d;
  } else {
    return false;
  }
  return true;
}

void so_device_disk_name(uint32_t vdev, char out[SO_DEVICE_DISK_NAME_MAX]) {
  out[0] = 0;
  disk d;
  if (!decode(vdev, &d)) {
    return;
  }
  // a to z, aa to zz, aaa and so on, written from the last letter.
  char letters[8];
  size_t at = sizeof letters;
  letters[--at] = 0;
  for (uint32_t n = d.number + 1; n != 0; n = (n - 1) / 26) {
    letters[--at] = (char)('a' + (n - 1) % 26);
  }
  so_writer w = so_writer_of((uint8_t *)out, SO_DEVICE_DISK_NAME_MAX);
  so_write_printf(&w, "%s%s", d.family, letters + at);
  if (d.partition != 0) {
    so_write_printf(&w, "%u", d.partition);
  }
  so_write_u8(&w, 0);
  if (w.failed) {
    out[0] = 0;
  }
}
