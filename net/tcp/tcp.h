#ifndef SO_NET_TCP_TCP_H_
#define SO_NET_TCP_TCP_H_

// TCP (RFC 9293) for one host: connections, listeners, and the table that finds them.
//
// Pure: segments, time and calls of the program come in; segments and deadlines go out. Nothing
// blocks. What cannot be done yet says AGAIN, and the connection's `ready` is called when that may
// have changed.
//
// Invariants:
//   - A connection is found in constant time, by a keyed hash of its two endpoints.
//   - One timer-wheel entry a connection; so_tcp_deadline is when so_tcp_tick has work.
//   - Bytes that wait (to be sent, acknowledged, or read) lie in pages of the pool, and a
//     connection without such bytes holds no page. Segments share those pages; so_tcp_write copies
//     once, and what is written through so_tcp_reserve or read through so_tcp_peek is not copied at
//     all.
//   - Everything is limited: connections, half-open ones (above that: SYN cookies), backlogs, those
//     in TIME-WAIT, bytes that wait in each direction, segments out of order. At a limit something
//     is refused and counted; nothing grows.
//
// Ownership: a so_tcp_conn belongs to the program from connect or accept until so_tcp_close or
// so_tcp_abort, whatever happens on the wire; after that the pointer is dead, and TCP finishes
// alone. `ready` functions are called from inside so_tcp_input, _error and _tick: they note what
// happened and return; they must not call so_tcp functions.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/netdev.h"
#include "net/address/address.h"
#include "net/icmp/error.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TCP_PROTOCOL 6
#define SO_TCP_SEED_LEN 32
#define SO_TCP_BACKLOG_MAX 4096u

typedef struct so_tcp so_tcp;
typedef struct so_tcp_conn so_tcp_conn;
typedef struct so_tcp_listener so_tcp_listener;

// States of RFC 9293 3.3.2.
typedef enum so_tcp_state {
  SO_TCP_CLOSED = 0,
  SO_TCP_LISTEN,
  SO_TCP_SYN_SENT,
  SO_TCP_SYN_RECEIVED,
  SO_TCP_ESTABLISHED,
  SO_TCP_FIN_WAIT_1,
  SO_TCP_FIN_WAIT_2,
  SO_TCP_CLOSE_WAIT,
  SO_TCP_CLOSING,
  SO_TCP_LAST_ACK,
  SO_TCP_TIME_WAIT,
} so_tcp_state;

// so_tcp_state_name returns a fixed string such as "ESTABLISHED".
const char *so_tcp_state_name(so_tcp_state state);

// --- the world below and above -------------------------------------------------------------------

// What carries segments; the shape of so_interface's functions.
typedef struct so_tcp_lower {
  // Takes `p` always: TCP header and payload, with src, dst, protocol, traffic_class set. The
  // checksum is left to it (offload.needs_csum, csum_start 0, csum_offset 16); with offload.gso set
  // the payload is to be cut into segments of gso_size.
  so_status (*send)(void *ctx, so_packet *p, uint64_t now_ns);
  // The address that a packet to `dst` leaves from. NOT_FOUND: no route.
  so_status (*source)(void *ctx, const so_ip *dst, so_ip *out);
  // Bytes of the largest IP packet to `dst` as far as is known.
  uint32_t (*path_mtu)(void *ctx, const so_ip *dst, uint64_t now_ns);
  // `dst` acknowledged something new, so its next hop works (RFC 4861 7.3.1). May be NULL.
  void (*confirm)(void *ctx, const so_ip *dst, uint64_t now_ns);
  void *ctx;
} so_tcp_lower;

enum {
  SO_TCP_READABLE = 1,  // Bytes, or the end, or an error can be read; a listener can accept.
  SO_TCP_WRITABLE = 2,  // There is room again (or: connected; or: writing will now fail).
  SO_TCP_ENDED = 4,     // The connection is dead: so_tcp_info says why.
};

typedef struct so_tcp_upper {
  void (*ready)(void *ctx, uint32_t events);  // May be NULL.
  void *ctx;
} so_tcp_upper;

typedef enum so_tcp_congestion_kind {
  SO_TCP_CUBIC = 0,
  SO_TCP_NEWRENO,
} so_tcp_congestion_kind;

