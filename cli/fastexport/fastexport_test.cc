#include "cli/fastexport/fastexport.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {
using so_test::Text;

// Gives a text in pieces of a fixed length.
struct Source {
  std::string text;
  size_t piece;
  size_t at = 0;
};

so_status Read(void *ctx, uint8_t *buf, size_t cap, size_t *out_len) {
  auto *s = static_cast<Source *>(ctx);
  *out_len = std::min({cap, s->piece, s->text.size() - s->at});
  memcpy(buf, s->text.data() + s->at, *out_len);
  s->at += *out_len;
  return so_done();
}

// Writes down everything that the parser says.
std::string Transcript(const std::string &text, size_t piece, so_code *code) {
  Source source{text, piece};
  const cli_fx_source port = {Read, &source};
  cli_fx *fx;
  std::string out;
  *code = SO_INTERNAL;
  if (!so_ok(cli_fx_open(so_test::Heap(), &port, &fx))) return out;
  auto data = [&] {
    so_bytes b;
    while (so_ok(cli_fx_data(fx, &b))) out += Text(b);
    out += ";";
  };
  for (;;) {
    cli_fx_event e;
    so_status s = cli_fx_next(fx, &e);
    *code = static_cast<so_code>(s.code);
    if (!so_ok(s) || e.type == CLI_FX_END) break;
    out += std::to_string(e.type) + " :" + std::to_string(e.mark) + " " + Text(e.ref) + " " +
           Text(e.message) + " " + std::to_string(e.committer.time_ms) + " " +
           std::to_string(e.committer.zone_minutes) + " from " + std::to_string(e.from.mark);
    if (e.type == CLI_FX_BLOB) data();
    if (e.type != CLI_FX_COMMIT) continue;
    cli_fx_file f;
    while (so_ok(s = cli_fx_next_file(fx, &f))) {
      out += " [" + std::to_string(f.op) + " " + Text(f.path) + " " + Text(f.to) + " " +
             std::to_string(f.mode) + "]";
      if (f.is_inline) data();
    }
    *code = static_cast<so_code>(s.code);
    if (*code != SO_NOT_FOUND) break;
  }
  cli_fx_close(fx);
  return out;
}

const char kPerson[] = "committer A <a@b> 1 +0000\n";

std::string Commit(const std::string &files) {
  return std::string("commit refs/heads/m\n") + kPerson + "data 1\nx\n" + files + "\n";
}

TEST(FastExportTest, ReadsEveryCommandWhereverTheStreamIsCut) {
  const std::string text =
      "blob\nmark :1\ndata 3\na\nb\n" + Commit("M 100644 :1 x y\nM 120000 inline l\ndata 2\nzz\n") +
      Commit("from :7\nD \"a\\tb\\303\\251\"\nR p q r\nC \"p q\" s\ndeleteall\n") +
      "tag v\nfrom :2\ntagger T <t> 5 -0130\ndata 1\nt\nreset refs/tags/l\nfrom :2\n\ndone\nrubbish";
  so_code code;
  const std::string whole = Transcript(text, 1 << 20, &code);
  EXPECT_EQ(SO_OK, code);
  EXPECT_EQ(
      "0 :1   0 0 from 0a\nb;1 :0 refs/heads/m x 1000 0 from 0 [0 x y  33188] [0 l  40960]zz;"
      "1 :0 refs/heads/m x 1000 0 from 7 [1 a\tb\xc3\xa9  0] [2 p q r 0] [3 p q s 0] [4   0]"
      "2 :0 v t 5000 -90 from 23 :0 refs/tags/l  0 0 from 2",
      whole);
  for (size_t piece = 1; piece < 40; piece++) {
    EXPECT_EQ(whole, Transcript(text, piece, &code)) << piece;
  }
}

TEST(FastExportTest, RefusesWhatItCannotKeep) {
  const std::vector<std::pair<std::string, so_code>> bad = {
      {Commit("M 160000 :1 sub\n"), SO_UNSUPPORTED},
      {Commit("M 100644 0123456789012345678901234567890123456789 x\n"), SO_UNSUPPORTED},
      {Commit("N :1 :2\n"), SO_UNSUPPORTED},
      {"blob\ndata <<EOF\nx\nEOF\n", SO_UNSUPPORTED},
      {"frobnicate\n", SO_UNSUPPORTED},
      {"blob\ndata 10\nshort", SO_MALFORMED},
      {"blob\n", SO_MALFORMED},
      {"commit refs/heads/m\ndata 1\nx", SO_MALFORMED},
      {"commit refs/heads/m\ncommitter nobody\ndata 1\nx", SO_MALFORMED},
      {"commit refs/heads/m\ncommitter A <a> 1 +9900\ndata 1\nx", SO_MALFORMED},
      {Commit("M 100644 :1 \"open\n"), SO_MALFORMED},
      {Commit("M 100644 :1 \"a\"b\n"), SO_MALFORMED},
      {Commit("M 100644 :1 \n"), SO_MALFORMED},
      {"reset " + std::string(40000, 'x') + "\n", SO_LIMIT},
  };
  for (const auto &[text, want] : bad) {
    so_code code;
    Transcript(text, 1 << 20, &code);
    EXPECT_STREQ(so_code_name(want), so_code_name(code)) << text.substr(0, 60);
  }
}
}  // namespace
