#ifndef SO_NET_TCP_INTERNAL_H_
#define SO_NET_TCP_INTERNAL_H_

// What the files of this module share. Who calls whom, from the outside in:
//
//   tcp.c      the stack: new, delete, input, tick     api.c      what programs call
//   listen.c   state LISTEN, SYN cookies               timewait.c state TIME-WAIT, in compact form
//   input.c    RFC 9293 3.10.7.3-4, steps 1 to 4       ack.c      step 5
//   data.c     steps 7 and 8                           output.c   what may be sent now
//   timers.c   everything that runs out                path.c     ICMP errors, segment sizes
//   window.c   the receive window                      segment.c  building segments
//   conn.c     a connection's life                     table.c    finding one
//   queue.c    bytes in pages
//
// Handlers change state and set marks (ack_now, events); at the end of each entry from outside,
// so_tcp_settle sends, arms the timer, tells the program, and frees what is finished. Nothing else
// frees a connection.

#include "base/assert.h"
#include "net/tcp/congestion/congestion.h"
#include "net/tcp/isn/isn.h"
#include "net/tcp/queue.h"
#include "net/tcp/reassembly/reassembly.h"
#include "net/tcp/rtt/rtt.h"
#include "net/tcp/scoreboard/scoreboard.h"
#include "net/tcp/tcp.h"
#include "net/tcp/wire/wire.h"
#include "net/wheel/wheel.h"

#define SO_TCP_MSS_DEFAULT 536u   // RFC 9293 3.7.1.
#define SO_TCP_MSS_DEFAULT6 1220u
#define SO_TCP_MSS_MIN 216u       // Below that the peer or the path lies (256 less headers).
#define SO_TCP_SEGMENT_MAX 65160u  // 65,535 less headers of IPv6 and TCP; 45 segments of 1448.
#define SO_TCP_DELAYED_ACK_MS 40u  // RFC 9293 3.8.6.3 allows 500.
// Full segments of one batch that one ACK may answer (RFC 5681 4.2: stretch ACKs). As many as HyStart++
// takes for the growth of one ACK, so that a sender like ours loses nothing by it.
#define SO_TCP_STRETCH 8u
// After a sign of loss (a gap, or bytes that came twice) so many segments are acknowledged one by one: the
// sender's window is small then, and one lost acknowledgement for all of it would stop it until a timeout.
#define SO_TCP_QUICK_ACKS 16u
// Timeouts in a row after which large segments are thought to be what does not come through: of a size that the
// path has carried, more. With one frame of ten lost, three in a row are common, and small ones lose more.
#define SO_TCP_BLACK_HOLE_TRIES 3u
#define SO_TCP_BLACK_HOLE_TRIES_CARRIED 6u
#define SO_TCP_CORK_MS 200u
#define SO_TCP_RETRY_MS 10u        // The pool was used up with nothing on its way.
#define SO_TCP_RECEIVE_START 65536u
#define SO_TCP_SEND_START (1024u * 1024)  // Grows with the congestion window.
#define SO_TCP_SYN_TRIES 6u
#define SO_TCP_SYN_ACK_TRIES 5u
#define SO_TCP_CHALLENGES_PER_S 10u  // A connection; see README on RFC 5961 7.
#define SO_TCP_PERSIST_MAX_MS 60000u
#define SO_TCP_COPY_LEN 1024u      // Received segments below that are copied together.
#define SO_TCP_TS_IDLE_MS (24u * 24u * 3600u * 1000u)  // RFC 7323 5.5.