// Per connection; a listener's options go to what it accepts. Zero means the default everywhere.
typedef struct so_tcp_options {
  bool no_delay;              // Nagle off.
  bool no_ecn;                // Do not negotiate ECN.
  uint8_t congestion;         // An so_tcp_congestion_kind.
  // Bytes that wait or are on their way at most; above 1 MiB no more than two windows of the path. Default 8 MiB.
  uint32_t send_limit;
  uint32_t receive_limit;     // Largest receive window that auto-tuning may reach. Default 8 MiB.
  uint32_t keepalive_ms;      // Idle time before probes; 0: none.
  uint32_t keepalive_gap_ms;  // Between probes. Default 75 s.
  uint32_t keepalive_count;   // Unanswered probes before the end. Default 9.
  // Unacknowledged for so long: the end. Default 300 s (RFC 9293 3.8.3).
  uint32_t user_timeout_ms;
} so_tcp_options;

typedef struct so_tcp_config {
  so_tcp_lower lower;
  uint8_t seed[SO_TCP_SEED_LEN];  // Secret and fresh at each start.
  uint32_t connections_max;       // Default 1024.
  uint32_t half_open_max;         // In SYN-RECEIVED; above it SYN cookies. Default 256.
  uint32_t time_wait_max;         // The oldest makes room. Default 4096.
  uint32_t time_wait_ms;          // 2 MSL. Default 60 s.
  uint32_t fin_wait_2_ms;         // For connections that the program closed. Default 60 s.
  uint32_t mtu;                   // Of the interface, for the MSS that is offered. Default 1500.
  // Largest payload handed to `send` at once. Default 65,536 less headers;
  // the MSS or less turns super-segments off.
  uint32_t segment_max;
  bool no_timestamps;             // Do not offer RFC 7323 timestamps,
  bool no_window_scale;           // window scaling,
  bool no_sack;                   // or SACK. For tests and for talking to the broken.
} so_tcp_config;

typedef struct so_tcp_stats {
  uint64_t segments_in;
  uint64_t segments_out;
  uint64_t bytes_in;                // Payload delivered in order.
  uint64_t bytes_out;               // Payload sent, retransmissions included.
  uint64_t bytes_retransmitted;
  uint64_t segments_retransmitted;
  uint64_t opened_active;
  uint64_t opened_passive;
  uint64_t connect_failed;
  uint64_t reset_in;                // Connections ended by a reset.
  uint64_t reset_out;               // Resets sent.
  uint64_t rto_expired;
  uint64_t tail_loss_probes;
  uint64_t fast_recoveries;
  uint64_t spurious_recoveries;
  uint64_t zero_window_probes;
  uint64_t keepalive_probes;
  // Connections ended by user timeout, keepalive or too many tries.
  uint64_t timed_out;
  uint64_t challenge_acks;
  uint64_t challenge_acks_limited;
  // Duplicate ACKs not sent: out-of-window segments came too fast.
  uint64_t acks_limited;
  uint64_t cookies_sent;
  uint64_t cookies_accepted;
  uint64_t cookies_rejected;
  uint64_t time_wait_entered;
  uint64_t time_wait_reused;
  uint64_t time_wait_evicted;
  uint64_t ecn_marked_in;           // CE seen.
  uint64_t ecn_reduced;             // Window reduced because of ECE.
  uint64_t black_holes;             // Segment size reduced because only large segments were lost.
  uint64_t path_mtu_changes;
  uint64_t receive_copied;          // Segments copied into shared pages because they were small.
  // Dropped:
  uint64_t drop_malformed;
  uint64_t drop_checksum;
  uint64_t drop_address;            // Multicast, broadcast, or no address at all.
  uint64_t drop_no_connection;
  uint64_t drop_sequence;           // Outside the window.
  uint64_t drop_paws;
  uint64_t drop_ack;                // Acknowledges what was never sent, or too old.
  uint64_t drop_window;             // Bytes past the window, or after the program closed.
  uint64_t drop_reassembly;         // Out of order, and no room.
  uint64_t drop_backlog;            // SYN or handshake: the listener's backlog is full.
  uint64_t drop_connections;        // The table is full.
  uint64_t drop_memory;             // Pool or heap used up.
  uint64_t drop_icmp;               // An ICMP error that fits nothing we sent.
  uint64_t send_failed;             // The layer below, or the pool, said no.
} so_tcp_stats;

