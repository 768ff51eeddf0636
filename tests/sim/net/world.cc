#include "tests/sim/net/world.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "net/interface/ipv6.h"

namespace net_sim {

namespace {

uint32_t Get16(const std::string &s, size_t at) {
  return static_cast<uint32_t>(static_cast<uint8_t>(s[at]) << 8 | static_cast<uint8_t>(s[at + 1]));
}

void Put16(std::string *s, size_t at, uint32_t v) {
  (*s)[at] = static_cast<char>(v >> 8);
  (*s)[at + 1] = static_cast<char>(v);
}

void PutSum(std::string *s, size_t at, size_t from, uint32_t pseudo) {
  Put16(s, at, 0);
  Put16(s, at,
        InternetSum(reinterpret_cast<const uint8_t *>(s->data()) + from, s->size() - from, pseudo));
}

}  // namespace

// --- host -------------------------------------------------------------------------------------------

void *Host::Resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
  Host *h = static_cast<Host *>(ctx);
  h->heap_used_ += new_len - old_len;
  if (new_len == 0) {
    free(ptr);
    return nullptr;
  }
  return realloc(ptr, new_len);
}

Host::Host(World *w, size_t at, const so_tcp_config &tcp_config, uint16_t mtu)
    : world(w), index(at), heap_{Resize, this} {
  const uint8_t hardware[SO_MAC_LEN] = {2, 0, 0, 0, 0, static_cast<uint8_t>(index + 1)};
  memcpy(mac, hardware, sizeof mac);
  const uint8_t b4[4] = {10, 0, 0, static_cast<uint8_t>(index + 1)};
  ip4 = so_ip4(b4);
  uint8_t b6[16] = {0xfd};
  b6[15] = static_cast<uint8_t>(index + 1);
  ip6 = so_ip6(b6);

  so_interface_config config = {};
  memcpy(config.mac, mac, sizeof mac);
  config.mtu = mtu;
  so_tcp_config tcp_own = tcp_config;
  for (size_t i = 0; i < SO_INTERFACE_SEED_LEN; i++) {
    config.seed[i] = static_cast<uint8_t>(world->random());
    tcp_own.seed[i] = static_cast<uint8_t>(world->random());
  }
  config.lower = {Transmit, this};
  config.upper = {Deliver, Error, nullptr, this};
  config.ipv6 = so_interface_ipv6();
  config.neighbours_max = 16;
  config.reassembly_max = 4;
  config.path_mtu_max = 16;
  tcp_own.lower = {Send, Source, PathMtu, nullptr, this};
  tcp_own.mtu = mtu;
  if (!so_ok(so_packet_pool_init(&pool, &heap_, 2048, 2048)) ||
      !so_ok(so_interface_init(&interface, &config, &pool, &heap_)) ||
      !so_ok(so_tcp_new(&tcp_own, &pool, &heap_, world->now_ns, &tcp))) {
    world->Fail("a host could not be made");
    abort();
  }
  so_interface_ipv6_options options = {};
  options.dad_transmits = 0;
  so_interface_ipv6_configure(&interface, &options);
  if (!so_ok(so_interface_add_address(&interface, ip4, 24, world->now_ns)) ||
      !so_ok(so_interface_add_address(&interface, ip6, 64, world->now_ns))) {
    world->Fail("an address was refused");
  }
  heap_idle_ = heap_used_;
}

Host::~Host() {
  so_tcp_delete(tcp);
  so_interface_release(&interface);
  if (pool.packets_used != 0) {
    world->Fail("packets are left after everything was released");
    return;  // so_packet_pool_release asserts.
  }
  so_packet_pool_release(&pool);
  if (heap_used_ != 0) {
    world->Fail("heap is left after everything was released");
  }
}

std::string Host::Leaks() const {
  const struct {
    const char *what;
    uint64_t count;
  } all[] = {
      {"connections", so_tcp_connection_count(tcp)},
      {"half-open connections", so_tcp_half_open_count(tcp)},
      {"connections in TIME-WAIT", so_tcp_time_wait_count(tcp)},
      {"packets", pool.packets_used},
      {"bytes of heap", heap_used_ > heap_idle_ ? heap_used_ - heap_idle_ : 0},
  };
  std::string out;
  for (const auto &a : all) {
    if (a.count != 0) {
      out += " " + std::to_string(a.count) + " " + a.what;
    }
  }
  return out;
}

void Host::Transmit(void *ctx, so_packet *frame) {
  Host *h = static_cast<Host *>(ctx);
  std::string bytes(frame->len, '\0');
  so_packet_copy(frame, 0, reinterpret_cast<uint8_t *>(&bytes[0]), frame->len);
  if (frame->offload.needs_csum || frame->offload.gso != SO_GSO_NONE) {
    h->world->Fail("work was left to a device that does none");
  }
  so_packet_free(&h->pool, frame);
  h->world->FromHost(h, bytes);
}

