#ifndef SO_TESTS_SIM_XEN_XEN_H_
#define SO_TESTS_SIM_XEN_XEN_H_

// What a front end asks of Xen, on the host: pages, grants and keys; and what a back end gets to
// see.
//
// Pages are separate allocations, filled with kJunk when they are handed out, so AddressSanitizer
// sees every access to one that was given back, and a test sees what was shared without being
// cleared. Misuse (a page given back while granted or mapped, a grant of a page that is not ours)
// is counted in `misuses` and described in `misuse`.

#include <stdint.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kernel/xen/front/front.h"

namespace so_test {

// One folder of xenstore.
class Keys {
 public:
  std::map<std::string, std::string> values;

  so_xen_keys port();
  so_xen_writer writer();
  uint64_t Number(const std::string &key, uint64_t missing = 0) const;
  bool Has(const std::string &key) const { return values.count(key) != 0; }

 private:
  static bool Read(void *ctx, const char *key, so_bytes *out);
  static void Write(void *ctx, const char *key, const char *value);
};

class Xen {
 public:
  static constexpr uint8_t kJunk = 0xa5;
  static constexpr uint32_t kFirstRef = 8;

  ~Xen();
  so_xen_grants grants();

  // A back end's side. NULL: not granted to `domid`, or read-only and `write`. A mapped page cannot
  // be withdrawn; Look is what a hypervisor does when it copies: nothing stays.
  uint8_t *Map(uint16_t domid, uint32_t ref, bool write);
  void Unmap(uint32_t ref);
  uint8_t *Look(uint16_t domid, uint32_t ref, bool write);

  // Resumed elsewhere: another grant table, in which nothing is mapped.
  void Resume();

  size_t granted() const;
  size_t mapped() const;
  size_t pages() const { return pages_.size(); }

  size_t page_max = 100000;
  size_t ref_max = 100000;
  uint64_t grants_made = 0;
  uint64_t ends_made = 0;
  uint64_t ends_refused = 0;
  uint64_t misuses = 0;
  std::string misuse;

 private:
  struct Entry {
    bool active = false;
    uint16_t domid = 0;
    uint8_t *page = nullptr;
    bool read_only = false;
    int mapped = 0;
  };
  void Misuse(const char *what);
  Entry *Find(uint16_t domid, uint32_t ref, bool write);
  static void *Take(void *ctx, size_t count);
  static void Give(void *ctx, void *pages, size_t count);
  static bool Grant(void *ctx, uint16_t domid, void *page, bool read_only, uint32_t *out_ref);
  static bool End(void *ctx, uint32_t ref);

  std::vector<Entry> table_;          // From kFirstRef.
  std::vector<uint32_t> free_refs_;   // Of `table_`.
  std::map<uint8_t *, size_t> pages_;  // Runs that are out.
  size_t page_count_ = 0;
  std::multiset<uint8_t *> granted_;
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_XEN_XEN_H_
