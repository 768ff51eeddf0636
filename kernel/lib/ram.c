#include "kernel/lib/ram.h"

#include "base/assert.h"
#include "base/mem.h"

#define BITS 64u

// --- the tree ---------------------------------------------------------------------------------

static uint32_t longest_of(uint64_t bits) {
  uint32_t n = 0;
  while (bits != 0) {
    bits &= bits << 1;
    n++;
  }
  return n;
}

static so_ram_span leaf_of(uint64_t bits) {
  so_ram_span s = {BITS, BITS, BITS};
  if (bits != UINT64_MAX) {
    s.first = (uint32_t)__builtin_ctzll(~bits);
    s.last = (uint32_t)__builtin_clzll(~bits);
    s.longest = longest_of(bits);
  }
  return s;
}

static uint32_t max_of(uint32_t a, uint32_t b) { return a > b ? a : b; }

// `half` is the pages below each of the two.
static so_ram_span join(so_ram_span low, so_ram_span high, size_t half) {
  so_ram_span s;
  s.first = low.first == half ? (uint32_t)half + high.first : low.first;
  s.last = high.last == half ? (uint32_t)half + low.last : high.last;
  s.longest = max_of(max_of(low.longest, high.longest), low.last + high.first);
  return s;
}

// Brings the tree up to date with the words `low` to `high`.
static void update(so_ram *p, size_t low, size_t high) {
  low += p->leaf_count;
  high += p->leaf_count;
  for (size_t i = low; i <= high; i++) {
    p->spans[i] = leaf_of(p->free_bits[i - p->leaf_count]);
  }
  for (size_t half = BITS; low > 1; half *= 2) {
    low /= 2;
    high /= 2;
    for (size_t i = low; i <= high; i++) {
      p->spans[i] = join(p->spans[2 * i], p->spans[2 * i + 1], half);
    }
  }
}

// The lowest bit that begins a run of `count` within one word that has one.
static size_t first_in_word(uint64_t bits, size_t count) {
  for (size_t n = 1; n < count; n++) {
    bits &= bits >> 1;
  }
  return (size_t)__builtin_ctzll(bits);
}

// The lowest run of `count`, which the root says is there.
static size_t find(const so_ram *p, size_t count) {
  size_t node = 1;
  size_t at = 0;  // The first page below `node`.
  size_t half = p->leaf_count * BITS / 2;
  while (node < p->leaf_count) {
    const so_ram_span *const low = &p->spans[2 * node];
    if (low->longest >= count) {
      node = 2 * node;
    } else if ((size_t)low->last + p->spans[2 * node + 1].first >= count) {
      return at + half - low->last;
    } else {
      node = 2 * node + 1;
      at += half;
    }
    half /= 2;
  }
  return at + first_in_word(p->free_bits[node - p->leaf_count], count);
}

// --- the bits ---------------------------------------------------------------------------------

// The bits of the word `w` that belong to the pages from `first` to before `end`.
static uint64_t mask_of(size_t w, size_t first, size_t end) {
  uint64_t mask = UINT64_MAX;
  if (first > w * BITS) {
    mask &= UINT64_MAX << (first - w * BITS);
  }
  if (end < (w + 1) * BITS) {
    mask &= UINT64_MAX >> ((w + 1) * BITS - end);
  }
  return mask;
}

// Marks pages that must all be the other way now.
static void mark(so_ram *p, size_t first, size_t count, bool free) {
  const size_t end = first + count;
  const size_t low = first / BITS;
  const size_t high = (end - 1) / BITS;
  for (size_t w = low; w <= high; w++) {
    const uint64_t mask = mask_of(w, first, end);
    SO_ASSERT((p->free_bits[w] & mask) == (free ? 0 : mask));
    p->free_bits[w] ^= mask;
  }
  update(p, low, high);
  p->free_count = free ? p->free_count + count : p->free_count - count;
  p->free_min = p->free_count < p->free_min ? p->free_count : p->free_min;
}

