#include "apps/lib/access_log/access_log.h"

#include <string>

#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

using so_test::View;

struct Settings {
  const so_world *world;
  std::string who;
  so_status status;
};

so_status Handle(void *ctx, so_http_exchange *x) {
  const Settings *const s = static_cast<const Settings *>(ctx);
  const so_status replied = so_http_reply(x, 201, nullptr, 0, so_str("four"));
  so_access_log(s->world, x, s->status, 1234567, View(s->who));
  return replied;
}
so_status Refuse(void *, so_http_exchange *x, uint16_t status, const char *why) {
  return so_http_reply(x, status, nullptr, 0, so_str(why));
}

// The line for one request.
std::string Line(const std::string &target, const std::string &who = "",
                 so_status status = so_done()) {
  so_sim *const sim = so_sim_make(nullptr);
  Settings settings = {so_sim_world(sim), who, status};
  so_http_server_config config = {};
  config.handle = Handle;
  config.refuse = Refuse;
  config.ctx = &settings;
  so_stream near, far;
  so_sim_pipe(sim, &near, &far);
  so_test::Fibers fibers(settings.world->sched);
  fibers.Spawn([&] {
    so_http_serve(settings.world, &config, far);
    so_stream_close(&far);
  });
  fibers.Spawn([&] {
    const std::string request =
        "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    SO_EXPECT_OK(so_stream_write(&near, View(request), SO_NEVER));
    SO_EXPECT_OK(so_stream_shutdown(&near, SO_NEVER));
    uint8_t buf[500];
    size_t n = 1;
    while (n != 0 && so_ok(so_stream_read(&near, buf, sizeof buf, SO_NEVER, &n))) {
    }
    so_stream_close(&near);
  });
  SO_EXPECT_OK(so_sim_run(sim));
  const std::string out = so_test::Text(so_sim_console(sim));
  so_sim_free(sim);
  return out;
}

bool Has(const std::string &line, const std::string &part) {
  return line.find(part) != std::string::npos;
}

TEST(AccessLogTest, ALineSaysWhatHappened) {
  const std::string line = Line("/path");
  EXPECT_EQ(line.compare(0, 5, "2026-"), 0) << line;  // Of the world's clock.
  EXPECT_TRUE(Has(line, " POST /path 201 in=")) << line;
  EXPECT_TRUE(Has(line, " out=")) << line;
  EXPECT_TRUE(Has(line, " 1.234ms\n")) << line;
}

TEST(AccessLogTest, AQueryMayHoldSecretsAndIsNotWritten) {
  const std::string line = Line("/path?token=secret");
  EXPECT_TRUE(Has(line, " /path 201 ")) << line;
  EXPECT_FALSE(Has(line, "secret")) << line;
}

TEST(AccessLogTest, NoRequestForgesALine) {
  const std::string line = Line("/a%0a2026-01-01\\n", std::string("x\n2026 GET \x7f\xc3\\", 14));
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  EXPECT_TRUE(Has(line, "x\\x0a2026\\x20GET\\x20\\x7f\\xc3\\x5c")) << line;
  EXPECT_FALSE(Has(line, "\x7f")) << line;
}

TEST(AccessLogTest, LongPathsAndNamesAreCut) {
  const std::string line = Line("/" + std::string(5000, 'p'), std::string(500, 'w'));
  EXPECT_TRUE(Has(line, "/" + std::string(149, 'p') + " ")) << line;
  EXPECT_FALSE(Has(line, std::string(150, 'p'))) << line;
  EXPECT_TRUE(Has(line, " " + std::string(40, 'w') + "\n")) << line;
  EXPECT_LT(line.size(), 1024u);
}

TEST(AccessLogTest, AConnectionThatEndedIsSaid) {
  EXPECT_TRUE(Has(Line("/", "", so_status_make(SO_IO, 0)), " connection ended: IO\n"));
}

}  // namespace
