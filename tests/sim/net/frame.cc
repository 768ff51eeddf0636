// Frames read by code of the simulator's own.

#include <cstdio>

#include "tests/sim/net/world.h"

namespace net_sim {

namespace {

const uint8_t *Bytes(const std::string &s) { return reinterpret_cast<const uint8_t *>(s.data()); }
uint32_t Get16(const uint8_t *p) { return static_cast<uint32_t>(p[0] << 8 | p[1]); }
uint32_t Get32(const uint8_t *p) { return Get16(p) << 16 | Get16(p + 2); }

std::string CheckTransport(const uint8_t *p, size_t n, uint8_t protocol, uint32_t pseudo) {
  if (protocol == 6) {
    if (n < 20 || static_cast<size_t>(p[12] >> 4) * 4 < 20 ||
        static_cast<size_t>(p[12] >> 4) * 4 > n) {
      return "TCP header length";
    }
    if (InternetSum(p, n, pseudo) != 0) {
      return "TCP checksum";
    }
    if ((p[12] & 0x0f) != 0) {
      return "reserved bits of TCP";
    }
  } else if (protocol == 17) {
    if (n < 8 || Get16(p + 4) != n || (Get16(p + 6) != 0 && InternetSum(p, n, pseudo) != 0)) {
      return "UDP header";
    }
  } else if (protocol == 58) {
    if (n < 4 || InternetSum(p, n, pseudo) != 0) {
      return "ICMPv6 checksum";
    }
  } else if (protocol == 1) {
    if (n < 8 || InternetSum(p, n, 0) != 0) {
      return "ICMP checksum";
    }
  }
  return "";
}

uint32_t PartialSum(const uint8_t *p, size_t n) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < n; i += 2) {
    sum += Get16(p + i);
  }
  return sum;
}

}  // namespace

uint16_t InternetSum(const uint8_t *p, size_t n, uint32_t start) {
  uint64_t sum = start;
  for (size_t i = 0; i < n; i++) {
    sum += i % 2 == 0 ? static_cast<uint64_t>(p[i]) << 8 : p[i];
  }
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(~sum);
}

std::string CheckFrame(const std::string &frame, size_t mtu) {
  const uint8_t *p = Bytes(frame);
  const size_t n = frame.size();
  if (n < 14) {
    return "a frame without header";
  }
  const uint32_t type = Get16(p + 12);
  if (n - 14 > mtu) {
    return "longer than the MTU";
  }
  if (type == 0x0800) {
    const uint8_t *ip = p + 14;
    if (n < 34 || ip[0] != 0x45 || Get16(ip + 2) > n - 14) {
      return "IPv4 header";
    }
    if (InternetSum(ip, 20, 0) != 0) {
      return "IPv4 checksum";
    }
    if ((Get16(ip + 6) & 0x3fff) != 0) {
      return ip[9] == 6 ? "a fragment of TCP" : "";
    }
    const size_t len = Get16(ip + 2) - 20;
    const uint32_t pseudo = PartialSum(ip + 12, 8) + ip[9] + static_cast<uint32_t>(len);
    return CheckTransport(ip + 20, len, ip[9], pseudo);
  }
  if (type == 0x86dd) {
    const uint8_t *ip = p + 14;
    if (n < 54 || ip[0] >> 4 != 6 || Get16(ip + 4) + 40u > n - 14) {
      return "IPv6 header";
    }
    const size_t len = Get16(ip + 4);
    if (ip[6] != 6 && ip[6] != 17 && ip[6] != 58) {
      return "";  // Extension headers: not checked here.
    }
    const uint32_t pseudo = PartialSum(ip + 8, 32) + ip[6] + static_cast<uint32_t>(len);
    return CheckTransport(ip + 40, len, ip[6], pseudo);
  }
  return type == 0x0806 && n >= 42 ? "" : "an unknown type";
}

std::string DescribeFrame(const std::string &frame) {
  const uint8_t *p = Bytes(frame);
  char text[200];
  const uint32_t type = frame.size() < 54 ? 0 : Get16(p + 12);
  const size_t ip = type == 0x0800 ? 20 : 40;
  const uint8_t protocol = type == 0x0800 ? p[23] : p[20];
  if ((type == 0x0800 || (type == 0x86dd && frame.size() >= 74)) && protocol == 6) {
    const uint8_t *t = p + 14 + ip;
    const size_t len = (type == 0x0800 ? Get16(p + 16) - 20 : Get16(p + 18)) - (t[12] >> 4) * 4u;
    std::string flags;
    for (int i = 0; i < 8; i++) {
      flags += (t[13] & (1 << i)) != 0 ? std::string(1, "FSRPAUEC"[i]) : "";
    }
    snprintf(text, sizeof text, "v%c %u>%u %s seq %u ack %u len %zu win %u", type == 0x0800 ? '4' : '6',
             Get16(t), Get16(t + 2), flags.c_str(), Get32(t + 4), Get32(t + 8), len, Get16(t + 14));
  } else {
    snprintf(text, sizeof text, "type %04x protocol %u, %zu bytes", type, protocol, frame.size());
  }
  return text;
}

}  // namespace net_sim
