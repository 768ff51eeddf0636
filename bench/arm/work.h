#ifndef SO_BENCH_ARM_WORK_H_
#define SO_BENCH_ARM_WORK_H_

// The parts of work.c.

#include <stdbool.h>

#include "crypto/cpu/cpu.h"

// work_require ends the program with a word about `what` unless all is good.
void work_require(bool good, const char *what);

// work_tls_server does a whole TLS 1.3 handshake once, to learn what the client says, and then the server's part of
// it `count` times: the same machine with the same seed says the same.
void work_tls_server(const so_cpu *cpu, long count);

#endif  // SO_BENCH_ARM_WORK_H_
