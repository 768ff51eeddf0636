#include "crypto/cpu/cpu.h"

#include <sys/auxv.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/support.h"

namespace {

bool IsPortable(const so_cpu &c) {
  return !(c.aes || c.pclmul || c.sha || c.sha512 || c.ssse3 || c.avx2 || c.vaes ||
           c.vpclmul || c.avx512 || c.adx || c.bmi2);
}

TEST(CpuTest, PortableHasNothing) { EXPECT_TRUE(IsPortable(so_cpu_portable())); }

TEST(CpuTest, DetectingTwiceGivesTheSame) {
  const so_cpu a = so_cpu_detect(), b = so_cpu_detect();
  EXPECT_EQ(a.aes, b.aes);
  EXPECT_EQ(a.sha, b.sha);
  EXPECT_EQ(a.avx2, b.avx2);
}

#if defined(__x86_64__)
// Linux reports what the processor has and the kernel allows: an independent second opinion.
bool LinuxSays(const std::string &flag) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == flag) return true;
    }
    return false;
  }
  return false;
}

TEST(CpuTest, AgreesWithLinux) {
  const so_cpu cpu = so_cpu_detect();
  EXPECT_EQ(LinuxSays("ssse3") && LinuxSays("sse4_1"), cpu.ssse3);
  EXPECT_EQ(LinuxSays("aes"), cpu.aes);
  EXPECT_EQ(LinuxSays("pclmulqdq"), cpu.pclmul);
  EXPECT_EQ(LinuxSays("sha_ni"), cpu.sha);
  EXPECT_EQ(LinuxSays("avx2"), cpu.avx2);
  EXPECT_EQ(LinuxSays("vaes"), cpu.vaes);
  EXPECT_EQ(LinuxSays("vpclmulqdq"), cpu.vpclmul);
  EXPECT_EQ(LinuxSays("avx512f") && LinuxSays("avx512bw") && LinuxSays("avx512dq") &&
                LinuxSays("avx512vl"),
            cpu.avx512);
  EXPECT_EQ(LinuxSays("adx"), cpu.adx);
  EXPECT_EQ(LinuxSays("bmi1") && LinuxSays("bmi2"), cpu.bmi2);
}
#elif defined(__aarch64__)
// The system's own list of what programs may use. The bits are those of Linux's arch/arm64 hwcap.h.
TEST(CpuTest, AgreesWithTheSystem) {
  const so_cpu cpu = so_cpu_detect();
  const unsigned long has = getauxval(AT_HWCAP);
  EXPECT_EQ((has & 1ul << 3) != 0, cpu.aes);
  EXPECT_EQ((has & 1ul << 4) != 0, cpu.pclmul);
  EXPECT_EQ((has & 1ul << 6) != 0, cpu.sha);
  EXPECT_EQ((has & 1ul << 21) != 0, cpu.sha512);
}
#else
TEST(CpuTest, OtherTargetsDetectNothing) { EXPECT_TRUE(IsPortable(so_cpu_detect())); }
#endif

}  // namespace
