#ifndef SO_TESTS_SUPPORT_INPUT_H_
#define SO_TESTS_SUPPORT_INPUT_H_

// The input of a fuzz target as a list of numbers; zeros when it has ended.

#include <stddef.h>
#include <stdint.h>

namespace so_test {

class Input {
 public:
  Input(const uint8_t *data, size_t len) : data_(data), len_(len) {}
  bool More() const { return at_ < len_; }
  uint8_t U8() { return at_ < len_ ? data_[at_++] : 0; }
  uint16_t U16() {
    const uint8_t low = U8();
    return static_cast<uint16_t>(U8() << 8 | low);
  }
  uint32_t U32() {
    const uint16_t low = U16();
    return static_cast<uint32_t>(U16()) << 16 | low;
  }

 private:
  const uint8_t *data_;
  size_t len_;
  size_t at_ = 0;
};

}  // namespace so_test

#endif  // SO_TESTS_SUPPORT_INPUT_H_
