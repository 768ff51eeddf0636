#ifndef SO_CLI_CORE_CLI_H_
#define SO_CLI_CORE_CLI_H_

// What every command of storectl has: the world, the options that all commands take, how to print,
// how to fail. storectl is a program for hosts: it uses files and standard streams directly, and the
// pure libraries for everything else.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/json.h"
#include "base/status.h"
#include "kernel/ports/world.h"
#include "store/object/commit.h"
#include "store/object/object.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLI_VERSION "0.1.0"

// Exit codes: part of the interface, documented in `storectl help`.
typedef enum cli_exit {
  CLI_DONE = 0,
  CLI_DIFFERENT = 1,  // Differences, or conflicts to settle.
  CLI_USAGE = 2,
  CLI_REFUSED = 3,    // By the server, or by a rule that protects data.
  CLI_DAMAGED = 4,
  CLI_NETWORK = 5,
} cli_exit;

typedef struct cli {
  const so_world *world;
  const so_heap *heap;
  int argc;  // The arguments after the command's name, options of `cli_options` taken out.
  char **argv;
  bool json;      // --json
  bool quiet;     // -q: no progress, no hints
  bool progress;  // A person watches standard error.
  const char *cacert;
  const char *token_file;
  const char *fingerprint;
} cli;

// --- failing --------------------------------------------------------------------------------

// cli_fail prints "storectl: " and the message on standard error and returns `code`. The message
// says what to do next.
__attribute__((format(printf, 2, 3))) int cli_fail(cli_exit code, const char *format, ...);

// cli_fail_status explains a status of the store about `what`, and returns the exit code for it.
int cli_fail_status(so_status status, const char *what);

// cli_note prints a hint on standard error, unless -q.
__attribute__((format(printf, 2, 3))) void cli_note(const cli *c, const char *format, ...);

// --- arguments ------------------------------------------------------------------------------

typedef struct cli_option {
  const char *name;    // "--message"
  char letter;         // 'm', or 0
  const char **value;  // Where the value goes; or
  bool *flag;          // what is set.
} cli_option;

// cli_options takes the options out of c->argv, wherever they stand; "--" ends them. What is left is
// positional. Returns CLI_DONE, or CLI_USAGE after saying why.
int cli_options(cli *c, const cli_option *options, size_t count);

// cli_want checks the number of positional arguments.
int cli_want(const cli *c, int least, int most, const char *usage);

// --- printing -------------------------------------------------------------------------------

// cli_print writes bytes on standard output.
void cli_print(so_bytes text);
__attribute__((format(printf, 1, 2))) void cli_printf(const char *format, ...);

// cli_hex writes an oid as 64 digits and a NUL.
#define CLI_HEX_LEN (2 * SO_OID_LEN + 1)
void cli_hex(const so_oid *oid, char out[CLI_HEX_LEN]);

// cli_time writes RFC 3339 text and a NUL.
#define CLI_TIME_LEN 32
void cli_time(int64_t time_ms, int16_t zone_minutes, char out[CLI_TIME_LEN]);

// JSON answers: begin, write members, end (which prints it with a newline).
typedef struct cli_json {
  so_buf buf;
  so_json_writer w;
} cli_json;
void cli_json_begin(const cli *c, cli_json *j);
void cli_json_end(cli_json *j);
void cli_json_oid(so_json_writer *w, const char *name, const so_oid *oid);
void cli_json_person(so_json_writer *w, const char *name, const so_person *person);
void cli_json_text(so_json_writer *w, const char *name, const char *text);

// --- progress -------------------------------------------------------------------------------

typedef struct cli_progress {
  const cli *c;
  const char *what;
  uint64_t shown_ns;
  bool shown;
} cli_progress;

// cli_progress_begin names a long work; cli_progress_update redraws its line now and then (`total` 0:
// not known); cli_progress_end clears it. All do nothing unless a terminal watches.
void cli_progress_begin(cli_progress *p, const cli *c, const char *what);
void cli_progress_update(cli_progress *p, uint64_t done, uint64_t total, uint64_t bytes);
void cli_progress_end(cli_progress *p);

// --- people ---------------------------------------------------------------------------------

// cli_person is who the user is, now: $STORECTL_USER, or USER@host. The view lives as long as the
// program.
so_person cli_person(const cli *c);

int64_t cli_now_ms(const cli *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_CORE_CLI_H_
