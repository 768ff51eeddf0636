#ifndef SO_TESTS_SIM_XEN_RING_ABI_H_
#define SO_TESTS_SIM_XEN_RING_ABI_H_

// Xen's own macros for rings, for the side of the back end: what the front end is measured against.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define xen_mb() __sync_synchronize()
#define xen_rmb() __sync_synchronize()
#define xen_wmb() __sync_synchronize()

extern "C" {
#include <xen/xen.h>

#include <xen/io/blkif.h>
#include <xen/io/netif.h>
#include <xen/io/protocols.h>
}

#endif  // SO_TESTS_SIM_XEN_RING_ABI_H_
