#ifndef SO_TESTS_SUPPORT_VECTORS_H_
#define SO_TESTS_SUPPORT_VECTORS_H_

// Reads files of test vectors.
//
//   # a comment, for example the origin of what follows
//   key=0011aabb
//   msg=
//   result=valid
//                      <- a blank line ends a record
//   key=...
//
// A value is text up to the end of its line; Hex() decodes it. Any fault in a file, a missing
// field and an empty file fail the test, so that a test cannot pass because it read nothing.
//
//   for (const auto &v : so_test::ReadVectors("crypto/testdata/hmac.txt")) {
//     SCOPED_TRACE(v.where());
//     Check(v.Hex("key"), v.Hex("msg"), v.Text("result") == "valid");
//   }

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace so_test {

inline int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Decodes hex; spaces between bytes are skipped. Anything else fails the test and gives "".
inline std::string FromHex(const std::string &text) {
  std::string out;
  int high = -1;
  for (char c : text) {
    if (c == ' ' || c == '\n') continue;
    const int digit = HexDigit(c);
    if (digit < 0) {
      ADD_FAILURE() << "not hex: " << text;
      return "";
    }
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<char>(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0) {
    ADD_FAILURE() << "odd number of hex digits: " << text;
    return "";
  }
  return out;
}

inline std::string ToHex(const void *ptr, size_t len) {
  std::string out;
  const uint8_t *p = static_cast<const uint8_t *>(ptr);
  for (size_t i = 0; i < len; i++) {
    out.push_back("0123456789abcdef"[p[i] >> 4]);
    out.push_back("0123456789abcdef"[p[i] & 15]);
  }
  return out;
}

inline std::string ToHex(const std::string &s) { return ToHex(s.data(), s.size()); }

// The bytes of a string as the code under test takes them.
inline const uint8_t *Ptr(const std::string &s) {
  return reinterpret_cast<const uint8_t *>(s.data());
}
inline uint8_t *Ptr(std::string *s) { return reinterpret_cast<uint8_t *>(&(*s)[0]); }

class Vector {
 public:
  explicit Vector(std::string where) : where_(std::move(where)) {}

  bool Has(const std::string &name) const { return fields_.count(name) != 0; }
  std::string Text(const std::string &name) const {
    const auto it = fields_.find(name);
    if (it == fields_.end()) {
      ADD_FAILURE() << where_ << ": no field " << name;
      return "";
    }
    return it->second;
  }
  std::string Hex(const std::string &name) const { return FromHex(Text(name)); }
  size_t Number(const std::string &name) const {
    return static_cast<size_t>(strtoull(Text(name).c_str(), nullptr, 10));
  }
  // "file:line" of the record's first field.
  const std::string &where() const { return where_; }
  void Set(const std::string &name, const std::string &value) { fields_[name] = value; }

 private:
  std::string where_;
  std::map<std::string, std::string> fields_;
};

// Reads every record of a file that the test's `data` names, by its path from the workspace root.
inline std::vector<Vector> ReadVectors(const std::string &path) {
  std::vector<Vector> all;
  std::ifstream file(path);
  std::string line;
  bool open = false;
  for (size_t n = 1; std::getline(file, line); n++) {
    const std::string where = path + ":" + std::to_string(n);
    if (line.empty()) {
      open = false;
      continue;
    }
    if (line[0] == '#') continue;
    const size_t equals = line.find('=');
    if (equals == std::string::npos) {
      ADD_FAILURE() << where << ": no '=' in the line";
      continue;
    }
    if (!open) all.emplace_back(where);
    open = true;
    const std::string name = line.substr(0, equals);
    if (all.back().Has(name)) ADD_FAILURE() << where << ": " << name << " is there twice";
    all.back().Set(name, line.substr(equals + 1));
  }
  if (all.empty()) ADD_FAILURE() << path << ": no vectors";
  return all;
}

}  // namespace so_test

#endif  // SO_TESTS_SUPPORT_VECTORS_H_
