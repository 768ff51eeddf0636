#include "base/mem.h"
#include "net/arp/internal.h"

#define REQUEST_NS (SO_NS_PER_S / SO_ARP_REQUESTS_PER_S)

// The bucket is kept as a time: what has been allowed so far reaches until allowance_ns, which may
// run ahead of the clock by at most a second's worth.
bool so_arp_spend(so_arp *a, uint64_t now_ns) {
  if (a->allowance_ns < now_ns) {
    a->allowance_ns = now_ns;
  }
  if (a->allowance_ns - now_ns >= SO_NS_PER_S) {
    a->stats.tx_limited++;
    return false;
  }
  a->allowance_ns += REQUEST_NS;
  return true;
}

void so_arp_request(so_arp *a, const uint8_t source[4], const uint8_t target[4],
                    const uint8_t dst[SO_MAC_LEN]) {
  so_arp_message m;
  memset(&m, 0, sizeof m);
  m.operation = SO_ARP_REQUEST;
  memcpy(m.sender_mac, a->mac, SO_MAC_LEN);
  memcpy(m.sender_ip, source, 4);
  memcpy(m.target_ip, target, 4);
  a->stats.tx_requests++;
  a->ops.send(a->ops.ctx, &m, dst);
}

static void reply(so_arp *a, const so_arp_message *request) {
  so_arp_message m;
  m.operation = SO_ARP_REPLY;
  memcpy(m.sender_mac, a->mac, SO_MAC_LEN);
  memcpy(m.sender_ip, request->target_ip, 4);
  memcpy(m.target_mac, request->sender_mac, SO_MAC_LEN);
  memcpy(m.target_ip, request->sender_ip, 4);
  a->stats.tx_replies++;
  a->ops.send(a->ops.ctx, &m, request->sender_mac);
}

// A sender that could be one host: not nobody, a group, or the loopback net.
static bool can_be_host(const uint8_t ip[4]) {
  return ip[0] != 0 && ip[0] != 127 && ip[0] < 224;
}

static bool mac_can_be_host(const uint8_t mac[SO_MAC_LEN]) {
  static const uint8_t zero[SO_MAC_LEN] = {0};
  return (mac[0] & 1) == 0 && memcmp(mac, zero, SO_MAC_LEN) != 0;
}

void so_arp_input(so_arp *a, so_bytes message, const uint8_t frame_src[SO_MAC_LEN],
                  uint64_t now_ns) {
  static const uint8_t none[4] = {0};
  so_arp_message m;
  a->stats.rx++;
  if (!so_ok(so_arp_parse(message, &m)) || !mac_can_be_host(m.sender_mac)) {
    a->stats.rx_malformed++;
    return;
  }
  // The frame and the message must agree on who speaks; our own messages may come back from a
  // bridge.
  if (memcmp(m.sender_mac, frame_src, SO_MAC_LEN) != 0 ||
      memcmp(m.sender_mac, a->mac, SO_MAC_LEN) == 0) {
    a->stats.rx_ignored++;
    return;
  }
  if (so_arp_own_input(a, &m, now_ns)) {
    return;
  }
  const bool probe = m.operation == SO_ARP_REQUEST && memcmp(m.sender_ip, none, 4) == 0;
  const bool ours = so_arp_answers_for(a, m.target_ip);
  if (!probe && !can_be_host(m.sender_ip)) {
    a->stats.rx_ignored++;
    return;
  }
  // The answer first: learning may send what waits.
  if (ours && m.operation == SO_ARP_REQUEST) {
    reply(a, &m);
  }
  if (!probe) {
    so_arp_learn(a, &m, ours && m.operation == SO_ARP_REQUEST,
                 ours && m.operation == SO_ARP_REPLY, now_ns);
  }
}
