// The walk over extension headers: one header a step, at most SO_IPV6_HEADERS_MAX steps.

#include "base/assert.h"
#include "base/reader.h"
#include "net/ipv6/ipv6.h"

#define OFF_PAYLOAD_LEN 4u
#define OFF_NEXT_HEADER 6u
#define UNIT 8u               // Extension headers are measured in these.
#define PAD_RUN_MAX 7u        // Padding only ever aligns to 8 (RFC 8504 5.3).
#define CODE_FIELD 0u
#define CODE_NEXT_HEADER 1u
#define CODE_OPTION 2u
#define CODE_CHAIN 3u

enum { OPTION_PAD1 = 0, OPTION_PADN = 1, OPTION_ROUTER_ALERT = 5 };
// What the high two bits of an option's type want when it is not known (RFC 8200 4.2).
enum { ACTION_SKIP = 0, ACTION_DROP = 1, ACTION_TELL = 2, ACTION_TELL_UNICAST = 3 };

typedef struct walk {
  so_reader r;          // The rest of `head`.
  size_t head_len;
  size_t packet_len;
  uint8_t next;         // What stands at the reader.
  uint16_t next_off;    // The byte that said so.
  bool scan_only;       // Past the header of a first fragment: lengths alone are looked at.
  bool inner;           // Past a fragment header.
  bool stopped;         // `out` is decided.
  so_ipv6_chain out;
} walk;

static size_t position(const walk *w) { return w->head_len - w->r.len; }

static void stop(walk *w, so_ipv6_verdict verdict, so_ipv6_fault fault) {
  w->out.verdict = verdict;
  w->out.fault = fault;
  w->stopped = true;
}

static void drop(walk *w, so_ipv6_fault fault) { stop(w, SO_IPV6_DROP, fault); }

static void problem(walk *w, so_ipv6_fault fault, uint8_t code, size_t pointer) {
  stop(w, SO_IPV6_PROBLEM, fault);
  w->out.code = code;
  w->out.pointer = (uint16_t)pointer;
  w->out.even_multicast = false;
}

// The packet ends inside its headers.
static void truncated(walk *w) {
  if (w->head_len < w->packet_len) {
    drop(w, SO_IPV6_FAULT_LIMIT);  // Not the packet ends, but what we look at.
  } else if (w->scan_only) {
    problem(w, SO_IPV6_FAULT_FIRST_FRAGMENT, CODE_CHAIN, 0);
  } else {
    drop(w, SO_IPV6_FAULT_TRUNCATED);
  }
}

static void unknown_option(walk *w, uint8_t type, size_t at) {
  switch (type >> 6) {
    case ACTION_DROP:
      drop(w, SO_IPV6_FAULT_OPTION);
      break;
    case ACTION_TELL:
      problem(w, SO_IPV6_FAULT_OPTION, CODE_OPTION, at);
      w->out.even_multicast = true;
      break;
    case ACTION_TELL_UNICAST:
      problem(w, SO_IPV6_FAULT_OPTION, CODE_OPTION, at);
      break;
    default:
      break;
  }
}

static bool all_zero(so_bytes b) {
  uint8_t any = 0;
  for (size_t i = 0; i < b.len; i++) {
    any |= b.ptr[i];
  }
  return any == 0;
}

// One option, its type read. `*pad` is the length of the run of padding that it goes on.
static void one_option(walk *w, uint8_t type, so_reader *r, bool hop_by_hop, size_t at,
                       size_t *pad) {
  so_reader body = {0};
  if (type != OPTION_PAD1 && !so_read_sub8(r, &body)) {
    drop(w, SO_IPV6_FAULT_OPTION);
    return;
  }
  if (type == OPTION_PAD1 || type == OPTION_PADN) {
    *pad += type == OPTION_PAD1 ? 1 : 2 + body.len;
    if (*pad > PAD_RUN_MAX || !all_zero(so_reader_rest(&body))) {
      drop(w, SO_IPV6_FAULT_OPTION);
    }
    return;
  }
  *pad = 0;
  if (type == OPTION_ROUTER_ALERT && hop_by_hop) {
    if (body.len != 2) {
      drop(w, SO_IPV6_FAULT_OPTION);
    }
    w->out.router_alert = true;
    return;
  }
  unknown_option(w, type, at);
}

static void options(walk *w, so_bytes body, bool hop_by_hop, size_t body_off) {
  so_reader r = so_reader_of(body);
  size_t pad = 0;
  uint8_t type = 0;
  for (unsigned count = 0; r.len != 0 && !w->stopped; count++) {
    const size_t at = body_off + (body.len - r.len);
    if (count == SO_IPV6_OPTIONS_MAX) {
      drop(w, SO_IPV6_FAULT_LIMIT);
    } else if (so_read_u8(&r, &type)) {
      one_option(w, type, &r, hop_by_hop, at, &pad);
    }
  }
}

// RFC 8200 4.4: no routing type is known here, type 0 is refused like every other (RFC 5095).
static void routing(walk *w, so_bytes body, size_t body_off) {
  // A header is 8 bytes at least: two were read, type and segments left are there.
  if (body.ptr[1] != 0) {
    problem(w, SO_IPV6_FAULT_ROUTING, CODE_FIELD, body_off);
  }
}

