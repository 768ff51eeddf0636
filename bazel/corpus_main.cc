// Replays a corpus through a fuzz target: each file as it is, every truncation of the small
// ones, and a fixed number of seeded mutations. Bounded, deterministic, no libFuzzer needed.

#include <stdint.h>
#include <stdio.h>

#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

namespace {
constexpr size_t kTruncateBelow = 4096;
constexpr int kMutationsPerFile = 400;

uint64_t Next(uint64_t *state) {  // splitmix64
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void RunOne(const std::vector<uint8_t> &in) {
  // A copy of exact size, so that AddressSanitizer sees every over-read.
  std::vector<uint8_t> exact(in.begin(), in.end());
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void Mutate(std::vector<uint8_t> *bytes, uint64_t *rng) {
  static const uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  const uint64_t edits = 1 + Next(rng) % 4;
  for (uint64_t i = 0; i < edits && !bytes->empty(); i++) {
    const size_t at = Next(rng) % bytes->size();
    switch (Next(rng) % 4) {
      case 0:
        (*bytes)[at] = static_cast<uint8_t>((*bytes)[at] ^ (1u << (Next(rng) % 8)));
        break;
      case 1:
        (*bytes)[at] = kEdges[Next(rng) % sizeof kEdges];
        break;
      case 2:
        bytes->erase(bytes->begin() + static_cast<long>(at));
        break;
      default:
        bytes->insert(bytes->begin() + static_cast<long>(at), static_cast<uint8_t>(Next(rng)));
        break;
    }
  }
}

void RunFile(const std::vector<uint8_t> &in, uint64_t seed) {
  RunOne(in);
  for (size_t n = 0; in.size() <= kTruncateBelow && n < in.size(); n++) {
    RunOne(std::vector<uint8_t>(in.begin(), in.begin() + static_cast<long>(n)));
  }
  uint64_t rng = seed;
  for (int i = 0; i < kMutationsPerFile; i++) {
    std::vector<uint8_t> copy = in;
    Mutate(&copy, &rng);
    RunOne(copy);
  }
}
}  // namespace

int main(int argc, char **argv) {
  int files = 0;
  for (int i = 1; i < argc; i++) {
    std::ifstream in(argv[i], std::ios::binary);
    if (!in) {
      fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(in), {}};
    RunFile(bytes, static_cast<uint64_t>(i));
    files++;
  }
  if (files == 0) {
    fprintf(stderr, "no corpus file given: this run would prove nothing\n");
    return 1;
  }
  printf("%d corpus files replayed\n", files);
  return 0;
}
