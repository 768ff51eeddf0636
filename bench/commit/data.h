#ifndef SO_BENCH_COMMIT_DATA_H_
#define SO_BENCH_COMMIT_DATA_H_

// The same keys and values for both sides, and clocks.

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bench {

constexpr size_t kValueLen = 100;

// Ascending with `i`: 1,000 directories of 10 directories of 100 files when there are a million.
inline std::string KeyOf(uint32_t i) {
  char key[64];
  snprintf(key, sizeof key, "src/module%03u/part%02u/file%07u.c", i / 1000 % 1000, i / 100 % 10, i);
  return key;
}

// Half like text, half that does not compress.
inline void Fill(uint64_t i, uint64_t generation, char out[kValueLen]) {
  memset(out, ' ', kValueLen);
  const int len = snprintf(out, 50, "file %llu as of commit %llu", (unsigned long long)i,
                           (unsigned long long)generation);
  uint64_t v = i * 1000003 + generation;
  for (size_t at = (size_t)len; at < kValueLen; at++) {
    v = v * 6364136223846793005u + 1442695040888963407u;
    out[at] = at < 50 ? ' ' : (char)(v >> 56);
  }
}

inline double Seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}
inline double Wall() { return Seconds(CLOCK_MONOTONIC); }
inline double Cpu() { return Seconds(CLOCK_PROCESS_CPUTIME_ID); }

inline double Median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : v[v.size() / 2];
}

}  // namespace bench

#endif  // SO_BENCH_COMMIT_DATA_H_