void Host::Deliver(void *ctx, so_packet *p, uint64_t now_ns) {
  Host *h = static_cast<Host *>(ctx);
  if (p->protocol == SO_TCP_PROTOCOL) {
    so_tcp_input(h->tcp, p, now_ns);
  } else {
    so_packet_free(&h->pool, p);
  }
}

bool Host::Error(void *ctx, const so_ip_error *e, uint64_t now_ns) {
  Host *h = static_cast<Host *>(ctx);
  return e->protocol == SO_TCP_PROTOCOL && so_tcp_error(h->tcp, e, now_ns);
}

so_status Host::Send(void *ctx, so_packet *p, uint64_t now_ns) {
  return so_interface_send(&static_cast<Host *>(ctx)->interface, p, now_ns);
}

so_status Host::Source(void *ctx, const so_ip *dst, so_ip *out) {
  return so_interface_source(&static_cast<Host *>(ctx)->interface, dst, out);
}

uint32_t Host::PathMtu(void *ctx, const so_ip *dst, uint64_t now_ns) {
  return so_interface_path_mtu(&static_cast<Host *>(ctx)->interface, dst, now_ns);
}

void Host::Input(const std::string &frame) {
  so_packet *p = so_packet_alloc_pages(&pool, frame.size());
  if (p == nullptr) {
    refused_frames++;
    return;
  }
  so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
  const size_t count = so_packet_rooms(p, rooms);
  size_t at = 0;
  for (size_t i = 0; i < count && at < frame.size(); i++) {
    const size_t n = std::min(rooms[i].len, frame.size() - at);
    memcpy(rooms[i].ptr, frame.data() + at, n);
    at += n;
  }
  so_packet_fill(&pool, p, frame.size());
  so_interface_input(&interface, p, world->now_ns);
}

uint64_t Host::Deadline() const {
  return std::min(so_interface_deadline(&interface), so_tcp_deadline(tcp));
}

void Host::Tick() {
  so_interface_tick(&interface, world->now_ns);
  so_tcp_tick(tcp, world->now_ns);
}

// --- world ------------------------------------------------------------------------------------------

World::World(uint64_t seed, bool t) : random(seed), trace(t) {}

World::~World() = default;

Host *World::AddHost(const so_tcp_config &tcp_config, uint16_t mtu) {
  hosts.push_back(std::make_unique<Host>(this, hosts.size(), tcp_config, mtu));
  return hosts.back().get();
}

void World::At(uint64_t at_ns, std::function<void()> what) {
  events_.push({std::max(at_ns, now_ns), order_++, std::move(what)});
}

bool World::Step(uint64_t limit_ns) {
  uint64_t at_ns = events_.empty() ? SO_NEVER : events_.top().at_ns;
  Host *host = nullptr;
  for (auto &h : hosts) {
    const uint64_t deadline_ns = std::max(h->Deadline(), now_ns);
    if (deadline_ns < at_ns) {
      at_ns = deadline_ns;
      host = h.get();
    }
  }
  if (at_ns > limit_ns) {
    now_ns = std::max(now_ns, limit_ns);
    return false;
  }
  now_ns = at_ns;
  if (host != nullptr) {
    host->Tick();
    return true;
  }
  const std::function<void()> what = events_.top().what;
  events_.pop();
  what();
  return true;
}

void World::Fail(const std::string &why) {
  if (failure.empty()) {
    failure = why + " (at " + std::to_string(now_ns / kUs) + " us)";
  }
}

void World::Trace(const char *what, const std::string &frame) {
  if (trace) {
    printf("%12.6f %-22s %s\n", static_cast<double>(now_ns) / 1e9, what,
           DescribeFrame(frame).c_str());
  }
}

void World::FromHost(Host *from, const std::string &frame) {
  frames++;
  const std::string wrong = CheckFrame(frame, from->interface.config.mtu);
  if (!wrong.empty()) {
    Fail("host " + std::to_string(from->index) + " sent a bad frame: " + wrong + ": " +
         DescribeFrame(frame));
  }
  Trace(("host " + std::to_string(from->index) + " sends").c_str(), frame);
  Carry(&from->up, frame, from, [this, from](std::string f) {
    for (auto &h : hosts) {
      const bool group = (f[0] & 1) != 0;
      if (h.get() == from || (!group && memcmp(f.data(), h->mac, SO_MAC_LEN) != 0)) {
        continue;
      }
      Host *to = h.get();
      Carry(&to->down, f, from, [this, to](std::string g) {
        Trace(("host " + std::to_string(to->index) + " gets").c_str(), g);
        to->Input(g);
      });
    }
  });
}

