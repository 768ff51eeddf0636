#ifndef SO_TESTS_SUPPORT_SUPPORT_H_
#define SO_TESTS_SUPPORT_SUPPORT_H_

// What every test of a pure library uses: bytes on a guard page, a heap, status expectations.

#include <gtest/gtest.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"

namespace so_test {

// Bytes placed so that reading one past the end faults.
class Guarded {
 public:
  Guarded(const void *p, size_t n) : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    body_ = (n + page_ - 1) / page_ * page_;
    map_ = static_cast<uint8_t *>(mmap(nullptr, body_ + page_, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(map_ + body_, page_, PROT_NONE);
    if (n != 0) {
      memcpy(map_ + body_ - n, p, n);
    }
    view_ = so_bytes_of(map_ + body_ - n, n);
  }
  explicit Guarded(const std::string &s) : Guarded(s.data(), s.size()) {}
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;
  ~Guarded() { munmap(map_, body_ + page_); }
  so_bytes view() const { return view_; }

 private:
  size_t page_;
  size_t body_;
  uint8_t *map_;
  so_bytes view_;
};

inline void *MallocResize(void *, void *ptr, size_t, size_t new_len) {
  if (new_len == 0) {
    free(ptr);
    return nullptr;
  }
  return realloc(ptr, new_len);
}

// The host's malloc as an so_heap.
inline const so_heap *Heap() {
  static const so_heap heap = {MallocResize, nullptr};
  return &heap;
}

inline std::string Text(so_bytes b) {
  return b.len == 0 ? std::string() : std::string(reinterpret_cast<const char *>(b.ptr), b.len);
}

// Borrows `s`.
inline so_bytes View(const std::string &s) { return so_bytes_of(s.data(), s.size()); }

}  // namespace so_test

#define SO_EXPECT_OK(expr)                                                           \
  do {                                                                               \
    const so_status s_ = (expr);                                                     \
    EXPECT_TRUE(so_ok(s_)) << so_code_name((so_code)s_.code) << ":" << s_.detail;    \
  } while (0)

#define SO_ASSERT_OK(expr)                                                           \
  do {                                                                               \
    const so_status s_ = (expr);                                                     \
    ASSERT_TRUE(so_ok(s_)) << so_code_name((so_code)s_.code) << ":" << s_.detail;    \
  } while (0)

#define SO_EXPECT_CODE(want, expr)                                                   \
  do {                                                                               \
    const so_status s_ = (expr);                                                     \
    EXPECT_STREQ(so_code_name(want), so_code_name((so_code)s_.code));                \
  } while (0)

#endif  // SO_TESTS_SUPPORT_SUPPORT_H_
