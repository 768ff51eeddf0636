#include "tests/sim/xen/xen.h"

#include <stdlib.h>
#include <string.h>

namespace so_test {

// --- keys -----------------------------------------------------------------------------------

so_xen_keys Keys::port() { return {Read, this}; }
so_xen_writer Keys::writer() { return {Write, this}; }

bool Keys::Read(void *ctx, const char *key, so_bytes *out) {
  Keys *const k = static_cast<Keys *>(ctx);
  const auto found = k->values.find(key);
  if (found == k->values.end()) {
    return false;
  }
  *out = so_bytes_of(found->second.data(), found->second.size());
  return true;
}

void Keys::Write(void *ctx, const char *key, const char *value) {
  Keys *const k = static_cast<Keys *>(ctx);
  if (value == nullptr) {
    k->values.erase(key);
  } else {
    k->values[key] = value;
  }
}

uint64_t Keys::Number(const std::string &key, uint64_t missing) const {
  const auto found = values.find(key);
  return found == values.end() ? missing : strtoull(found->second.c_str(), nullptr, 10);
}

// --- pages ----------------------------------------------------------------------------------

Xen::~Xen() {
  for (const auto &run : pages_) {
    free(run.first);
  }
}

so_xen_grants Xen::grants() { return {Grant, End, this, {Take, Give, this}}; }

void Xen::Misuse(const char *what) {
  misuses++;
  misuse = what;
}

void *Xen::Take(void *ctx, size_t count) {
  Xen *const x = static_cast<Xen *>(ctx);
  if (x->page_count_ + count > x->page_max) {
    return nullptr;
  }
  x->page_count_ += count;
  auto *const p = static_cast<uint8_t *>(aligned_alloc(SO_PAGE_LEN, count * SO_PAGE_LEN));
  memset(p, kJunk, count * SO_PAGE_LEN);
  x->pages_[p] = count;
  return p;
}

void Xen::Give(void *ctx, void *pages, size_t count) {
  Xen *const x = static_cast<Xen *>(ctx);
  auto *const p = static_cast<uint8_t *>(pages);
  const auto found = x->pages_.find(p);
  if (found == x->pages_.end() || found->second != count) {
    x->Misuse("pages given back that were not taken like this");
    return;
  }
  const auto granted = x->granted_.lower_bound(p);
  if (granted != x->granted_.end() && *granted < p + count * SO_PAGE_LEN) {
    x->Misuse("pages given back that are granted");
    return;
  }
  x->page_count_ -= count;
  x->pages_.erase(found);
  free(p);
}

// --- grants ---------------------------------------------------------------------------------

bool Xen::Grant(void *ctx, uint16_t domid, void *page, bool read_only, uint32_t *out_ref) {
  Xen *const x = static_cast<Xen *>(ctx);
  auto *const p = static_cast<uint8_t *>(page);
  auto run = x->pages_.upper_bound(p);
  if (run == x->pages_.begin() || p >= (--run)->first + run->second * SO_PAGE_LEN ||
      reinterpret_cast<uintptr_t>(p) % SO_PAGE_LEN != 0) {
    x->Misuse("a grant of a page that was not taken");
    return false;
  }
  if (x->free_refs_.empty()) {
    if (x->table_.size() >= x->ref_max) {
      return false;
    }
    x->table_.emplace_back();
    x->free_refs_.push_back(static_cast<uint32_t>(x->table_.size() - 1));
  }
  const uint32_t i = x->free_refs_.back();
  x->free_refs_.pop_back();
  x->table_[i] = {true, domid, p, read_only, 0};
  x->granted_.insert(p);
  x->grants_made++;
  *out_ref = i + kFirstRef;
  return true;
}

bool Xen::End(void *ctx, uint32_t ref) {
  Xen *const x = static_cast<Xen *>(ctx);
  if (ref < kFirstRef || ref - kFirstRef >= x->table_.size() ||
      !x->table_[ref - kFirstRef].active) {
    x->Misuse("the end of a grant that was not made");
    return true;
  }
  Entry *const e = &x->table_[ref - kFirstRef];
  if (e->mapped != 0) {
    x->ends_refused++;
    return false;
  }
  x->granted_.erase(x->granted_.find(e->page));
  *e = Entry();
  x->free_refs_.push_back(ref - kFirstRef);
  x->ends_made++;
  return true;
}

Xen::Entry *Xen::Find(uint16_t domid, uint32_t ref, bool write) {
  if (ref < kFirstRef || ref - kFirstRef >= table_.size()) {
    return nullptr;
  }
  Entry *const e = &table_[ref - kFirstRef];
  return e->active && e->domid == domid && !(write && e->read_only) ? e : nullptr;
}

uint8_t *Xen::Map(uint16_t domid, uint32_t ref, bool write) {
  Entry *const e = Find(domid, ref, write);
  if (e == nullptr) {
    return nullptr;
  }
  e->mapped++;
  return e->page;
}

void Xen::Unmap(uint32_t ref) {
  if (ref >= kFirstRef && ref - kFirstRef < table_.size() && table_[ref - kFirstRef].mapped > 0) {
    table_[ref - kFirstRef].mapped--;
  }
}

uint8_t *Xen::Look(uint16_t domid, uint32_t ref, bool write) {
  Entry *const e = Find(domid, ref, write);
  return e == nullptr ? nullptr : e->page;
}

void Xen::Resume() {
  for (Entry &e : table_) {
    e.mapped = 0;
  }
}

size_t Xen::granted() const {
  size_t n = 0;
  for (const Entry &e : table_) {
    n += e.active;
  }
  return n;
}

size_t Xen::mapped() const {
  size_t n = 0;
  for (const Entry &e : table_) {
    n += e.mapped != 0;
  }
  return n;
}

}  // namespace so_test
