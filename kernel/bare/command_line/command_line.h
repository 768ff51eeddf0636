#ifndef SO_KERNEL_BARE_COMMAND_LINE_COMMAND_LINE_H_
#define SO_KERNEL_BARE_COMMAND_LINE_COMMAND_LINE_H_

// The command line of a machine: settings of the platform and arguments of the program, in one text.
//
//   ip=192.0.2.10/24 gw=192.0.2.1 data=xvda -- --listen 0.0.0.0:80 --title "two words"
//
// Words stand between blanks; between double or single quotes a blank belongs to the word. Before the word
// `--` a word KEY=VALUE whose key is in the table below is a setting; all else, and all after `--`, are
// the program's, but virtio_mmio.device=, which QEMU adds at the very end. There is no other escape. Nothing is lost: a word that is neither goes to the program,
// which says that it does not know it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_COMMAND_LINE_LEN_MAX 4096u
#define SO_COMMAND_LINE_WORDS_MAX 128u

typedef enum so_setting {
  // The network's, which net/host parses.
  SO_SETTING_IP = 0,
  SO_SETTING_GW,
  SO_SETTING_DNS,
  SO_SETTING_SEARCH,
  SO_SETTING_NTP,
  SO_SETTING_IPV6,
  SO_SETTING_HOSTNAME,
  SO_SETTING_PAGES,
  SO_SETTING_CONNECTIONS,
  SO_SETTING_CONGESTION,
  // The platform's own.
  SO_SETTING_DATA,    // The disk that a program means by `data`.
  SO_SETTING_SEED,    // 64 hexadecimal digits that go into the entropy pool.
  SO_SETTING_SEED_DISK,  // The disk that keeps a seed from one start to the next.
  SO_SETTING_STACK,   // KiB of a fiber's stack.
  SO_SETTING_LOG,     // `debug`: what the machine found and used, too.
  SO_SETTING_DEVICE,  // virtio_mmio.device=: the device family reads it by itself.
} so_setting;
#define SO_SETTING_COUNT 16
#define SO_SETTING_NETWORK_COUNT 10

// so_setting_key names a setting, without '='.
const char *so_setting_key(so_setting s);

typedef struct so_command_line_word {
  so_setting setting;
  so_bytes value;
} so_command_line_word;

typedef struct so_command_line {
  so_command_line_word settings[SO_COMMAND_LINE_WORDS_MAX];
  size_t setting_count;
  const char *argv[SO_COMMAND_LINE_WORDS_MAX + 2];  // argv[0] is left for the caller; ends with NULL.
  int argc;                                         // At least 1.
  size_t used;                                      // Bytes of `text`.
  uint8_t text[SO_COMMAND_LINE_LEN_MAX + SO_COMMAND_LINE_WORDS_MAX];  // The words, terminated.
} so_command_line;

// so_command_line_init makes an empty one.
void so_command_line_init(so_command_line *c);

// so_command_line_add adds the words of `line`. `has_settings` false: all are the program's. MALFORMED: a
// quote that is not closed, or a NUL. LIMIT: too long, or too many words. `*out_bad` then views what is
// wrong; what came before was added.
SO_MUST_USE so_status so_command_line_add(so_command_line *c, so_bytes line, bool has_settings,
                                          so_bytes *out_bad);

// so_command_line_set adds a setting whose value stands elsewhere, unless there is one already. LIMIT.
SO_MUST_USE so_status so_command_line_set(so_command_line *c, so_setting s, so_bytes value);

// so_command_line_get finds the last value of a setting; false: there is none.
bool so_command_line_get(const so_command_line *c, so_setting s, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_BARE_COMMAND_LINE_COMMAND_LINE_H_