// The protocol's state, flat: no pointers, a copy is a copy.
typedef struct so_tcp_block {
  uint8_t state;  // An so_tcp_state; written by so_tcp_enter alone.
  uint8_t end;    // An so_tcp_end.
  uint8_t send_scale;
  uint8_t receive_scale;
  bool passive;        // Came from LISTEN: a reset in SYN-RECEIVED goes back there.
  bool timestamps;
  bool sack;
  bool ecn;
  bool ecn_echo;       // CE was seen and CWR not yet: ECE goes out.
  bool fin_queued;     // Ours: the number after the last byte written.
  bool fin_sent;
  bool fin_received;   // Consumed: rcv_nxt is past it.
  bool fin_noted;      // Came, but bytes before it are missing.
  bool ack_now;
  bool soft_error;     // An ICMP error that may pass was seen.
  bool more;           // The program said that more will come.
  bool syn_repeated;
  bool has_scale;      // Both sides offered window scaling.
  bool small_mss;      // Black-hole fallback.
  bool full_sent;      // A full segment of this size was sent; it ended at `full_seq`,
  bool full_carried;   // and was acknowledged.
  bool room_wanted;    // A write found no room.
  bool pool_wanted;    // A write found the pool nearly used up.
  bool in_table;
  bool pushed;         // A full segment with PSH was received and is not acknowledged yet.
  uint8_t quick;       // Segments still to be acknowledged one by one.
  uint8_t tries;       // Of SYN or keepalive in a row.
  uint8_t probes;      // Of the window, in a row.
  uint8_t challenges;
  uint16_t mss;        // Without options: RFC 6691.
  uint16_t peer_mss;
  uint16_t receive_mss;  // Largest segment seen.

  uint32_t iss;
  uint32_t irs;
  uint32_t fin_seq;    // Of the peer, when noted.
  uint32_t send_window;
  uint32_t send_window_max;
  uint32_t wl1;
  uint32_t wl2;
  uint32_t full_seq;
  uint32_t small_seq;  // Where the last segment that was not full ended (Minshall's rule).
  uint32_t rcv_nxt;
  uint32_t rcv_edge;   // Right edge of the window as told: never moves left.
  uint32_t rcv_room;   // Bytes we are ready to hold now.
  uint32_t last_ack;   // RFC 7323 Last.ACK.sent.
  uint32_t ts_recent;
  uint32_t ts_offset;
  uint32_t ack_bytes;  // Received and not acknowledged.
  uint32_t tune_bytes;  // Read by the program in this round trip.
  uint32_t challenge_s;

  uint64_t ts_recent_ns;
  uint64_t tune_ns;
  uint64_t heard_ns;     // Last segment from the peer.
  uint64_t progress_ns;  // Since when what waits has been waiting (user timeout).
  uint64_t syn_ns;       // When SYN was sent.
  uint64_t retransmitted;

  // Deadlines; SO_NEVER.
  uint64_t syn_at_ns;
  uint64_t ack_at_ns;
  uint64_t persist_at_ns;
  uint64_t keepalive_at_ns;
  uint64_t cork_at_ns;
  uint64_t retry_at_ns;
  uint64_t fin_wait_at_ns;
} so_tcp_block;

struct so_tcp_conn {
  so_wheel_entry timer;  // First: the wheel's entry is the connection.
  so_tcp_conn *hash_next;
  so_tcp_conn *prev;     // Of all connections.
  so_tcp_conn *next;
  so_tcp_conn *wait_next;  // Of those that wait for accept.
  so_tcp_conn *owing_next;  // Of those that owe an ACK at the end of the batch.
  so_tcp_listener *listener;  // Until accepted.
  so_tcp_upper upper;
  uint32_t events;
  bool held;             // The program has the handle.
  bool waiting;          // In the listener's queue.
  bool owing;            // In the list of those that owe an ACK.
  so_tcp_tuple tuple;
  so_tcp_options options;
  so_tcp_block b;
  so_tcp_queue send;     // From snd.una on, what was not sent included.
  so_tcp_queue receive;  // In order, not read.
  so_tcp_reassembly gaps;
  so_tcp_rtt rtt;
  so_tcp_scoreboard board;  // Owns snd.una and snd.nxt once synchronised.
  so_tcp_congestion congestion;
};

struct so_tcp_listener {
  so_tcp_listener *next;
  so_ip at;
  uint16_t port;
  uint32_t backlog;
  uint32_t waiting;
  uint32_t half_open;
  so_tcp_conn *first;
  so_tcp_conn *last;
  so_tcp_options options;
  so_tcp_upper upper;
};

// A connection in TIME-WAIT: what answers a late segment, and no more.
typedef struct so_tcp_rest {
  so_tcp_tuple tuple;
  uint32_t hash_next;  // Index + 1.
  uint32_t prev;       // In order of expiry; index + 1.
  uint32_t next;
  uint32_t snd_nxt;
  uint32_t rcv_nxt;
  uint32_t window;     // Received; as told.
  uint32_t ts_recent;
  uint32_t ts_offset;
  uint32_t answered_s;
  uint8_t answers;
  uint8_t receive_scale;
  bool timestamps;
  uint64_t expires_ns;
} so_tcp_rest;

#define SO_TCP_LISTEN_BUCKETS 64u