// Hop-by-hop options, routing and destination options: next header, length, body.
static void sized_header(walk *w) {
  const size_t start = position(w);
  const uint8_t kind = w->next;
  uint8_t next = 0;
  uint8_t units = 0;
  so_bytes body;
  if (!so_read_u8(&w->r, &next) || !so_read_u8(&w->r, &units)) {
    truncated(w);
    return;
  }
  const size_t body_len = (size_t)units * UNIT + UNIT - 2;
  if (start + 2 + body_len > SO_IPV6_HEADER_LEN + SO_IPV6_CHAIN_LEN_MAX) {
    drop(w, SO_IPV6_FAULT_LIMIT);
    return;
  }
  if (!so_read_bytes(&w->r, body_len, &body)) {
    truncated(w);
    return;
  }
  w->next = next;
  w->next_off = (uint16_t)start;
  if (w->scan_only) {
    return;  // What it says is done once the packet is whole.
  }
  if (kind == SO_IPV6_ROUTING) {
    routing(w, body, start + 2);
  } else {
    options(w, body, kind == SO_IPV6_HOP_BY_HOP, start + 2);
  }
}

// A fragment that has not all of its packet in it: lengths must fit (RFC 8200 4.5).
static void check_fragment(walk *w, size_t header_off) {
  const size_t len = w->packet_len - position(w);
  const so_ipv6_fragment *f = &w->out.fragment;
  if (f->more && len % UNIT != 0) {
    problem(w, SO_IPV6_FAULT_FRAGMENT, CODE_FIELD, OFF_PAYLOAD_LEN);
  } else if (header_off - SO_IPV6_HEADER_LEN + f->offset + len > SO_IPV6_PAYLOAD_LEN_MAX) {
    problem(w, SO_IPV6_FAULT_FRAGMENT, CODE_FIELD, header_off + 2);
  } else if (len == 0) {
    drop(w, SO_IPV6_FAULT_FRAGMENT);
  }
}

static void fragment_header(walk *w) {
  const size_t start = position(w);
  uint8_t next = 0;
  uint8_t reserved = 0;
  uint16_t field = 0;
  so_ipv6_fragment f = {0};
  if (!so_read_u8(&w->r, &next) || !so_read_u8(&w->r, &reserved) ||
      !so_read_u16be(&w->r, &field) || !so_read_u32be(&w->r, &f.id)) {
    truncated(w);
    return;
  }
  f.offset = field & 0xfff8u;
  f.more = (field & 1u) != 0;
  w->out.fragment = f;
  w->out.fragmented = true;
  w->inner = true;
  w->next = next;
  w->next_off = (uint16_t)start;
  if (f.offset == 0 && !f.more) {
    return;  // RFC 6946: a whole packet, which meets no other fragment.
  }
  w->out.verdict = SO_IPV6_REASSEMBLE;
  w->out.protocol = next;
  w->out.off = (uint16_t)position(w);
  w->out.next_header_off = w->next_off;
  check_fragment(w, start);
  if (f.offset == 0) {
    w->scan_only = true;
  } else {
    w->stopped = true;
  }
}

static bool is_extension(uint8_t protocol) {
  return protocol == SO_IPV6_HOP_BY_HOP || protocol == SO_IPV6_ROUTING ||
         protocol == SO_IPV6_FRAGMENT || protocol == SO_IPV6_DESTINATION;
}

static size_t transport_len_min(uint8_t protocol) {
  switch (protocol) {
    case SO_IPV6_TCP:
      return 20;
    case SO_IPV6_UDP:
    case SO_IPV6_ICMP:
      return 8;
    default:
      return 0;
  }
}

static void transport(walk *w) {
  if (w->scan_only) {
    if (w->packet_len - position(w) < transport_len_min(w->next)) {
      problem(w, SO_IPV6_FAULT_FIRST_FRAGMENT, CODE_CHAIN, 0);
    }
    w->stopped = true;
    return;
  }
  w->out.protocol = w->next;
  w->out.off = (uint16_t)position(w);
  w->out.next_header_off = w->next_off;
  stop(w, w->next == SO_IPV6_NONE ? SO_IPV6_IGNORE : SO_IPV6_ACCEPT, SO_IPV6_FAULT_NONE);
}

static void step(walk *w) {
  if (w->next == SO_IPV6_HOP_BY_HOP && (position(w) != SO_IPV6_HEADER_LEN || w->inner)) {
    problem(w, SO_IPV6_FAULT_ORDER, CODE_NEXT_HEADER, w->next_off);
  } else if (w->next == SO_IPV6_FRAGMENT && w->inner) {
    drop(w, SO_IPV6_FAULT_ORDER);
  } else if (w->next == SO_IPV6_FRAGMENT) {
    fragment_header(w);
  } else {
    sized_header(w);
  }
}

so_ipv6_chain so_ipv6_walk(so_bytes head, size_t packet_len, bool reassembled) {
  SO_ASSERT(head.len >= SO_IPV6_HEADER_LEN && head.len <= packet_len);
  walk w = {
      .r = so_reader_of(so_bytes_from(head, SO_IPV6_HEADER_LEN)),
      .head_len = head.len,
      .packet_len = packet_len,
      .next = head.ptr[OFF_NEXT_HEADER],
      .next_off = OFF_NEXT_HEADER,
      .inner = reassembled,
      .out = {.fragmented = reassembled},
  };
  for (unsigned count = 0; !w.stopped; count++) {
    if (!is_extension(w.next)) {
      transport(&w);
    } else if (count == SO_IPV6_HEADERS_MAX) {
      drop(&w, SO_IPV6_FAULT_LIMIT);
    } else {
      step(&w);
    }
  }
  return w.out;
}
