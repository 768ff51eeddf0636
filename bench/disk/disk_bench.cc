// The database on a file: rates of puts, gets and flushed one-key commits, bytes written for them,
// and whether the rates hold when the store grows. Peers, measured in the same run: hashing the same
// objects (what any content-addressed store pays at least) and writing the same bytes to a file.
//
//   bazel run //bench/disk -- [directory] [objects]

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "kernel/unix/unix.h"
#include "store/disk/db.h"
#include "store/object/object.h"

namespace {

double Now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double Cpu() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void Must(so_status s, const char *what) {
  if (!so_ok(s)) {
    fprintf(stderr, "%s: %s:%u\n", what, so_code_name(static_cast<so_code>(s.code)), s.detail);
    exit(1);
  }
}

// About 100 bytes, half of them like text.
void Fill(uint64_t i, char out[100]) {
  memset(out, ' ', 100);
  const int len = snprintf(out, 60, "object number %llu of this run", (unsigned long long)i);
  uint64_t v = i;
  for (int at = len; at < 100; at++) {
    v = v * 6364136223846793005u + 1442695040888963407u;
    out[at] = static_cast<char>(v >> 56);
  }
}

so_db *Open(const so_block *device) {
  so_db_config config = {};
  config.device = device;
  config.heap = so_unix_heap();
  so_db *db = nullptr;
  Must(so_db_open(&config, &db), "open");
  return db;
}

void PutRound(so_db *db, uint64_t first, uint64_t count, std::vector<so_oid> *oids) {
  so_objects objects;
  Must(so_db_objects(db, 1, &objects), "objects");
  so_db_stats before;
  so_db_get_stats(db, &before);
  double hash = Cpu();
  for (uint64_t i = 0; i < count; i++) {
    char payload[100];
    so_oid oid;
    Fill(first + i, payload);
    so_oid_of(SO_KIND_CHUNK, so_bytes_of(payload, sizeof payload), &oid);
  }
  hash = Cpu() - hash;
  const double wall = Now();
  double cpu = Cpu();
  for (uint64_t i = 0; i < count; i++) {
    char payload[100];
    so_oid oid;
    Fill(first + i, payload);
    Must(so_objects_put(&objects, SO_KIND_CHUNK, so_bytes_of(payload, sizeof payload), &oid), "put");
    oids->push_back(oid);
  }
  Must(so_db_flush(db), "flush");
  cpu = Cpu() - cpu;
  const double seconds = Now() - wall;
  so_db_stats after;
  so_db_get_stats(db, &after);
  printf("put  %8llu objects of 100 bytes at %8llu: %8.0f/s (%8.0f/s of CPU), %.0f bytes written "
         "each, %4.1f x the time of hashing, %u runs\n",
         (unsigned long long)count, (unsigned long long)first, (double)count / seconds,
         (double)count / cpu, (double)(after.bytes_written - before.bytes_written) / (double)count,
         cpu / hash, after.run_count);
}

void GetRound(so_db *db, const std::vector<so_oid> &oids, uint64_t count) {
  so_objects objects;
  Must(so_db_objects(db, 1, &objects), "objects");
  so_db_stats before;
  so_db_get_stats(db, &before);
  const double cpu = Cpu();
  uint64_t v = 1;
  for (uint64_t i = 0; i < count; i++) {
    v = v * 6364136223846793005u + 1442695040888963407u;
    so_object object;
    Must(so_objects_get(&objects, &oids[(v >> 20) % oids.size()], &object), "get");
    so_objects_unpin(&objects, &object);
  }
  so_db_stats after;
  so_db_get_stats(db, &after);
  printf("get  %8llu at random of %8zu: %8.0f/s of CPU, %.2f device reads each\n",
         (unsigned long long)count, oids.size(), (double)count / (Cpu() - cpu),
         (double)(after.device_reads - before.device_reads) / (double)count);
}

void MissRound(so_db *db, uint64_t count) {
  so_objects objects;
  Must(so_db_objects(db, 2, &objects), "objects");
  const double cpu = Cpu();
  for (uint64_t i = 0; i < count; i++) {
    so_oid oid;
    so_oid_of(SO_KIND_CHUNK, so_bytes_of(&i, sizeof i), &oid);
    (void)so_is(so_objects_has(&objects, &oid), SO_NOT_FOUND);
  }
  printf("miss %8llu: %8.0f/s of CPU\n", (unsigned long long)count,
         (double)count / (Cpu() - cpu));
}

void CommitRound(so_db *db, uint64_t count) {
  so_db_stats before;
  so_db_get_stats(db, &before);
  const double wall = Now();
  for (uint64_t i = 0; i < count; i++) {
    const std::string value = std::to_string(i);
    so_meta_op op = {};
    op.key = so_str("refs/heads/main");
    op.value = so_bytes_of(value.data(), value.size());
    Must(so_db_meta_apply(db, &op, 1, nullptr, nullptr), "apply");
    Must(so_db_flush(db), "flush");
  }
  const double seconds = Now() - wall;
  so_db_stats after;
  so_db_get_stats(db, &after);
  printf("meta %8llu changes, each flushed: %.0f/s, %.0f bytes written each\n",
         (unsigned long long)count, (double)count / seconds,
         (double)(after.bytes_written - before.bytes_written) / (double)count);
}

}  // namespace

int main(int argc, char **argv) {
  const std::string path =
      std::string(argc > 1 ? argv[1] : "/tmp") + "/safeos-disk-bench." + std::to_string(getpid());
  const uint64_t total = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1000000;
  so_block device;
  Must(so_unix_open_block(so_str(path.c_str()), true, &device), "device");
  device.capacity = device.capacity < (64ull << 30) ? device.capacity : 64ull << 30;
  const uint8_t seed[SO_DB_SEED_LEN] = {1, 2, 3};
  Must(so_db_format(&device, so_unix_heap(), seed, nullptr), "format");
  so_db *db = Open(&device);
  std::vector<so_oid> oids;
  for (int i = 0; i < 10; i++) {
    PutRound(db, oids.size(), total / 10, &oids);
  }
  GetRound(db, oids, 100000);
  MissRound(db, 100000);
  CommitRound(db, 200);
  Must(so_db_close(db), "close");
  double seconds = Now();
  db = Open(&device);
  seconds = Now() - seconds;
  printf("open after a clean close: %.1f ms\n", seconds * 1e3);
  PutRound(db, total, total / 20, &oids);
  so_db_abandon(db);
  seconds = Now();
  db = Open(&device);
  seconds = Now() - seconds;
  so_db_stats stats;
  so_db_get_stats(db, &stats);
  printf("open after a crash: %.1f ms, %llu records replayed\n", seconds * 1e3,
         (unsigned long long)stats.replayed);
  printf("space: %.1f bytes of log and %.1f of index an object\n",
         (double)stats.log_len / (double)stats.object_count,
         (double)stats.index_len / (double)stats.object_count);
  so_db_abandon(db);
  so_block_close(&device);
  unlink(path.c_str());
  return 0;
}