// so_tcp_new takes memory from `heap`: the stack and its tables. Connections are taken from `heap`
// one by one, up to connections_max. LIMIT: the heap refuses. `pool` and `heap` must outlive it.
SO_MUST_USE so_status so_tcp_new(const so_tcp_config *config, so_packet_pool *pool,
                                 const so_heap *heap, uint64_t now_ns, so_tcp **out);

// so_tcp_delete frees everything without a word to any peer. All handles are dead afterwards.
void so_tcp_delete(so_tcp *t);

// so_tcp_input takes a packet whose IP header was pulled, with src, dst, traffic_class set. The
// checksum is verified unless offload says it is valid, or was never computed (needs_csum, from a
// local peer).
void so_tcp_input(so_tcp *t, so_packet *p, uint64_t now_ns);

// so_tcp_batch_begin and so_tcp_batch_end stand around the calls of so_tcp_input for packets that came
// together: a connection acknowledges what it received in order once at the end, or after eight full
// segments, instead of after every second one. What must be told at once still is.
void so_tcp_batch_begin(so_tcp *t);
void so_tcp_batch_end(so_tcp *t, uint64_t now_ns);

// so_tcp_error takes notice of an ICMP error about something that we sent. True: it quotes a
// segment that is on its way (RFC 5927 4), and may be believed by the layer below too.
bool so_tcp_error(so_tcp *t, const so_ip_error *e, uint64_t now_ns);

// so_tcp_tick does what is due. so_tcp_deadline is when that will next be, or SO_NEVER; calling
// earlier or later is harmless.
void so_tcp_tick(so_tcp *t, uint64_t now_ns);
uint64_t so_tcp_deadline(const so_tcp *t);

const so_tcp_stats *so_tcp_statistics(const so_tcp *t);
// In the table, those of closed handles included.
uint32_t so_tcp_connection_count(const so_tcp *t);
uint32_t so_tcp_half_open_count(const so_tcp *t);
uint32_t so_tcp_time_wait_count(const so_tcp *t);
size_t so_tcp_connection_size(void);  // Bytes of the heap that an idle connection holds.

// --- opening -------------------------------------------------------------------------------------

// so_tcp_listen accepts connections to `port` at `at` (so_ip_any(6 or 4): any address of that
// family; family 0: any of both). Port 0 chooses one. `backlog`: connections that wait for accept
// at most. CONFLICT: in use. LIMIT: the heap refuses.
SO_MUST_USE so_status so_tcp_listen(so_tcp *t, const so_ip *at, uint16_t port, uint32_t backlog,
                                    const so_tcp_options *options, const so_tcp_upper *upper,
                                    so_tcp_listener **out);
uint16_t so_tcp_listener_port(const so_tcp_listener *l);

// so_tcp_listener_close also resets the connections that wait to be accepted.
void so_tcp_listener_close(so_tcp *t, so_tcp_listener *l, uint64_t now_ns);

// so_tcp_accept hands out the oldest connection that waits. AGAIN: none.
SO_MUST_USE so_status so_tcp_accept(so_tcp *t, so_tcp_listener *l, const so_tcp_upper *upper,
                                    so_tcp_conn **out);

// so_tcp_connect sends a SYN to `dst`. `src_port` 0 chooses one (RFC 6056, a keyed hash). The
// handle is WRITABLE when connected, ENDED when that failed. NOT_FOUND: no route. LIMIT:
// connections, ports, or memory. CONFLICT: that very connection exists.
SO_MUST_USE so_status so_tcp_connect(so_tcp *t, const so_ip *dst, uint16_t dst_port,
                                     uint16_t src_port, const so_tcp_options *options,
                                     const so_tcp_upper *upper, uint64_t now_ns, so_tcp_conn **out);

// so_tcp_set_upper changes whom `ready` tells.
void so_tcp_set_upper(so_tcp_conn *c, const so_tcp_upper *upper);

// so_tcp_set_options changes a living connection's options (not ECN and congestion).
void so_tcp_set_options(so_tcp *t, so_tcp_conn *c, const so_tcp_options *options, uint64_t now_ns);

