#ifndef SO_TLS_X509_TEST_CERTIFICATES_H_
#define SO_TLS_X509_TEST_CERTIFICATES_H_

// The certificates of testdata/certificates.pem by name, as DER.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tls/pem/pem.h"

namespace so_test {

inline std::string ReadFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "cannot read " << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::map<std::string, std::string> ReadCertificates() {
  const std::string text = ReadFile("tls/x509/testdata/certificates.pem");
  std::map<std::string, std::string> all;
  so_bytes rest = so_bytes_of(text.data(), text.size());
  so_pem_block block;
  size_t from = 0;
  while (so_code(so_pem_next(&rest, &block).code) == SO_OK) {
    std::vector<uint8_t> der(text.size());
    so_writer w = so_writer_of(der.data(), der.size());
    EXPECT_TRUE(so_ok(so_pem_decode(&block, &w)));
    const size_t name = text.find("name: ", from) + 6;
    all[text.substr(name, text.find('\n', name) - name)].assign(der.begin(),
                                                                der.begin() + long(w.len));
    from = text.size() - rest.len;
  }
  EXPECT_GT(all.size(), 50u);
  return all;
}

// Bytes that live as long as the program.
inline const std::string &Certificate(const std::string &name) {
  static const auto *all = new std::map<std::string, std::string>(ReadCertificates());
  const auto it = all->find(name);
  if (it == all->end()) {
    ADD_FAILURE() << "no certificate " << name;
    static const std::string none;
    return none;
  }
  return it->second;
}

}  // namespace so_test

#endif  // SO_TLS_X509_TEST_CERTIFICATES_H_
