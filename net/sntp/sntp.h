#ifndef SO_NET_SNTP_SNTP_H_
#define SO_NET_SNTP_SNTP_H_

// An SNTP client (RFC 4330, and the client rules of RFC 5905): what the wall clock is, as an offset
// to the monotonic clock.
//
// The client asks one server at a time, believes an answer only after the checks of RFC 4330
// section 5, and goes to the next server when one is silent, wrong or says so (kiss-o'-death). It
// never sends its own idea of the time: the transmit timestamp of a request is a random number that
// the answer must bring back as its origin, which is what tells an answer from a forgery.
//
// NTP seconds have 32 bits and turn over in 2036; `not_before_unix_s` (when the program was built,
// say) names the 136 years that a timestamp lies in.
//
// Pure: time, entropy and messages come in as arguments, messages to send go out as results. No
// memory but the struct itself; the messages it gives are views into it.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "crypto/rng/rng.h"
#include "kernel/ports/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SNTP_PORT 123
#define SO_SNTP_LEN 48  // Without extension fields and authenticator, which are not read.
#define SO_SNTP_MESSAGE_LEN_MAX 1024
#define SO_SNTP_SERVERS_MAX 8
// RFC 4330 section 10 wants at least 15 s between requests; RFC 5905 polls every 2^6 to 2^10 s.
#define SO_SNTP_POLL_MIN_S 64
#define SO_SNTP_POLL_MAX_S 1024
#define SO_SNTP_RETRY_MIN_S 2  // While no server has answered yet; doubles up to the poll interval.
#define SO_SNTP_TIMEOUT_S 2
#define SO_SNTP_DOUBT_S 16  // Until another server is asked about an answer that was not believed.
#define SO_SNTP_DISTANCE_MAX_S 1  // Root delay and root dispersion of a server worth asking.

// --- wire format --------------------------------------------------------------------------------

typedef struct so_sntp_packet {
  uint8_t leap;      // 0..3; 3: not synchronised.
  uint8_t version;   // 1..7
  uint8_t mode;      // 3: client, 4: server.
  uint8_t stratum;   // 0: kiss-o'-death, `reference_id` says which.
  int8_t poll;       // log2 seconds.
  int8_t precision;  // log2 seconds.
  uint32_t root_delay;       // 16.16 seconds.
  uint32_t root_dispersion;  // 16.16 seconds.
  uint32_t reference_id;
  uint64_t reference;  // Timestamps: 32.32 seconds since 1900, modulo 2^32 seconds.
  uint64_t origin;
  uint64_t receive;
  uint64_t transmit;
} so_sntp_packet;

// so_sntp_parse reads a message; what follows the 48 bytes (extension fields, a digest) must be
// whole words, and is not looked at. MALFORMED.
SO_MUST_USE so_status so_sntp_parse(so_bytes message, so_sntp_packet *out);

void so_sntp_emit(const so_sntp_packet *packet, so_writer *w);

// so_sntp_to_unix_ns is the time of a timestamp, in the 2^32 seconds from `not_before_unix_s` on.
int64_t so_sntp_to_unix_ns(uint64_t timestamp, int64_t not_before_unix_s);
uint64_t so_sntp_from_unix_ns(int64_t unix_ns);

// --- client -------------------------------------------------------------------------------------

typedef struct so_sntp_stats {
  uint64_t sent;
  uint64_t accepted;
  uint64_t unsent;          // Of those sent.
  uint64_t timeouts;
  uint64_t malformed;       // Not an NTP message.
  uint64_t stray;           // From somebody who was not asked, or when nothing was asked.
  uint64_t bad_origin;      // Does not bring back our number.
  uint64_t bad_mode;        // Mode, version, or no transmit time.
  uint64_t unsynchronised;  // Leap 3, or a stratum that is none.
  uint64_t bad_distance;    // Root delay or dispersion, or times that run backwards.
  uint64_t kisses;
} so_sntp_stats;

typedef struct so_sntp_server {
  so_endpoint at;
  bool denied;                // It asked not to be asked again.
  uint64_t not_before_ns;     // It asked for fewer requests.
  uint32_t interval_s;        // Between requests to it.
} so_sntp_server;

typedef struct so_sntp_sample {
  int64_t offset_ns;  // Wall clock = monotonic clock + offset.
  uint64_t delay_ns;  // Of the round trip: the offset is right to half of it.
  uint64_t at_ns;     // Monotonic.
  uint8_t stratum;
  uint8_t leap;       // 1: the last minute of the day has 61 seconds, 2: 59.
  so_endpoint server;
} so_sntp_sample;

typedef struct so_sntp {
  so_sntp_server servers[SO_SNTP_SERVERS_MAX];
  uint8_t server_count;
  uint8_t current;
  bool waiting;     // For the answer to the request below.
  bool has_sample;
  bool fresh;       // The sample was not taken yet.
  uint8_t failures; // In a row, at most 255.
  int64_t not_before_unix_s;
  uint64_t nonce;
  uint64_t sent_ns;
  uint64_t deadline_ns;
  so_sntp_sample sample;
  so_rng rng;
  so_sntp_stats stats;
  uint8_t request[SO_SNTP_LEN];
} so_sntp;

// so_sntp_init sets up a client of the first SO_SNTP_SERVERS_MAX servers. Without any it stays
// silent.
void so_sntp_init(so_sntp *c, const so_endpoint *servers, size_t count,
                  const uint8_t seed[SO_RNG_SEED_LEN], int64_t not_before_unix_s, uint64_t now_ns);

// so_sntp_deadline is when so_sntp_tick wants to be called; UINT64_MAX: never.
uint64_t so_sntp_deadline(const so_sntp *c);

// so_sntp_tick does what is due. True: send `*out_request` (a view until the next call) to
// `*out_to`, from a port that is new each time.
bool so_sntp_tick(so_sntp *c, uint64_t now_ns, so_endpoint *out_to, so_bytes *out_request);

// so_sntp_input takes a datagram that came at `now_ns`. OK: there is a new sample. NOT_FOUND: not
// an answer to what was asked, still waiting. DENIED (a kiss) or CONFLICT (a check failed): another
// server is asked next.
SO_MUST_USE so_status so_sntp_input(so_sntp *c, const so_endpoint *from, so_bytes message,
                                    uint64_t now_ns);

// so_sntp_set_servers replaces the servers. What is known of one that stays (that it does not want
// to be asked, or less often) is kept; an answer that is awaited is still taken when its server
// stays. What a server said is thus not forgotten because names were looked up again.
void so_sntp_set_servers(so_sntp *c, const so_endpoint *servers, size_t count, uint64_t now_ns);

// so_sntp_unsent: the request could not be sent (no address yet, no memory). The same server is
// asked again in a second, and it is no failure of the server's.
void so_sntp_unsent(so_sntp *c, uint64_t now_ns);

// so_sntp_doubt: the owner does not believe the last sample. Another server, or the same one where
// there is no other, is asked in about SO_SNTP_DOUBT_S.
void so_sntp_doubt(so_sntp *c, uint64_t now_ns);

// so_sntp_sample_take gives the newest sample once. False: none since the last call.
bool so_sntp_sample_take(so_sntp *c, so_sntp_sample *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_SNTP_SNTP_H_
