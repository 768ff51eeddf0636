#ifndef SO_TLS_ENGINE_TESTING_STATES_H_
#define SO_TLS_ENGINE_TESTING_STATES_H_

// A machine in each state of the handshake, to be forked, and ways to say anything to it.

#include <map>

#include "tls/engine/testing.h"

namespace so_test {

// Gives `victim` a record as its peer could make it now: the keys that the victim reads with.
inline bool Inject(Peer *victim, uint8_t type, const std::string &content) {
  Peer fake;
  fake.tls.write = victim->tls.read;
  return victim->Take(Record(&fake, type, content));
}

inline bool InjectMessage(Peer *victim, const std::string &message) {
  return Inject(victim, SO_TLS_CONTENT_HANDSHAKE, message);
}

// The messages of the first protected record in `flight`, opened with the keys of its reader.
inline std::vector<std::string> Open(const Peer &reader, const std::string &flight) {
  std::vector<std::string> out;
  so_tls_record_keys keys = reader.tls.read;
  std::string rest = flight;
  so_tls_record_head head;
  while (so_ok(so_tls_record_head_parse(View(rest), &head))) {
    if (head.type == SO_TLS_CONTENT_DATA) {
      uint8_t type = 0;
      so_bytes content;
      SO_EXPECT_OK(so_tls_record_open(&keys, reinterpret_cast<uint8_t *>(&rest[0]),
                                      head.record_len, SO_TLS_PLAINTEXT_LEN_MAX, &type, &content));
      for (std::string s = Text(content); s.size() >= 4;) {
        const size_t len = 4u + (static_cast<uint8_t>(s[1]) << 16) +
                           (static_cast<uint8_t>(s[2]) << 8) + static_cast<uint8_t>(s[3]);
        out.push_back(s.substr(0, len));
        s.erase(0, len);
      }
      return out;
    }
    rest.erase(0, head.record_len);
  }
  return out;
}

// A machine in each state, and a genuine message of each type.
struct World {
  std::map<int, Peer> states;
  std::map<int, std::string> messages;
};

inline void AddRetryStates(World *w) {
  Peer client = NewClient();
  Peer server = NewServer();
  server.config.groups[0] = SO_TLS_SECP256R1;
  server.config.group_count = 1;
  SO_ASSERT_OK(client.Start());
  server.Take(client.Drain());
  w->states[SO_TLS_SERVER_WAIT_HELLO_AGAIN] = server;
  client.Take(server.Drain());
  w->states[SO_TLS_CLIENT_WAIT_SERVER_HELLO_AGAIN] = client;
}

inline World MakeWorld() {
  World w;
  static const so_tls_ticket_keys keys = TicketKeys();
  Peer client = NewClient();
  Peer server = NewServer();
  server.config.ticket_keys = &keys;
  w.states[SO_TLS_SERVER_WAIT_HELLO] = server;
  EXPECT_TRUE(so_ok(client.Start()));
  const std::string hello = client.Drain();
  w.messages[SO_TLS_CLIENT_HELLO] = hello.substr(SO_TLS_RECORD_HEAD);
  w.states[SO_TLS_CLIENT_WAIT_SERVER_HELLO] = client;
  server.Take(hello);
  w.states[SO_TLS_SERVER_WAIT_FINISHED] = server;
  const std::string flight = server.Drain();
  so_tls_record_head head;
  EXPECT_TRUE(so_ok(so_tls_record_head_parse(View(flight), &head)));
  w.messages[SO_TLS_SERVER_HELLO] =
      flight.substr(SO_TLS_RECORD_HEAD, head.record_len - SO_TLS_RECORD_HEAD);
  client.Take(flight.substr(0, head.record_len));
  const std::vector<std::string> rest = Open(client, flight);
  EXPECT_EQ(rest.size(), 4u);
  const int waiting[] = {SO_TLS_CLIENT_WAIT_EXTENSIONS, SO_TLS_CLIENT_WAIT_CERTIFICATE_OR_REQUEST,
                         SO_TLS_CLIENT_WAIT_VERIFY, SO_TLS_CLIENT_WAIT_FINISHED};
  uint8_t request[64];
  so_writer r = so_writer_of(request, sizeof request);
  so_tls_certificate_request_write(so_bytes_of("\x04\x03", 2), &r);
  w.messages[SO_TLS_CERTIFICATE_REQUEST] = Text(so_writer_bytes(&r));
  for (size_t i = 0; i < 4; i++) {
    w.messages[static_cast<uint8_t>(rest[i][0])] = rest[i];
    EXPECT_EQ(client.tls.state, waiting[i]);
    w.states[waiting[i]] = client;
    if (i == 1) {
      Peer asked = client;
      EXPECT_TRUE(InjectMessage(&asked, w.messages[SO_TLS_CERTIFICATE_REQUEST]));
      w.states[SO_TLS_CLIENT_WAIT_CERTIFICATE] = asked;
    }
    EXPECT_TRUE(InjectMessage(&client, rest[i])) << i;
  }
  w.states[SO_TLS_CLIENT_CONNECTED] = client;
  server.Take(client.Drain());
  w.states[SO_TLS_SERVER_CONNECTED] = server;
  const std::vector<std::string> ticket = Open(client, server.Drain());
  EXPECT_EQ(ticket.size(), 1u);
  w.messages[SO_TLS_NEW_SESSION_TICKET] = ticket[0];
  w.messages[SO_TLS_KEY_UPDATE] = std::string("\x18\x00\x00\x01\x00", 5);
  w.messages[SO_TLS_END_OF_EARLY_DATA] = std::string("\x05\x00\x00\x00", 4);
  AddRetryStates(&w);
  return w;
}

inline const World &TheWorld() {
  static const auto *w = new World(MakeWorld());
  return *w;
}

}  // namespace so_test

#endif  // SO_TLS_ENGINE_TESTING_STATES_H_