// --- bytes ---------------------------------------------------------------------------------------

// Failures common to what follows: IO: the connection is dead (reset, timed out, refused).
// CONFLICT: our direction was shut down.

// so_tcp_write copies what there is room for and sends what the windows allow. AGAIN: no room now,
// or not yet connected (bytes written before that are kept, while there is room). With `more` a
// segment that is not full waits for the next write or for 200 ms, whatever Nagle says.
SO_MUST_USE so_status so_tcp_write(so_tcp *t, so_tcp_conn *c, so_bytes bytes, bool more,
                                   uint64_t now_ns, size_t *out_len);

// so_tcp_reserve lists room of up to `len` bytes that so_tcp_commit then puts on the stream: the
// first `n` bytes of it. Nothing else may be called for this connection in between, except
// so_tcp_input and so_tcp_tick; what is not committed is given up. AGAIN: no room now. `*out_len`:
// how much it is, at least 1.
SO_MUST_USE so_status so_tcp_reserve(so_tcp *t, so_tcp_conn *c, size_t len, uint64_t now_ns,
                                     so_netdev_room rooms[SO_NETDEV_PARTS_MAX], size_t *out_count,
                                     size_t *out_len);
SO_MUST_USE so_status so_tcp_commit(so_tcp *t, so_tcp_conn *c, size_t n, bool more,
                                    uint64_t now_ns);

// so_tcp_write_room is how many bytes so_tcp_write would take now, if the pool has pages.
size_t so_tcp_write_room(const so_tcp_conn *c);

// so_tcp_read copies bytes out. OK with 0 (and cap > 0): the orderly end. AGAIN: nothing yet.
SO_MUST_USE so_status so_tcp_read(so_tcp *t, so_tcp_conn *c, uint8_t *buf, size_t cap,
                                  uint64_t now_ns, size_t *out_len);

// so_tcp_peek views the next bytes where they lie (at least 1, or 0 at the orderly end), until the
// next so_tcp_read or so_tcp_consume of this connection, or its close; so_tcp_consume drops `n` of
// them.
SO_MUST_USE so_status so_tcp_peek(so_tcp_conn *c, so_bytes *out);
void so_tcp_consume(so_tcp *t, so_tcp_conn *c, size_t n, uint64_t now_ns);
size_t so_tcp_readable(const so_tcp_conn *c);

// so_tcp_shutdown sends FIN after what was written. Reading goes on. Again: does nothing.
SO_MUST_USE so_status so_tcp_shutdown(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);

// so_tcp_close gives the handle up. What was written is still delivered, then FIN. Bytes that came
// and were not read, or come later, are answered by a reset (RFC 2525 2.17).
void so_tcp_close(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);

// so_tcp_abort gives the handle up and resets the connection.
void so_tcp_abort(so_tcp *t, so_tcp_conn *c, uint64_t now_ns);

// --- looking -------------------------------------------------------------------------------------

typedef enum so_tcp_end {
  SO_TCP_END_NONE = 0,  // Alive, or ended in order.
  SO_TCP_END_REFUSED,   // Reset while connecting.
  SO_TCP_END_RESET,
  SO_TCP_END_TIMEOUT,
  SO_TCP_END_UNREACHABLE,  // An ICMP error, or timed out after one.
} so_tcp_end;

typedef struct so_tcp_info {
  so_tcp_state state;
  so_tcp_end end;
  so_ip local;
  so_ip remote;
  uint16_t local_port;
  uint16_t remote_port;
  bool timestamps;
  bool sack;
  bool ecn;
  uint8_t send_scale;
  uint8_t receive_scale;
  uint32_t mss;             // Payload of a full segment now.
  uint32_t cwnd;
  uint32_t ssthresh;
  uint32_t send_window;
  uint32_t receive_window;
  uint32_t unacked;         // Bytes sent and not acknowledged.
  uint32_t unsent;
  uint32_t readable;
  uint32_t out_of_order;    // Bytes that wait for a gap to close.
  uint32_t pages;           // Of the pool, in all queues.
  uint64_t srtt_ns;
  uint64_t rto_ns;
  uint64_t retransmitted;   // Segments.
} so_tcp_info;

void so_tcp_get_info(const so_tcp_conn *c, so_tcp_info *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_TCP_H_
