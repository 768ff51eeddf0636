#include "kernel/lib/page_heap.h"

#include "base/assert.h"
#include "base/mem.h"

#define HEADER_LEN 48u
#define POISON 0xdb

// What fits into a page behind its header once, twice, ... with little left over. Multiples of 16.
static const uint16_t sizes[SO_PAGE_HEAP_SIZES] = {
    16,  32,  48,  64,  80,  96,  112, 128, 144, 160,  176,  192, 224,
    256, 288, 336, 400, 448, 496, 576, 672, 800, 1008, 1344, 2016};

typedef struct so_page_heap_page page;

// In front of the pieces of a page.
struct so_page_heap_page {
  uint64_t mark;
  page *next;  // In the list of pages that have a free piece.
  page *prev;
  struct piece *free;
  uint16_t size_index;
  uint16_t used_count;
  uint16_t cut_count;  // Pieces beyond it were never taken; they are not in `free`.
  uint16_t piece_count;
};
_Static_assert(sizeof(page) <= HEADER_LEN, "the header of a page of pieces");

typedef struct piece {
  struct piece *next;
  uint64_t mark;  // Says that it is free.
} piece;

static uint64_t mark_of(const so_page_heap *h, const void *p) {
  return h->secret ^ ((uint64_t)(uintptr_t)p * UINT64_C(0x9e3779b97f4a7c15));
}

static unsigned index_of(size_t len) {
  if (len <= 192) {
    return len == 0 ? 0 : (unsigned)((len - 1) / 16);
  }
  unsigned i = 12;
  while (sizes[i] < len) {
    i++;
  }
  return i;
}

static size_t pages_of(size_t len) { return len / SO_RAM_PAGE_LEN + (len % SO_RAM_PAGE_LEN != 0); }

// --- pages ------------------------------------------------------------------------------------

static bool may_hold(so_page_heap *h, size_t more) {
  return h->page_max == 0 || (more <= h->page_max && h->page_count <= h->page_max - more);
}

static void hold(so_page_heap *h, size_t more) {
  h->page_count += more;
  h->page_count_max = h->page_count > h->page_count_max ? h->page_count : h->page_count_max;
}

static void *take_pages(so_page_heap *h, size_t count) {
  void *const run = may_hold(h, count) ? so_ram_take(h->pages, count) : NULL;
  if (run != NULL) {
    hold(h, count);
  }
  return run;
}

static void give_pages(so_page_heap *h, void *run, size_t count) {
  so_ram_give(h->pages, run, count);
  h->page_count -= count;
}

// --- pieces -----------------------------------------------------------------------------------

static void list_add(so_page_heap *h, page *p) {
  page **const head = &h->partial[p->size_index];
  p->next = *head;
  p->prev = NULL;
  if (*head != NULL) {
    (*head)->prev = p;
  }
  *head = p;
}

static void list_remove(so_page_heap *h, page *p) {
  if (p->next != NULL) {
    p->next->prev = p->prev;
  }
  if (p->prev != NULL) {
    p->prev->next = p->next;
  } else {
    h->partial[p->size_index] = p->next;
  }
}

static page *new_page(so_page_heap *h, unsigned index) {
  page *const p = take_pages(h, 1);
  if (p != NULL) {
    memset(p, 0, sizeof *p);
    p->mark = mark_of(h, p);
    p->size_index = (uint16_t)index;
    p->piece_count = (uint16_t)((SO_RAM_PAGE_LEN - HEADER_LEN) / sizes[index]);
    list_add(h, p);
  }
  return p;
}

static void *take_piece(so_page_heap *h, unsigned index) {
  page *p = h->partial[index];
  if (p == NULL) {
    p = new_page(h, index);
    if (p == NULL) {
      return NULL;
    }
  }
  SO_ASSERT(p->mark == mark_of(h, p));
  piece *out = p->free;
  if (out != NULL) {
    SO_ASSERT(out->mark == mark_of(h, out));
    p->free = out->next;
  } else {
    out = (piece *)((uint8_t *)p + HEADER_LEN + (size_t)p->cut_count * sizes[index]);
    p->cut_count++;
  }
  out->mark = 0;  // Also in a new page: it may have been one of pieces before.
  p->used_count++;
  if (p->used_count == p->piece_count) {
    list_remove(h, p);
  }
  return out;
}

