#ifndef SO_CLI_DEPLOY_XEN_H_
#define SO_CLI_DEPLOY_XEN_H_

// A guest of Xen that is stored: its settings, checked, as a configuration for xl, and what to do with
// that. Text in, text out; cli/commands/deploy.c does the rest.

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLI_XEN_MEMORY_MIN_MIB 32
#define CLI_XEN_MEMORY_MAX_MIB 65536

// All views, NUL-terminated, never NULL unless it says so.
typedef struct cli_xen_guest {
  const char *name;    // Of the domain, and of the files.
  const char *kernel;  // The image, as the Xen host has it: an absolute path.
  const char *disk;    // A block device or a file of the Xen host: an absolute path.
  const char *bridge;
  const char *mac;
  const char *ip;         // "dhcp" or ADDRESS/LENGTH.
  const char *ip6;        // ADDRESS/LENGTH, or NULL.
  const char *gw;         // NULL: none; DHCP tells.
  const char *dns;        // NULL: none; DHCP tells.
  const char *host_name;  // For the certificate, or NULL.
  const char *arch;       // Of the image: "x86_64", "arm64" or "armv7".
  // Where the processor may have no random numbers: the first seed, 64 hexadecimal digits, and the disk that keeps
  // those of later starts, as the Xen host has it. Both NULL: it has.
  const char *seed;
  const char *seed_disk;
  uint64_t memory_mib;
  uint64_t port;
  bool public_read;
} cli_xen_guest;

// cli_xen_check looks at every setting. MALFORMED: `why`, an empty buffer, says what is wrong with which
// and what would be right.
SO_MUST_USE so_status cli_xen_check(const cli_xen_guest *guest, so_buf *why);

// cli_xen_needs_seed: ARM's processors need no generator, and most boards have none.
bool cli_xen_needs_seed(const char *arch);

// cli_xen_config appends the configuration for `xl create`. The guest must have passed cli_xen_check.
void cli_xen_config(const cli_xen_guest *guest, so_buf *out);

// cli_xen_url appends the server's address as `storectl login` takes it; with DHCP and without a name,
// ADDRESS stands for what the guest prints.
void cli_xen_url(const cli_xen_guest *guest, so_buf *out);

// cli_xen_steps appends what is to be done with the configuration in `file`.
void cli_xen_steps(const cli_xen_guest *guest, const char *file, so_buf *out);

// cli_xen_mac writes an address for the guest's network card out of three random bytes: locally
// assigned by the prefix that belongs to Xen.
#define CLI_XEN_MAC_LEN 18
void cli_xen_mac(const uint8_t random[3], char out[CLI_XEN_MAC_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_DEPLOY_XEN_H_
