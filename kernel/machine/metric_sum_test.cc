// Sums of the metrics of several devices.

#include "kernel/machine/metric_sum.h"

#include <string>

#include "tests/support/support.h"

namespace {

constexpr char kReads[] = "disk_reads";
constexpr char kBusy[] = "disk_busy";

void Visit(void *ctx, const char *name, so_metric_kind kind, uint64_t value) {
  *static_cast<std::string *>(ctx) += std::string(name) + (kind == SO_METRIC_GAUGE ? "~" : "=") +
                                      std::to_string(value) + " ";
}

void OfDisk(uint64_t reads, uint64_t busy, so_metric_visit *visit, void *ctx) {
  visit(ctx, kReads, SO_METRIC_COUNTER, reads);
  visit(ctx, kBusy, SO_METRIC_GAUGE, busy);
}

TEST(MetricSumTest, EachNameComesOnceWithTheSumOfAllDevices) {
  so_metric_sum sum = {};
  std::string text;
  so_metric_sum_each(&sum, Visit, &text);
  EXPECT_EQ("", text);
  OfDisk(3, 1, so_metric_sum_visit, &sum);
  OfDisk(uint64_t{1} << 40, 0, so_metric_sum_visit, &sum);
  OfDisk(4, 5, so_metric_sum_visit, &sum);
  so_metric_sum_each(&sum, Visit, &text);
  EXPECT_EQ("disk_reads=1099511627783 disk_busy~6 ", text);
}

TEST(MetricSumTest, ThereIsRoomForAsManyNamesAsItSays) {
  static const std::string names[SO_METRIC_SUM_MAX] = {};
  so_metric_sum sum = {};
  for (int round = 0; round < 2; round++) {
    for (const std::string &name : names) {
      so_metric_sum_visit(&sum, name.c_str(), SO_METRIC_COUNTER, 1);
    }
  }
  EXPECT_EQ(SO_METRIC_SUM_MAX, sum.count);
  EXPECT_EQ(2u, sum.all[SO_METRIC_SUM_MAX - 1].value);
}

}  // namespace
