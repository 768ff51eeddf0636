#include "net/tcp/wire/wire.h"

#include "base/assert.h"
#include "base/reader.h"

enum {
  KIND_END = 0,
  KIND_NOP = 1,
  KIND_MSS = 2,
  KIND_SCALE = 3,
  KIND_SACK_PERMITTED = 4,
  KIND_SACK = 5,
  KIND_TIMESTAMPS = 8,
};

#define OPTIONS_LEN_MAX (SO_TCP_HEADER_LEN_MAX - SO_TCP_HEADER_LEN)

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

size_t so_tcp_header_len(so_bytes first20) {
  if (first20.len < SO_TCP_HEADER_LEN) {
    return 0;
  }
  const size_t len = (size_t)(first20.ptr[12] >> 4) * 4;
  return len >= SO_TCP_HEADER_LEN ? len : 0;
}

// --- parsing ------------------------------------------------------------------------------------

static bool parse_sacks(so_reader *value, so_tcp_header *h) {
  if (value->len == 0 || value->len % 8 != 0) {
    return so_skip(value, value->len);
  }
  h->sack_count = 0;
  while (value->len != 0 && h->sack_count < SO_TCP_WIRE_SACKS_MAX) {
    so_seq_range *r = &h->sacks[h->sack_count];
    if (!so_read_u32be(value, &r->start) || !so_read_u32be(value, &r->end)) {
      return false;
    }
    h->sack_count++;
  }
  return true;
}

// parse_value reads the value of one option; one with a length that its kind cannot have is left
// unread, which the caller takes for unknown.
static bool parse_value(uint8_t kind, so_reader *value, so_tcp_header *h) {
  switch (kind) {
    case KIND_MSS:
      return value->len != 2 || so_read_u16be(value, &h->mss);
    case KIND_SCALE:
      if (value->len != 1) {
        return true;
      }
      h->has_scale = true;
      if (!so_read_u8(value, &h->scale)) {
        return false;
      }
      if (h->scale > SO_TCP_SCALE_MAX) {  // RFC 7323 2.3: use 14 instead.
        h->scale = SO_TCP_SCALE_MAX;
      }
      return true;
    case KIND_SACK_PERMITTED:
      h->sack_permitted = h->sack_permitted || value->len == 0;
      return true;
    case KIND_SACK:
      return parse_sacks(value, h);
    case KIND_TIMESTAMPS:
      if (value->len != 8) {
        return true;
      }
      h->has_timestamps = true;
      return so_read_u32be(value, &h->ts_value) && so_read_u32be(value, &h->ts_echo);
    default:
      return true;
  }
}

// Each turn takes at least one byte of at most 40.
static bool parse_options(so_reader *r, so_tcp_header *h) {
  while (r->len != 0) {
    uint8_t kind = 0;
    uint8_t len = 0;
    so_bytes value = {NULL, 0};
    if (!so_read_u8(r, &kind)) {
      return false;
    }
    if (kind == KIND_END) {
      return so_skip(r, r->len);
    }
    if (kind == KIND_NOP) {
      continue;
    }
    if (!so_read_u8(r, &len) || len < 2 || !so_read_bytes(r, len - 2u, &value)) {
      return false;
    }
    so_reader body = so_reader_of(value);
    if (!parse_value(kind, &body, h)) {
      return false;
    }
  }
  return true;
}

so_status so_tcp_parse(so_bytes header, so_tcp_header *out) {
  const size_t len = so_tcp_header_len(header);
  if (len == 0 || len != header.len) {
    return malformed();
  }
  so_reader r = so_reader_of(header);
  so_tcp_header h = {.header_len = (uint8_t)len};
  const bool fixed = so_read_u16be(&r, &h.src_port) && so_read_u16be(&r, &h.dst_port) &&
                     so_read_u32be(&r, &h.seq) && so_read_u32be(&r, &h.ack) && so_skip(&r, 1) &&
                     so_read_u8(&r, &h.flags) && so_read_u16be(&r, &h.window) &&
                     so_read_u16be(&r, &h.checksum) && so_read_u16be(&r, &h.urgent);
  if (!fixed || !parse_options(&r, &h) || !so_reader_done(&r)) {
    return malformed();
  }
  *out = h;
  return so_done();
}

// --- emitting -----------------------------------------------------------------------------------

static size_t fixed_option_len(const so_tcp_header *h) {
  return (h->mss != 0 ? 4u : 0u) + (h->has_scale ? 4u : 0u) + (h->has_timestamps ? 12u : 0u) +
         (h->sack_permitted ? 4u : 0u);
}

static size_t sacks_that_fit(const so_tcp_header *h) {
  const size_t used = fixed_option_len(h) + 4;
  const size_t room = used < OPTIONS_LEN_MAX ? (OPTIONS_LEN_MAX - used) / 8 : 0;
  return h->sack_count < room ? h->sack_count : room;
}

size_t so_tcp_option_len(const so_tcp_header *h) {
  const size_t sacks = sacks_that_fit(h);
  return fixed_option_len(h) + (sacks != 0 ? 4 + sacks * 8 : 0);
}

static void emit_options(const so_tcp_header *h, so_writer *w) {
  if (h->mss != 0) {
    so_write_u16be(w, KIND_MSS << 8 | 4);
    so_write_u16be(w, h->mss);
  }
  if (h->sack_permitted) {
    so_write_u32be(w, KIND_NOP << 24 | KIND_NOP << 16 | KIND_SACK_PERMITTED << 8 | 2);
  }
  if (h->has_timestamps) {  // Aligned as RFC 7323 appendix A asks.
    so_write_u32be(w, KIND_NOP << 24 | KIND_NOP << 16 | KIND_TIMESTAMPS << 8 | 10);
    so_write_u32be(w, h->ts_value);
    so_write_u32be(w, h->ts_echo);
  }
  if (h->has_scale) {
    so_write_u32be(w, (uint32_t)(KIND_NOP << 24 | KIND_SCALE << 16 | 3 << 8) | h->scale);
  }
  const size_t sacks = sacks_that_fit(h);
  if (sacks != 0) {
    so_write_u16be(w, KIND_NOP << 8 | KIND_NOP);
    so_write_u8(w, KIND_SACK);
    so_write_u8(w, (uint8_t)(2 + sacks * 8));
    for (size_t i = 0; i < sacks; i++) {
      so_write_u32be(w, h->sacks[i].start);
      so_write_u32be(w, h->sacks[i].end);
    }
  }
}

void so_tcp_emit(const so_tcp_header *h, so_writer *w) {
  SO_ASSERT(h->scale <= SO_TCP_SCALE_MAX && h->sack_count <= SO_TCP_WIRE_SACKS_MAX);
  const size_t words = (SO_TCP_HEADER_LEN + so_tcp_option_len(h)) / 4;
  so_write_u16be(w, h->src_port);
  so_write_u16be(w, h->dst_port);
  so_write_u32be(w, h->seq);
  so_write_u32be(w, h->ack);
  so_write_u8(w, (uint8_t)(words << 4));
  so_write_u8(w, h->flags);
  so_write_u16be(w, h->window);
  so_write_u16be(w, h->checksum);
  so_write_u16be(w, h->urgent);
  emit_options(h, w);
}