struct so_tcp {
  so_tcp_config config;
  so_packet_pool *pool;
  const so_heap *heap;
  so_tcp_stats stats;
  uint8_t table_key[SO_TCP_SECRET_LEN];
  uint8_t isn_key[SO_TCP_SECRET_LEN];
  so_wheel wheel;
  so_tcp_conn **buckets;
  uint32_t bucket_count;  // A power of two.
  uint32_t connections;
  uint32_t half_open;
  uint32_t port_counter;
  so_tcp_conn *all;
  so_tcp_conn *owing;  // Empty outside a batch; no longer than the batch.
  bool batch;
  so_tcp_listener *listeners[SO_TCP_LISTEN_BUCKETS];

  so_tcp_rest *rests;
  uint32_t *rest_buckets;  // Index + 1.
  uint32_t rest_bucket_count;
  uint32_t rest_count;
  uint32_t rest_free;      // Index + 1.
  uint32_t rest_first;     // The one that expires first.
  uint32_t rest_last;

  uint64_t cookies_until_ns;  // Cookies are believed until then.
};

// A segment that came.
typedef struct so_tcp_segment {
  so_tcp_header h;
  so_packet *packet;  // Payload, header pulled. NULL once somebody kept it.
  so_tcp_tuple tuple;
  uint32_t seq;       // After trimming.
  uint32_t len;       // Payload.
  uint32_t fin_off;   // Payload as it came: where FIN stands after the first number.
  uint32_t window;    // Scaled.
  bool ce;            // RFC 3168: congestion experienced.
} so_tcp_segment;

static inline bool so_tcp_flag(const so_tcp_segment *s, uint8_t flag) {
  return (s->h.flags & flag) != 0;
}
static inline uint32_t so_tcp_segment_len(const so_tcp_segment *s) {
  return s->len + (so_tcp_flag(s, SO_TCP_FLAG_SYN) ? 1 : 0) +
         (so_tcp_flag(s, SO_TCP_FLAG_FIN) ? 1 : 0);
}
static inline uint64_t so_tcp_ms(uint64_t ms) { return ms * SO_NS_PER_MS; }
static inline uint64_t so_tcp_earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint32_t so_tcp_min(uint32_t a, uint32_t b) { return a < b ? a : b; }
static inline uint32_t so_tcp_max(uint32_t a, uint32_t b) { return a > b ? a : b; }

// conn.c
bool so_tcp_synchronized(const so_tcp_conn *c);  // ESTABLISHED or later, TIME-WAIT and CLOSED not.
void so_tcp_enter(so_tcp *t, so_tcp_conn *c, so_tcp_state state);
so_tcp_conn *so_tcp_conn_new(so_tcp *t, const so_tcp_tuple *tuple, const so_tcp_options *options,
                             uint64_t now_ns);
