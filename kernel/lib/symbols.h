#ifndef SO_KERNEL_LIB_SYMBOLS_H_
#define SO_KERNEL_LIB_SYMBOLS_H_

// A table of function names, small enough to ship inside an image, so that a crash report can be read
// without anything else. One entry a function, ascending:
//
//   offset from the function before (the first: from the start of the image), as a varint
//   count of the words that follow, one byte
//   words of 16 bits, little-endian, of three characters each: c0 + 40 * c1 + 1600 * c2
//   characters: 0 end, 1-26 a-z, 27-36 0-9, 37 '_', 38 the three letters "so_", 39 any other ('?')
//
// Capitals become small letters. About 12 bytes a function.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SYMBOLS_NAME_MAX 45  // Characters kept of a name, "so_" counting once.

// so_symbols_put writes the entry of a function `distance` bytes after the one before.
void so_symbols_put(so_writer *w, uint64_t distance, so_bytes name);

// so_symbols_find gives the name of the function at or before `off`, its length, and how far `off` is into
// it. 0: none, or the table is damaged before it. A name that does not fit is cut.
size_t so_symbols_find(so_bytes table, uint64_t off, uint8_t *out, size_t cap, uint64_t *out_into);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_LIB_SYMBOLS_H_
