// Any certificates as a chain with any anchors. The input is a byte (how many anchors), then
// certificates with 16-bit lengths. What is accepted must still be when the same certificates are
// presented again behind the others, and must not be when there are no anchors.
#include <stdlib.h>

#include <vector>

#include "base/reader.h"
#include "tls/x509/x509.h"

namespace {

constexpr int64_t kNow = 1798761600;  // 2027-01-01, within the validity of the corpus.

so_x509_result Verify(const std::vector<so_bytes> &chain, const std::vector<so_bytes> &anchors) {
  static const so_cpu cpu = so_cpu_portable();
  const so_x509_request request = {&cpu, chain.data(), chain.size(), anchors.data(),
                                   anchors.size(), SO_X509_FOR_SERVER, nullptr, kNow};
  so_x509_result result;
  const so_status s = so_x509_verify(&request, &result);
  if (so_ok(s) != (result.reason == SO_X509_VERIFIED)) abort();
  if (result.reason == SO_X509_NOT_DONE || result.signatures > SO_X509_SIGNATURES_MAX) abort();
  if (!so_ok(s) && (s.detail != result.reason || result.key.len != 0)) abort();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_reader r = so_reader_of(so_bytes_of(data, len));
  uint8_t anchor_count;
  if (!so_read_u8(&r, &anchor_count)) return 0;
  std::vector<so_bytes> chain, anchors;
  so_reader sub;
  while (r.len > 0 && chain.size() < SO_X509_CHAIN_COUNT_MAX / 2 && so_read_sub16(&r, &sub)) {
    (anchors.size() < anchor_count ? anchors : chain).push_back(so_reader_rest(&sub));
  }
  const so_x509_result result = Verify(chain, anchors);
  if (result.reason != SO_X509_VERIFIED) return 0;
  if (Verify(chain, {}).reason == SO_X509_VERIFIED) abort();
  std::vector<so_bytes> twice = chain;
  twice.insert(twice.end(), chain.begin(), chain.end());
  if (Verify(twice, anchors).reason != SO_X509_VERIFIED) abort();
  return 0;
}