// The page of a piece, having made sure that there is such a piece.
static page *page_of(const so_page_heap *h, void *ptr, unsigned index) {
  const uintptr_t at = (uintptr_t)ptr % SO_RAM_PAGE_LEN;
  page *const p = (page *)((uintptr_t)ptr - at);
  SO_ASSERT(p->mark == mark_of(h, p) && p->size_index == index);
  SO_ASSERT(at >= HEADER_LEN && (at - HEADER_LEN) % sizes[index] == 0);
  SO_ASSERT((at - HEADER_LEN) / sizes[index] < p->cut_count && p->used_count != 0);
  SO_ASSERT(((piece *)ptr)->mark != mark_of(h, ptr));  // Given back twice.
  return p;
}

static void give_piece(so_page_heap *h, void *ptr, unsigned index) {
  page *const p = page_of(h, ptr, index);
  piece *const f = ptr;
  if (h->poison) {
    memset(ptr, POISON, sizes[index]);
  }
  f->next = p->free;
  f->mark = mark_of(h, ptr);
  p->free = f;
  if (p->used_count == p->piece_count) {
    list_add(h, p);
  }
  p->used_count--;
  // One empty page stays, so that a piece taken and given back in turn costs no page each time.
  if (p->used_count == 0 && (p->next != NULL || p->prev != NULL)) {
    list_remove(h, p);
    p->mark = 0;
    give_pages(h, p, 1);
  }
}

// --- both -------------------------------------------------------------------------------------

static void *take(so_page_heap *h, size_t len) {
  return len <= SO_PAGE_HEAP_SMALL_MAX ? take_piece(h, index_of(len)) : take_pages(h, pages_of(len));
}

static void give(so_page_heap *h, void *ptr, size_t len) {
  if (len <= SO_PAGE_HEAP_SMALL_MAX) {
    give_piece(h, ptr, index_of(len));
  } else {
    give_pages(h, ptr, pages_of(len));
  }
}

static bool resize_pages(so_page_heap *h, void *ptr, size_t old_count, size_t new_count) {
  if (new_count < old_count) {
    give_pages(h, (uint8_t *)ptr + new_count * SO_RAM_PAGE_LEN, old_count - new_count);
    return true;
  }
  const size_t more = new_count - old_count;
  if (more != 0 && (!may_hold(h, more) || !so_ram_extend(h->pages, ptr, old_count, more))) {
    return false;
  }
  hold(h, more);
  return true;
}

static bool resize_in_place(so_page_heap *h, void *ptr, size_t old_len, size_t new_len) {
  if (old_len > SO_PAGE_HEAP_SMALL_MAX && new_len > SO_PAGE_HEAP_SMALL_MAX) {
    return resize_pages(h, ptr, pages_of(old_len), pages_of(new_len));
  }
  return old_len <= SO_PAGE_HEAP_SMALL_MAX && new_len <= SO_PAGE_HEAP_SMALL_MAX &&
         index_of(old_len) == index_of(new_len);
}

static void *move(so_page_heap *h, void *ptr, size_t old_len, size_t new_len) {
  void *const out = take(h, new_len);
  if (out == NULL) {
    h->refused_count++;
    return NULL;
  }
  if (ptr != NULL) {
    memcpy(out, ptr, old_len < new_len ? old_len : new_len);
    give(h, ptr, old_len);
  }
  return out;
}

static void *resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
  so_page_heap *const h = ctx;
  SO_ASSERT((ptr == NULL) == (old_len == 0));
  void *out = NULL;
  if (new_len == 0) {
    if (ptr != NULL) {
      give(h, ptr, old_len);
    }
  } else {
    out = ptr != NULL && resize_in_place(h, ptr, old_len, new_len) ? ptr
                                                                   : move(h, ptr, old_len, new_len);
    if (out == NULL) {
      return NULL;
    }
  }
  h->used = h->used - old_len + new_len;
  return out;
}

void so_page_heap_init(so_page_heap *h, so_ram *pages, uint64_t secret, size_t page_max) {
  memset(h, 0, sizeof *h);
  h->pages = pages;
  h->secret = secret;
  h->page_max = page_max;
}

so_heap so_page_heap_port(so_page_heap *h) {
  const so_heap heap = {resize, h};
  return heap;
}
