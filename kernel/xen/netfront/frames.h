#ifndef SO_KERNEL_XEN_NETFRONT_FRAMES_H_
#define SO_KERNEL_XEN_NETFRONT_FRAMES_H_

// Frames for tests, and their checksums computed the plain way.

#include <stdint.h>

#include <string>

#include "kernel/ports/netdev.h"
#include "tests/sim/random.h"

namespace so_test {

inline std::string Noise(uint64_t seed, size_t len) {
  std::string s(len, 0);
  for (char &c : s) {
    c = static_cast<char>(so_sim_next(&seed));
  }
  return s;
}

inline uint16_t Get16(const std::string &s, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(s[at]) << 8 | static_cast<uint8_t>(s[at + 1]));
}
inline uint32_t Get32(const std::string &s, size_t at) {
  return static_cast<uint32_t>(Get16(s, at)) << 16 | Get16(s, at + 2);
}
inline void Put16(std::string *s, size_t at, uint32_t v) {
  (*s)[at] = static_cast<char>(v >> 8);
  (*s)[at + 1] = static_cast<char>(v);
}
inline void Put32(std::string *s, size_t at, uint32_t v) {
  Put16(s, at, v >> 16);
  Put16(s, at + 2, v & 0xffff);
}

inline uint16_t Sum(const std::string &bytes, uint64_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(static_cast<uint8_t>(bytes[i]) << 8);
    sum += i + 1 < bytes.size() ? static_cast<uint8_t>(bytes[i + 1]) : 0u;
  }
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}

struct Segment {
  int family = 4;
  uint8_t protocol = 6;
  bool vlan = false;
  size_t payload_len = 100;
  uint64_t seed = 1;
  uint8_t tcp_flags = 0x18;  // PSH, ACK.
  uint32_t sequence = 0xfffffff0;
  size_t tcp_options = 12;

  size_t network() const { return vlan ? 18 : 14; }
  size_t transport() const { return network() + (family == 4 ? 20 : 40); }
  size_t header_len() const {
    return transport() + (protocol == 6 ? 20 + tcp_options : protocol == 17 ? 8 : 8);
  }
  size_t csum_offset() const { return protocol == 6 ? 16 : protocol == 17 ? 6 : 2; }

  uint16_t PseudoSum(const std::string &f) const {
    const size_t n = network();
    const std::string addresses = family == 4 ? f.substr(n + 12, 8) : f.substr(n + 8, 32);
    return Sum(addresses, f.size() - transport() + protocol);
  }

  // With the sum of the pseudo-header in the checksum field.
  std::string Make() const {
    std::string f = Noise(seed, header_len() + payload_len);
    f[0] = 2;  // Not a group.
    const size_t n = network(), t = transport();
    if (vlan) {
      Put16(&f, 12, 0x8100);
    }
    Put16(&f, n - 2, family == 4 ? 0x0800 : 0x86dd);
    if (family == 4) {
      f[n] = 0x45;
      Put16(&f, n + 2, static_cast<uint32_t>(f.size() - n));
      Put16(&f, n + 6, 0x4000);
      f[n + 9] = static_cast<char>(protocol);
      Put16(&f, n + 10, 0);
      Put16(&f, n + 10, static_cast<uint16_t>(~Sum(f.substr(n, 20))));
    } else {
      f[n] = 0x60;
      Put16(&f, n + 4, static_cast<uint32_t>(f.size() - t));
      f[n + 6] = static_cast<char>(protocol);
    }
    if (protocol == 6) {
      Put32(&f, t + 4, sequence);
      f[t + 12] = static_cast<char>((20 + tcp_options) / 4 << 4);
      f[t + 13] = static_cast<char>(tcp_flags);
    }
    Put16(&f, t + csum_offset(), PseudoSum(f));
    return f;
  }

  so_offload Offload(so_gso gso = SO_GSO_NONE, uint16_t mss = 0) const {
    so_offload o = {};
    o.needs_csum = true;
    o.csum_start = static_cast<uint16_t>(transport());
    o.csum_offset = static_cast<uint16_t>(csum_offset());
    o.gso = gso;
    o.gso_size = mss;
    o.header_len = gso == SO_GSO_NONE ? 0 : static_cast<uint16_t>(header_len());
    return o;
  }

  // Whether the checksums of a finished frame are right.
  bool IsRight(const std::string &f) const {
    const size_t n = network(), t = transport();
    if (family == 4 && Sum(f.substr(n, 20)) != 0xffff) {
      return false;
    }
    const bool none = protocol == 17 && Get16(f, t + csum_offset()) == 0;
    return Sum(f.substr(t), PseudoSum(f)) == 0xffff && !none;
  }
};

}  // namespace so_test

#endif  // SO_KERNEL_XEN_NETFRONT_FRAMES_H_
