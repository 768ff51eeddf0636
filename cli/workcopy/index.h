#ifndef SO_CLI_WORKCOPY_INDEX_H_
#define SO_CLI_WORKCOPY_INDEX_H_

// The index: for each file, what stat said when its content was last read, and the tag of the entry
// that it was then. A file whose stat is the same need not be read again. It is a cache: lost or
// damaged, it is built anew.
//
// Racy files: one that was changed in the same instant in which the index was written could keep its
// stat. Entries whose time is not before the index's own are therefore never believed.

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/heap.h"
#include "store/object/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cli_index_entry {
  so_bytes path;  // In the index's own memory.
  int64_t mtime_ns;
  int64_t ctime_ns;
  uint64_t inode;
  uint64_t size;
  uint32_t mode;  // st_mode.
  so_oid tag;     // so_entry_tag of what the file held.
} cli_index_entry;

typedef struct cli_index {
  so_arena arena;
  cli_index_entry *entries;  // By path.
  size_t count;
  size_t cap;
  int64_t written_ns;
} cli_index;

// cli_index_init sets up an empty index; cli_index_release gives its memory back.
void cli_index_init(cli_index *index, const so_heap *heap);
void cli_index_release(cli_index *index);

// cli_index_load reads the file; when it is not there or damaged the index is empty.
void cli_index_load(cli_index *index, const char *file);

// cli_index_save writes it atomically. IO, LIMIT.
SO_MUST_USE so_status cli_index_save(cli_index *index, const char *file, const so_heap *heap);

// cli_index_find returns the entry of a path, or NULL.
const cli_index_entry *cli_index_find(const cli_index *index, so_bytes path);

// cli_index_fresh: is the file, as stat says it is now, what the entry saw?
bool cli_index_fresh(const cli_index *index, const cli_index_entry *entry,
                     const struct stat *now);

// cli_index_add appends an entry; paths must come in ascending order (a new index is built by a scan
// that goes in that order). LIMIT.
SO_MUST_USE so_status cli_index_add(cli_index *index, so_bytes path, const struct stat *s,
                                    const so_oid *tag);

#ifdef __cplusplus
}
#endif
#endif  // SO_CLI_WORKCOPY_INDEX_H_
