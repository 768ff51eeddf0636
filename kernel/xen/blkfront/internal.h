#ifndef SO_KERNEL_XEN_BLKFRONT_INTERNAL_H_
#define SO_KERNEL_XEN_BLKFRONT_INTERNAL_H_

// Xen's headers need the integer types from us.
#include "kernel/xen/blkfront/blkfront.h"

#include <xen/xen.h>

#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#define SECTOR_LEN 512u
#define PAGE_LEN SO_PAGE_LEN
#define NONE SO_SHARE_NONE

// --- request.c: between the list of calls and the ring ---------------------------------------

// so_blkfront_issue puts out as many requests as there is room for, and notifies.
void so_blkfront_issue(so_blkfront *f);

// so_blkfront_take_answers ends what was answered; true if anything was.
bool so_blkfront_take_answers(so_blkfront *f);

// so_blkfront_forget frees all requests in flight, without their calls.
void so_blkfront_forget(so_blkfront *f);

// --- call.c: the port ------------------------------------------------------------------------

so_status so_blkfront_read(void *ctx, uint64_t offset, uint8_t *out, size_t len);
so_status so_blkfront_write(void *ctx, uint64_t offset, so_bytes bytes);
so_status so_blkfront_flush(void *ctx);

// so_blkfront_finish ends a call that has nothing in flight.
void so_blkfront_finish(so_blkfront *f, so_blkfront_call *c);

// so_blkfront_fail_calls finishes all calls with IO. Nothing may be in flight on a live connection.
void so_blkfront_fail_calls(so_blkfront *f);

// so_blkfront_restart lets every call begin again.
void so_blkfront_restart(so_blkfront *f);

// so_blkfront_flush_failed ends all writing.
void so_blkfront_flush_failed(so_blkfront *f);

// --- keys.c ----------------------------------------------------------------------------------

// so_blkfront_ring_order is the largest ring that both sides take.
uint32_t so_blkfront_ring_order(const so_blkfront *f, const so_xen_keys *back);
uint16_t so_blkfront_handle(const so_xen_keys *front);
so_status so_blkfront_read_properties(const so_xen_keys *back, so_blkfront_features *out,
                                   const char **out_why);
void so_blkfront_write_keys(const so_blkfront *f, const so_xen_writer *out);

// --- blkfront.c ------------------------------------------------------------------------------

// so_blkfront_break ends the use of a connection; so_blkfront_distrust also that of what its back
// end has acknowledged.
void so_blkfront_break(so_blkfront *f, const char *why);
void so_blkfront_distrust(so_blkfront *f, const char *why);
void so_blkfront_notify(so_blkfront *f);

#endif  // SO_KERNEL_XEN_BLKFRONT_INTERNAL_H_
