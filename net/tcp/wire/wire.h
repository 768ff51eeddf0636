#ifndef SO_NET_TCP_WIRE_WIRE_H_
#define SO_NET_TCP_WIRE_WIRE_H_

// TCP's header (RFC 9293 3.1) and the options that mean something to us: segment size, window
// scale, SACK permitted, SACK (RFC 2018), timestamps (RFC 7323).
//
//   0  source port 2      2 destination port 2
//   4  sequence number 4  8 acknowledgment number 4
//   12 data offset (high 4 bits, in words), reserved 4   13 flags 1   14 window 2
//   16 checksum 2         18 urgent pointer 2            20 options
//
// Options are a list of kind, length, value; kinds 0 (end) and 1 (padding) are one byte. A length
// that is below 2, or points past the header, makes the segment MALFORMED; an option of a known
// kind with a length that it cannot have is skipped like an unknown one. The last of two equal ones
// counts.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "net/tcp/sequence/sequence.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TCP_HEADER_LEN 20u
#define SO_TCP_HEADER_LEN_MAX 60u
#define SO_TCP_CHECKSUM_OFFSET 16u
#define SO_TCP_SCALE_MAX 14u  // RFC 7323 2.3.
#define SO_TCP_WIRE_SACKS_MAX 4u

enum {
  SO_TCP_FLAG_FIN = 0x01,
  SO_TCP_FLAG_SYN = 0x02,
  SO_TCP_FLAG_RST = 0x04,
  SO_TCP_FLAG_PSH = 0x08,
  SO_TCP_FLAG_ACK = 0x10,
  SO_TCP_FLAG_URG = 0x20,
  SO_TCP_FLAG_ECE = 0x40,
  SO_TCP_FLAG_CWR = 0x80,
};

typedef struct so_tcp_header {
  uint16_t src_port;
  uint16_t dst_port;
  uint32_t seq;
  uint32_t ack;
  uint8_t flags;
  uint8_t header_len;  // Parsed; emitting computes it.
  uint16_t window;     // Not scaled.
  uint16_t checksum;
  uint16_t urgent;

  bool has_scale;
  bool sack_permitted;
  bool has_timestamps;
  uint8_t scale;  // At most SO_TCP_SCALE_MAX.
  uint16_t mss;   // 0: no such option.
  uint8_t sack_count;
  uint32_t ts_value;
  uint32_t ts_echo;
  so_seq_range sacks[SO_TCP_WIRE_SACKS_MAX];
} so_tcp_header;

// so_tcp_header_len reads how long the header is whose first 20 bytes these are: 20 to 60, or 0
// when the data offset is impossible.
size_t so_tcp_header_len(so_bytes first20);

// so_tcp_parse reads a header; `header` is exactly so_tcp_header_len bytes. MALFORMED.
SO_MUST_USE so_status so_tcp_parse(so_bytes header, so_tcp_header *out);

// so_tcp_option_len is how many bytes so_tcp_emit needs for the options: a multiple of 4, at most
// 40. SACK blocks that do not fit are left out.
size_t so_tcp_option_len(const so_tcp_header *h);

// so_tcp_emit appends the header and its options, padded.
void so_tcp_emit(const so_tcp_header *h, so_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_WIRE_WIRE_H_
