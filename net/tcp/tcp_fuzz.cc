// Segments of any content and order against a stack that listens, connects, reads and writes:
// nothing crashes, nothing leaks, and with the handles given up and time passed nothing is left.
//
// Input: records of one operation byte and its operands. Numbers of segments are relative to the
// connection, so that mutation soon finds what is acceptable.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <string>

#include "base/reader.h"
#include "net/checksum/checksum.h"
#include "net/packet/packet.h"
#include "net/tcp/tcp.h"
#include "net/tcp/wire/wire.h"

namespace {

void *Resize(void *, void *ptr, size_t, size_t new_len) {
  if (new_len == 0) {
    free(ptr);
    return nullptr;
  }
  return realloc(ptr, new_len);
}

struct Fuzz {
  so_heap heap = {Resize, nullptr};
  so_packet_pool pool;
  so_tcp *tcp = nullptr;
  so_tcp_conn *conn = nullptr;
  so_tcp_listener *listener = nullptr;
  uint64_t now = 1000000000;
  uint32_t seq = 1000;  // The peer's next number,
  uint32_t ack = 0;     // and what it saw of ours.
  uint16_t port = 80;
  so_ip us, peer;

  static so_status Send(void *ctx, so_packet *p, uint64_t) {
    Fuzz *f = static_cast<Fuzz *>(ctx);
    uint8_t head[60];
    const size_t n = p->len < 60 ? p->len : 60;
    so_packet_copy(p, 0, head, n);
    const size_t len = so_tcp_header_len(so_bytes_of(head, n));
    so_tcp_header h;
    if (len == 0 || !so_ok(so_tcp_parse(so_bytes_of(head, len), &h))) {
      abort();  // We send nothing that does not parse.
    }
    f->ack = h.seq + static_cast<uint32_t>(p->len - len) +
             ((h.flags & (SO_TCP_FLAG_SYN | SO_TCP_FLAG_FIN)) != 0 ? 1 : 0);
    f->port = h.src_port;
    so_packet_free(&f->pool, p);
    return so_done();
  }
  static so_status Source(void *ctx, const so_ip *, so_ip *out) {
    *out = static_cast<Fuzz *>(ctx)->us;
    return so_done();
  }

  void Segment(so_reader *r) {
    so_tcp_header h = {};
    uint8_t flags = 0, options = 0, seq_off = 0, ack_off = 0, len = 0;
    if (!so_read_u8(r, &flags) || !so_read_u8(r, &options) || !so_read_u8(r, &seq_off) ||
        !so_read_u8(r, &ack_off) || !so_read_u8(r, &len) || !so_read_u16be(r, &h.window)) {
      return;
    }
    h.src_port = 4000;
    h.dst_port = port;
    h.flags = flags;
    h.seq = seq + static_cast<uint32_t>(static_cast<int8_t>(seq_off)) * ((options & 64) ? 400 : 1);
    h.ack = ack + static_cast<uint32_t>(static_cast<int8_t>(ack_off));
    h.mss = (options & 1) ? 1000 : 0;
    h.sack_permitted = options & 2;
    h.has_scale = options & 4;
    h.scale = 5;
    h.has_timestamps = options & 8;
    h.ts_value = static_cast<uint32_t>(now / 1000000);
    if (options & 16) {
      h.sack_count = 1;
      h.sacks[0] = {h.ack + len, h.ack + len + 500u};
    }
    uint8_t buf[60];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_tcp_emit(&h, &w);
    std::string bytes(reinterpret_cast<char *>(buf), w.len);
    bytes.append(len * ((options & 128) ? 5u : 1u), 'x');
    Input(bytes, options & 32 ? 3 : 0);
    if (h.seq == seq) {
      seq += static_cast<uint32_t>(bytes.size() - w.len) + ((flags & 1) != 0) +
             ((flags & 2) != 0);
    }
  }