void World::Carry(Link *link, std::string frame, Host *from,
                  std::function<void(std::string)> arrive) {
  if (frame.size() > link->mtu + 14) {
    dropped++;
    Trace("too big", frame);
    if (!link->silent) {
      TooBig(from, frame, link->mtu);
    }
    return;
  }
  if (link->down || Chance(link->loss)) {
    dropped++;
    Trace("lost", frame);
    return;
  }
  const uint64_t start_ns = std::max(now_ns, link->busy_until_ns);
  const double waiting = static_cast<double>(start_ns - now_ns) / 1e9 * link->bytes_per_s;
  if (waiting > static_cast<double>(link->queue_bytes)) {
    dropped++;
    Trace("queue full", frame);
    return;
  }
  const bool v4 = Get16(frame, 12) == 0x0800;
  if (waiting > static_cast<double>(link->mark_bytes) && frame.size() > 34) {
    const uint8_t *ip = reinterpret_cast<const uint8_t *>(frame.data()) + 14;
    if (v4 && (frame[15] & 3) != 0 && InternetSum(ip, 20, 0) == 0) {
      frame[15] = static_cast<char>(frame[15] | 3);
      Put16(&frame, 24, 0);
      Put16(&frame, 24, InternetSum(reinterpret_cast<const uint8_t *>(frame.data()) + 14, 20, 0));
    } else if (Get16(frame, 12) == 0x86dd && (frame[15] & 0x30) != 0) {
      frame[15] = static_cast<char>(frame[15] | 0x30);
    }
  }
  const double seconds = static_cast<double>(frame.size()) / link->bytes_per_s;
  link->busy_until_ns = start_ns + static_cast<uint64_t>(seconds * 1e9);
  uint64_t at_ns = link->busy_until_ns + link->delay_ns + Below(link->jitter_ns);
  if (Chance(link->reorder)) {
    at_ns += Below(link->reorder_ns);
  } else {
    at_ns = std::max(at_ns, link->last_arrival_ns);
    link->last_arrival_ns = at_ns;
  }
  const bool is_ip = v4 || Get16(frame, 12) == 0x86dd;
  if (is_ip && frame.size() > 14 && Chance(link->damage)) {
    // One bit, which every checksum sees; or the tail is cut off.
    if (Below(4) == 0) {
      frame.resize(14 + Below(frame.size() - 14));
    } else {
      const uint64_t bit = Below((frame.size() - 14) * 8);
      frame[14 + bit / 8] = static_cast<char>(frame[14 + bit / 8] ^ (1 << (bit % 8)));
    }
  }
  if (Chance(link->repeat)) {
    At(at_ns + Below(2 * link->delay_ns + 1), [frame, arrive] { arrive(frame); });
  }
  At(at_ns, [frame = std::move(frame), arrive = std::move(arrive)] { arrive(frame); });
}

// What a router in front of the narrow link answers (RFC 1191, RFC 4443 3.2).
void World::TooBig(Host *to, const std::string &frame, size_t mtu) {
  const bool v4 = Get16(frame, 12) == 0x0800;
  std::string f(frame, 6, 6);  // Back to whom it came from.
  f += std::string("\x02\x00\x00\x00\x00\xfe", 6) + frame.substr(12, 2);
  const std::string quote = frame.substr(14, v4 ? 28 + Below(500) : 1200);
  if (v4) {
    std::string ip(20, '\0');
    ip[0] = 0x45;
    ip[8] = 64;
    ip[9] = 1;
    ip.replace(12, 4, std::string("\x0a\x00\x00\xfe", 4));
    ip.replace(16, 4, frame.substr(26, 4));
    Put16(&ip, 2, static_cast<uint32_t>(28 + quote.size()));
    PutSum(&ip, 10, 0, 0);
    std::string icmp(8, '\0');
    icmp[0] = 3;
    icmp[1] = 4;
    Put16(&icmp, 6, static_cast<uint32_t>(mtu));
    icmp += quote;
    PutSum(&icmp, 2, 0, 0);
    f += ip + icmp;
  } else {
    std::string ip(40, '\0');
    ip[0] = 0x60;
    ip[6] = 58;
    ip[7] = 64;
    ip[8] = static_cast<char>(0xfd);
    ip[23] = static_cast<char>(0xfe);
    ip.replace(24, 16, frame.substr(22, 16));
    Put16(&ip, 4, static_cast<uint32_t>(8 + quote.size()));
    std::string icmp(8, '\0');
    icmp[0] = 2;
    Put16(&icmp, 6, static_cast<uint32_t>(mtu));
    icmp += quote;
    uint32_t pseudo = 58 + static_cast<uint32_t>(icmp.size());
    for (size_t i = 8; i < 40; i += 2) {
      pseudo += Get16(ip, i);
    }
    PutSum(&icmp, 2, 0, pseudo);
    f += ip + icmp;
  }
  At(now_ns + to->down.delay_ns, [to, f] { to->Input(f); });
}

}  // namespace net_sim
