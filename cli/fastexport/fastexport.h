#ifndef SO_CLI_FASTEXPORT_FASTEXPORT_H_
#define SO_CLI_FASTEXPORT_FASTEXPORT_H_

// Reading the stream that `git fast-export` writes (git-fast-import(1)): a pull parser that never holds
// more than one line, one message and one piece of data. Pure: bytes come through a port.
//
// Commands read: blob, commit (mark, original-oid, author, committer, encoding, gpgsig, from, merge, and
// the file commands M D R C deleteall), tag, reset, feature, option, progress, checkpoint, done, comments.
// Not read, with UNSUPPORTED: N (notes), ls, cat-blob, get-mark, data with a delimiter, submodules.

#include "base/heap.h"
#include "base/status.h"
#include "store/object/commit.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLI_FX_LINE_LEN_MAX (32u << 10)
#define CLI_FX_MERGES_MAX (SO_PARENTS_MAX - 1)

// Where the stream comes from. `*out_len` 0 is its end.
typedef struct cli_fx_source {
  so_status (*read)(void *ctx, uint8_t *buf, size_t cap, size_t *out_len);
  void *ctx;
} cli_fx_source;

typedef enum cli_fx_type {
  CLI_FX_BLOB,    // Its data comes with cli_fx_data.
  CLI_FX_COMMIT,  // Its files come with cli_fx_file.
  CLI_FX_TAG,
  CLI_FX_RESET,
  CLI_FX_END,
} cli_fx_type;

// What a command points at: a mark (":12"), or a name.
typedef struct cli_fx_target {
  bool is_there;
  uint64_t mark;  // 0: it is `name`.
  so_bytes name;
} cli_fx_target;

typedef struct cli_fx_event {
  cli_fx_type type;
  uint64_t mark;  // 0: none.
  so_bytes ref;   // COMMIT, RESET: full. TAG: short.
  bool has_author;
  so_person author;
  so_person committer;  // TAG: the tagger.
  so_bytes message;
  cli_fx_target from;
  cli_fx_target merges[CLI_FX_MERGES_MAX];
  size_t merge_count;
} cli_fx_event;

typedef enum cli_fx_op {
  CLI_FX_MODIFY,
  CLI_FX_DELETE,
  CLI_FX_RENAME,
  CLI_FX_COPY,
  CLI_FX_DELETE_ALL,
} cli_fx_op;

typedef struct cli_fx_file {
  cli_fx_op op;
  uint32_t mode;       // MODIFY: 0100644, 0100755, 0120000 (octal).
  bool is_inline;      // MODIFY: the data comes with cli_fx_data.
  uint64_t mark;       // MODIFY, not inline.
  so_bytes path;       // RENAME, COPY: the source.
  so_bytes to;         // RENAME, COPY.
} cli_fx_file;

typedef struct cli_fx cli_fx;

// cli_fx_open starts reading. LIMIT: no memory.
SO_MUST_USE so_status cli_fx_open(const so_heap *heap, const cli_fx_source *source, cli_fx **out);
void cli_fx_close(cli_fx *fx);

// cli_fx_next gives the next command; what was not taken of the one before is passed over. Views live
// until the next call of cli_fx_next. MALFORMED, UNSUPPORTED, LIMIT: cli_fx_line says where.
SO_MUST_USE so_status cli_fx_next(cli_fx *fx, cli_fx_event *out);

// cli_fx_file gives the next file command of a commit; NOT_FOUND after the last. Views live until the
// next call on `fx`, but inline data may be read before.
SO_MUST_USE so_status cli_fx_next_file(cli_fx *fx, cli_fx_file *out);

// cli_fx_data gives the next piece of the data at hand; NOT_FOUND after the last.
SO_MUST_USE so_status cli_fx_data(cli_fx *fx, so_bytes *out);

// cli_fx_line is the number of the line being read, from 1 (lines inside data are not counted).
uint64_t cli_fx_line(const cli_fx *fx);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_FASTEXPORT_FASTEXPORT_H_