  void Input(const std::string &bytes, uint8_t tc) {
    if (bytes.empty()) {
      return;
    }
    so_packet *p = so_packet_alloc_pages(&pool, bytes.size());
    if (p == nullptr) {
      return;
    }
    so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
    const size_t count = so_packet_rooms(p, rooms);
    size_t off = 0;
    for (size_t i = 0; i < count && off < bytes.size(); i++) {
      const size_t n = rooms[i].len < bytes.size() - off ? rooms[i].len : bytes.size() - off;
      memcpy(rooms[i].ptr, bytes.data() + off, n);
      off += n;
    }
    so_packet_fill(&pool, p, bytes.size());
    p->src = peer;
    p->dst = us;
    p->traffic_class = tc;
    p->offload.csum_valid = true;
    so_tcp_input(tcp, p, now);
  }

  void Program(uint8_t what) {
    size_t n;
    uint8_t buf[3000] = {};
    if (conn == nullptr) {
      if (what & 1) {
        (void)so_tcp_accept(tcp, listener, nullptr, &conn) /* AGAIN is as good */.code;
      } else {
        (void)so_tcp_connect(tcp, &peer, 4000, 0, nullptr, nullptr, now, &conn).code;
      }
      return;
    }
    switch (what % 8) {
      case 0:
        (void)so_tcp_write(tcp, conn, so_bytes_of(buf, sizeof buf), what & 8, now, &n).code;
        break;
      case 1:
        (void)so_tcp_read(tcp, conn, buf, sizeof buf, now, &n).code;
        break;
      case 2:
        (void)so_tcp_shutdown(tcp, conn, now).code;
        break;
      case 3:
        so_tcp_close(tcp, conn, now);
        conn = nullptr;
        break;
      case 4:
        so_tcp_abort(tcp, conn, now);
        conn = nullptr;
        break;
      case 5: {
        so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
        size_t count;
        if (so_ok(so_tcp_reserve(tcp, conn, 100, now, rooms, &count, &n))) {
          (void)so_tcp_commit(tcp, conn, n / 2, false, now).code;
        }
        break;
      }
      default:
        (void)so_tcp_write(tcp, conn, so_bytes_of(buf, 10), false, now, &n).code;
    }
  }

  void Pass(uint64_t ns) {
    const uint64_t until = now + ns;
    for (int i = 0; i < 100000 && so_tcp_deadline(tcp) <= until; i++) {
      now = so_tcp_deadline(tcp) > now ? so_tcp_deadline(tcp) : now;
      so_tcp_tick(tcp, now);
    }
    now = until;
    so_tcp_tick(tcp, now);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Fuzz f;
  const uint8_t us[4] = {10, 0, 0, 1};
  const uint8_t peer[4] = {10, 0, 0, 2};
  f.us = so_ip4(us);
  f.peer = so_ip4(peer);
  so_tcp_config config = {};
  config.lower = {Fuzz::Send, Fuzz::Source, nullptr, nullptr, &f};
  config.half_open_max = 2;
  config.time_wait_max = 2;
  const so_ip any = so_ip_any(0);
  if (!so_ok(so_packet_pool_init(&f.pool, &f.heap, 64, 64)) ||
      !so_ok(so_tcp_new(&config, &f.pool, &f.heap, f.now, &f.tcp)) ||
      !so_ok(so_tcp_listen(f.tcp, &any, 80, 2, nullptr, nullptr, &f.listener))) {
    abort();
  }
  so_reader r = so_reader_of(so_bytes_of(data, size));
  uint8_t op = 0;
  for (int i = 0; i < 300 && so_read_u8(&r, &op); i++) {
    if (op < 128) {
      f.Segment(&r);
    } else if (op < 208) {
      f.Program(op);
    } else if (op < 240) {
      f.Pass(static_cast<uint64_t>(op - 207) * 100000000);
    } else {
      f.Input(std::string(reinterpret_cast<const char *>(r.ptr), r.len < 60 ? r.len : 60), 0);
    }
  }
  if (f.conn != nullptr) {
    so_tcp_close(f.tcp, f.conn, f.now);
  }
  so_tcp_listener_close(f.tcp, f.listener, f.now);
  f.Pass(2000ull * 1000000000);
  if (so_tcp_connection_count(f.tcp) != 0 || so_tcp_time_wait_count(f.tcp) != 0 ||
      so_tcp_half_open_count(f.tcp) != 0) {
    abort();
  }
  so_tcp_delete(f.tcp);
  so_packet_pool_release(&f.pool);
  return 0;
}