static bool all_free(const so_ram *p, size_t first, size_t count) {
  const size_t end = first + count;
  for (size_t w = first / BITS; w <= (end - 1) / BITS; w++) {
    const uint64_t mask = mask_of(w, first, end);
    if ((p->free_bits[w] & mask) != mask) {
      return false;
    }
  }
  return true;
}

// --- life -------------------------------------------------------------------------------------

static bool range_is_whole(const so_ram_range *r) {
  return r->len != 0 && r->base != 0 && r->base % SO_RAM_PAGE_LEN == 0 && r->len % SO_RAM_PAGE_LEN == 0 &&
         r->base <= UINTPTR_MAX - r->len;
}

static bool bounds(so_ram *p, const so_ram_range *ranges, size_t count) {
  uintptr_t end = 0;
  p->base = UINTPTR_MAX;
  for (size_t i = 0; i < count; i++) {
    const so_ram_range *const r = &ranges[i];
    if (!range_is_whole(r)) {
      return false;
    }
    p->base = r->base < p->base ? r->base : p->base;
    end = r->base + r->len > end ? r->base + r->len : end;
  }
  if (count == 0 || (end - p->base) / SO_RAM_PAGE_LEN > UINT32_MAX / 2) {
    return false;
  }
  p->page_count = (end - p->base) / SO_RAM_PAGE_LEN;
  p->leaf_count = 1;
  while (p->leaf_count * BITS < p->page_count) {
    p->leaf_count *= 2;
  }
  return true;
}

so_status so_ram_init(so_ram *p, const so_ram_range *ranges, size_t count) {
  memset(p, 0, sizeof *p);
  if (!bounds(p, ranges, count)) {
    return so_status_make(SO_LIMIT, 0);
  }
  const size_t bits_len = p->leaf_count * sizeof *p->free_bits;
  const size_t len = bits_len + 2 * p->leaf_count * sizeof *p->spans;
  const size_t own = (len + SO_RAM_PAGE_LEN - 1) / SO_RAM_PAGE_LEN;
  for (size_t i = 0; i < count && p->free_bits == NULL; i++) {
    if (ranges[i].len / SO_RAM_PAGE_LEN >= own) {
      p->free_bits = (uint64_t *)ranges[i].base;
      p->spans = (so_ram_span *)(ranges[i].base + bits_len);
    }
  }
  if (p->free_bits == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  memset(p->free_bits, 0, len);
  for (size_t i = 0; i < count; i++) {
    mark(p, (ranges[i].base - p->base) / SO_RAM_PAGE_LEN, ranges[i].len / SO_RAM_PAGE_LEN, true);
  }
  p->total_count = p->free_count;
  mark(p, ((uintptr_t)p->free_bits - p->base) / SO_RAM_PAGE_LEN, own, false);
  p->free_min = p->free_count;
  return so_done();
}

void *so_ram_take(so_ram *p, size_t count) {
  SO_ASSERT(count != 0);
  if (p->spans[1].longest < count) {
    p->refused_count++;
    return NULL;
  }
  const size_t first = find(p, count);
  mark(p, first, count, false);
  return (void *)(p->base + first * SO_RAM_PAGE_LEN);
}

static size_t number_of(const so_ram *p, const void *run, size_t count) {
  const uintptr_t off = (uintptr_t)run - p->base;
  SO_ASSERT((uintptr_t)run >= p->base && off % SO_RAM_PAGE_LEN == 0 && count != 0);
  const size_t first = off / SO_RAM_PAGE_LEN;
  SO_ASSERT(first < p->page_count && count <= p->page_count - first);
  return first;
}

bool so_ram_extend(so_ram *p, void *run, size_t count, size_t more) {
  const size_t behind = number_of(p, run, count) + count;
  if (more > p->page_count - behind || !all_free(p, behind, more)) {
    return false;
  }
  mark(p, behind, more, false);
  return true;
}

void so_ram_give(so_ram *p, void *run, size_t count) {
  mark(p, number_of(p, run, count), count, true);
}

size_t so_ram_longest(const so_ram *p) { return p->spans[1].longest; }
