// The functions that a compiler calls without being asked, for images: there is no libc to give them.
//
// Vectors of 16 bytes are in the baseline of every target (SSE2, NEON) and may be unaligned, so one
// loop serves all processors. String instructions are left alone: they start slowly, and an emulator
// carries them out byte by byte. Lengths below 16 are two overlapping moves.

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

typedef uint8_t vec __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t word8 __attribute__((aligned(1), may_alias));
typedef uint32_t word4 __attribute__((aligned(1), may_alias));
typedef uint16_t word2 __attribute__((aligned(1), may_alias));

#define AT(type, p, off) (*(type *)((uint8_t *)(p) + (off)))
#define FROM(type, p, off) (*(const type *)((const uint8_t *)(p) + (off)))

// All loads come before all stores, so it does for overlapping ranges too.
static inline void move_short(void *dst, const void *src, size_t n) {
  if (n >= 8) {
    const uint64_t head = FROM(word8, src, 0);
    const uint64_t tail = FROM(word8, src, n - 8);
    AT(word8, dst, 0) = head;
    AT(word8, dst, n - 8) = tail;
  } else if (n >= 4) {
    const uint32_t head = FROM(word4, src, 0);
    const uint32_t tail = FROM(word4, src, n - 4);
    AT(word4, dst, 0) = head;
    AT(word4, dst, n - 4) = tail;
  } else if (n >= 2) {
    const uint16_t head = FROM(word2, src, 0);
    const uint16_t tail = FROM(word2, src, n - 2);
    AT(word2, dst, 0) = head;
    AT(word2, dst, n - 2) = tail;
  } else if (n == 1) {
    AT(uint8_t, dst, 0) = FROM(uint8_t, src, 0);
  }
}

// n >= 16; `dst` is below `src`, or they do not overlap.
static inline void move_up(void *dst, const void *src, size_t n) {
  const vec tail = FROM(vec, src, n - 16);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const vec a = FROM(vec, src, i);
    const vec b = FROM(vec, src, i + 16);
    const vec c = FROM(vec, src, i + 32);
    const vec d = FROM(vec, src, i + 48);
    AT(vec, dst, i) = a;
    AT(vec, dst, i + 16) = b;
    AT(vec, dst, i + 32) = c;
    AT(vec, dst, i + 48) = d;
  }
  for (; i + 16 < n; i += 16) {
    AT(vec, dst, i) = FROM(vec, src, i);
  }
  AT(vec, dst, n - 16) = tail;
}

static inline void move_down(void *dst, const void *src, size_t n) {
  const vec head = FROM(vec, src, 0);
  size_t i = n;
  for (; i >= 64; i -= 64) {
    const vec a = FROM(vec, src, i - 16);
    const vec b = FROM(vec, src, i - 32);
    const vec c = FROM(vec, src, i - 48);
    const vec d = FROM(vec, src, i - 64);
    AT(vec, dst, i - 16) = a;
    AT(vec, dst, i - 32) = b;
    AT(vec, dst, i - 48) = c;
    AT(vec, dst, i - 64) = d;
  }
  for (; i > 16; i -= 16) {
    AT(vec, dst, i - 16) = FROM(vec, src, i - 16);
  }
  AT(vec, dst, 0) = head;
}

void *memcpy(void *dst, const void *src, size_t n) {
  if (n < 16) {
    move_short(dst, src, n);
  } else {
    move_up(dst, src, n);
  }
  return dst;
}

void *memmove(void *dst, const void *src, size_t n) {
  if (n < 16) {
    move_short(dst, src, n);
  } else if ((uintptr_t)dst - (uintptr_t)src >= n) {
    move_up(dst, src, n);
  } else {
    move_down(dst, src, n);
  }
  return dst;
}

void *memset(void *dst, int c, size_t n) {
  const uint8_t byte = (uint8_t)c;
  if (n < 16) {
    volatile uint8_t *const p = dst;  // Or the compiler makes a call of memset of it.
    for (size_t i = 0; i < n; i++) {
      p[i] = byte;
    }
    return dst;
  }
  const vec v = (vec){0} + byte;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    AT(vec, dst, i) = v;
    AT(vec, dst, i + 16) = v;
    AT(vec, dst, i + 32) = v;
    AT(vec, dst, i + 48) = v;
  }
  for (; i + 16 < n; i += 16) {
    AT(vec, dst, i) = v;
  }
  AT(vec, dst, n - 16) = v;
  return dst;
}

int memcmp(const void *a, const void *b, size_t n) {
  size_t i = 0;
  while (i + 8 <= n && FROM(word8, a, i) == FROM(word8, b, i)) {
    i += 8;
  }
  for (; i < n; i++) {
    const int difference = FROM(uint8_t, a, i) - FROM(uint8_t, b, i);
    if (difference != 0) {
      return difference;
    }
  }
  return 0;
}
