#ifndef SO_KERNEL_XEN_HYPERCALL_HYPERCALL_H_
#define SO_KERNEL_XEN_HYPERCALL_HYPERCALL_H_

// What is asked of Xen, one function a question. Effects only: whoever decides is elsewhere.
//
// hypercall.c is the same on every architecture; arch.h says what each has to bring.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- event channels ---

// so_xen_event_open makes a channel that `domid` may bind. False: Xen refuses.
bool so_xen_event_open(uint16_t domid, uint32_t *out_port);
void so_xen_event_close(uint32_t port);

// so_xen_event_is_open: `port` was opened in this domain, and nobody has bound it yet.
bool so_xen_event_is_open(uint32_t port);
void so_xen_event_send(uint32_t port);

// --- scheduling ---

// so_xen_poll sleeps until one of the ports is pending, or until `timeout_ns` of Xen's system time;
// 0: no time. False: Xen refuses, and nothing was waited for.
bool so_xen_poll(const evtchn_port_t *ports, size_t count, uint64_t timeout_ns);

// so_xen_shutdown ends or suspends the domain: SHUTDOWN_* of xen/sched.h. After SHUTDOWN_suspend it
// returns: 0 in another domain, 1 where it was cancelled, less when Xen refuses.
long so_xen_shutdown(unsigned reason);

// --- memory ---

// so_xen_map puts a page of Xen's (XENMAPSPACE_*, index) in the place of the page of ours at
// `page`.
bool so_xen_map(unsigned space, unsigned long index, void *page);

// so_xen_give_frames and so_xen_take_frames hand frames back to Xen and take them again. They
// return how many of the first ones it did.
size_t so_xen_give_frames(const uint64_t *frames, size_t count);
size_t so_xen_take_frames(const uint64_t *frames, size_t count);

// so_xen_pages is how many pages the domain has; 0: Xen does not say.
uint64_t so_xen_pages(void);

// so_xen_grant_pages_max is how many pages the grant table may have.
uint32_t so_xen_grant_pages_max(void);

// --- the rest ---

// so_xen_param reads a parameter of the domain: HVM_PARAM_* of xen/hvm/params.h.
bool so_xen_param(unsigned index, uint64_t *out);

// so_xen_version gives the version, major << 16 | minor.
uint32_t so_xen_version(void);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_HYPERCALL_HYPERCALL_H_
