#ifndef SO_STORE_DIFF3_INTERNAL_H_
#define SO_STORE_DIFF3_INTERNAL_H_

// Texts as arrays of line numbers: equal lines of all texts in a comparison have the same number.

#include "base/heap.h"
#include "store/diff3/diff3.h"

#define SO_TEXTS_MAX 3

typedef struct so_text {
  so_bytes bytes;
  uint32_t *starts;  // count + 1 offsets: where each line begins, and the end of the text.
  uint32_t *ids;     // count numbers.
  uint32_t count;
} so_text;

typedef struct so_texts {
  const so_heap *heap;
  so_text items[SO_TEXTS_MAX];
  size_t count;
  uint32_t id_count;  // Numbers in use are below it.
} so_texts;

// so_texts_open splits and numbers `count` texts. LIMIT. On failure there is nothing to release.
SO_MUST_USE so_status so_texts_open(const so_bytes *texts, size_t count, const so_heap *heap,
                                    so_texts *out);
void so_texts_release(so_texts *texts);

// so_text_lines views `count` lines from line `start`.
so_bytes so_text_lines(const so_text *text, uint32_t start, uint32_t count);

// so_texts_hunks finds the hunks between two of the texts.
SO_MUST_USE so_status so_texts_hunks(const so_texts *texts, size_t a, size_t b, so_hunks *out);

#endif  // SO_STORE_DIFF3_INTERNAL_H_