void so_tcp_conn_free(so_tcp *t, so_tcp_conn *c);
void so_tcp_establish(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
void so_tcp_end_with(so_tcp *t, so_tcp_conn *c, so_tcp_end end);
void so_tcp_settle(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
void so_tcp_default_options(so_tcp_options *o, const so_tcp_options *given);
static inline uint32_t so_tcp_una(const so_tcp_conn *c) { return c->board.una; }
static inline uint32_t so_tcp_nxt(const so_tcp_conn *c) { return c->board.nxt; }

// table.c
SO_MUST_USE so_status so_tcp_table_init(so_tcp *t);
void so_tcp_table_release(so_tcp *t);
so_tcp_conn *so_tcp_table_find(const so_tcp *t, const so_tcp_tuple *tuple);
void so_tcp_table_insert(so_tcp *t, so_tcp_conn *c);
void so_tcp_table_remove(so_tcp *t, so_tcp_conn *c);
so_tcp_listener *so_tcp_listener_find(const so_tcp *t, const so_ip *at, uint16_t port);
bool so_tcp_port_choose(so_tcp *t, so_tcp_tuple *tuple);

// segment.c
uint32_t so_tcp_timestamp(uint32_t offset, uint64_t now_ns);
void so_tcp_send_syn(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);  // SYN or SYN-ACK.
bool so_tcp_send_ack(so_tcp *t, so_tcp_conn *c, uint32_t seq, uint64_t now_ns);
typedef enum so_tcp_kind {
  SO_TCP_NEW,
  SO_TCP_NEW_LAST,  // New, and the windows let nothing follow.
  SO_TCP_AGAIN,
  SO_TCP_PROBE_AGAIN,
} so_tcp_kind;
uint32_t so_tcp_send_range(so_tcp *t, so_tcp_conn *c, so_seq_range r, so_tcp_kind kind,
                           uint64_t now_ns);
void so_tcp_send_reset(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
void so_tcp_answer_reset(so_tcp *t, const so_tcp_segment *s, uint64_t now_ns);
void so_tcp_send_bare(so_tcp *t, const so_tcp_tuple *tuple, so_tcp_header *h, uint64_t now_ns);
uint16_t so_tcp_offered_mss(const so_tcp *t, uint8_t family);

// api.c
uint32_t so_tcp_send_room(const so_tcp_conn *c);

// window.c
uint32_t so_tcp_window_to_tell(so_tcp_conn *c);
uint16_t so_tcp_window_field(so_tcp_conn *c, bool syn);
void so_tcp_window_read(so_tcp *t, so_tcp_conn *c, uint32_t n, uint64_t now_ns);
uint8_t so_tcp_window_scale_for(uint32_t limit);

// input.c
void so_tcp_conn_input(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns);
void so_tcp_challenge(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
void so_tcp_take_syn_options(so_tcp *t, so_tcp_conn *c, const so_tcp_segment *s, uint64_t now_ns);

// ack.c: step 5. False: the segment is to be dropped.
bool so_tcp_step_ack(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns);
void so_tcp_apply_report(so_tcp *t, so_tcp_conn *c, const so_tcp_ack_report *r, uint64_t now_ns);

// data.c: steps 7 and 8.
void so_tcp_forget_owing(so_tcp *t, so_tcp_conn *c);
void so_tcp_ack_quickly(so_tcp_conn *c);  // Now, and the next segments one by one.
void so_tcp_step_data(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns);
void so_tcp_step_fin(so_tcp *t, so_tcp_conn *c, so_tcp_segment *s, uint64_t now_ns);

// output.c
void so_tcp_output(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
void so_tcp_probe_tail(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
bool so_tcp_send_little(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
static inline uint32_t so_tcp_unsent(const so_tcp_conn *c) {
  const uint32_t end = c->send.start + c->send.len;
  return so_seq_gt(end, c->board.nxt) ? end - c->board.nxt : 0;
}

// The pool serves everybody, what comes in and the acknowledgements that set pages free above all:
// so what can wait stops while an eighth (in order), or a quarter (written, out of order) of it is
// left.
static inline bool so_tcp_pool_has(const so_tcp *t, uint32_t share) {
  const so_packet_pool *p = t->pool;
  return p->page_count - p->pages_used > p->page_count / share &&
         p->packet_count - p->packets_used > p->packet_count / share;
}

// timers.c
void so_tcp_conn_timer(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
uint64_t so_tcp_conn_deadline(const so_tcp_conn *c);

// listen.c
// so_tcp_answers_cookie: the SYN was answered with a cookie, and when it came again there was room for
// `c`, whose number is another. The client knows the cookie's.
bool so_tcp_answers_cookie(const so_tcp *t, const so_tcp_conn *c, const so_tcp_segment *s,
                           uint64_t now_ns);
void so_tcp_listen_input(so_tcp *t, so_tcp_listener *l, so_tcp_segment *s, uint32_t iss_above,
                         bool has_iss_above, uint64_t now_ns);
void so_tcp_listener_established(so_tcp *t, so_tcp_conn *c);
void so_tcp_listener_forget(so_tcp_conn *c);

// timewait.c
SO_MUST_USE so_status so_tcp_rest_init(so_tcp *t);
void so_tcp_rest_release(so_tcp *t);
so_tcp_rest *so_tcp_rest_find(so_tcp *t, const so_tcp_tuple *tuple);
void so_tcp_rest_add(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
void so_tcp_rest_remove(so_tcp *t, so_tcp_rest *r);
void so_tcp_rest_input(so_tcp *t, so_tcp_rest *r, so_tcp_segment *s, uint64_t now_ns);
void so_tcp_rest_expire(so_tcp *t, uint64_t now_ns);
uint64_t so_tcp_rest_deadline(const so_tcp *t);

// path.c
void so_tcp_path_update(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);
void so_tcp_set_mss(so_tcp *t, so_tcp_conn *c, uint32_t mss);
uint32_t so_tcp_payload_mss(const so_tcp_conn *c);  // Of a full segment, timestamps deducted.

#endif  // SO_NET_TCP_INTERNAL_H_
