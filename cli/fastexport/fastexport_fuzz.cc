// Any stream is read to its end or refused; nothing is read outside of it.
#include "cli/fastexport/fastexport.h"

#include "tests/support/support.h"

namespace {
struct Source {
  const uint8_t *data;
  size_t left;
};

so_status Read(void *ctx, uint8_t *buf, size_t cap, size_t *out_len) {
  auto *s = static_cast<Source *>(ctx);
  *out_len = s->left < cap ? s->left : cap;
  if (*out_len != 0) memcpy(buf, s->data, *out_len);
  s->data += *out_len;
  s->left -= *out_len;
  return so_done();
}

void Files(cli_fx *fx) {
  cli_fx_file f;
  so_bytes piece;
  while (so_ok(cli_fx_next_file(fx, &f))) {
    while (f.is_inline && so_ok(cli_fx_data(fx, &piece))) {
    }
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  Source source{data, len};
  const cli_fx_source port = {Read, &source};
  cli_fx *fx;
  cli_fx_event e;
  if (!so_ok(cli_fx_open(so_test::Heap(), &port, &fx))) return 0;
  while (so_ok(cli_fx_next(fx, &e)) && e.type != CLI_FX_END) {
    if (e.type == CLI_FX_COMMIT) Files(fx);
  }
  cli_fx_close(fx);
  return 0;
}
