// A device family without devices: a console on the debug port, for images that test the machine itself.

#include "kernel/machine/devices.h"

static so_sched *sched;
static so_event asked;

bool so_devices_early(const so_machine_boot *boot) {
  (void)boot;
  return true;
}

void so_devices_console_write(so_bytes text) { so_machine_debug_write(text); }

size_t so_devices_console_read(uint8_t *out, size_t cap) {
  (void)out, (void)cap;
  return 0;
}

so_status so_devices_start(const so_devices_config *config) {
  sched = config->sched;
  return so_done();
}

so_status so_devices_net(unsigned index, so_netdev *out, const char **out_why) {
  (void)index, (void)out, (void)out_why;
  return so_status_make(SO_NOT_FOUND, 0);
}

so_status so_devices_block(so_bytes name, so_block *out, const char **out_why) {
  (void)name, (void)out, (void)out_why;
  return so_status_make(SO_NOT_FOUND, 0);
}

so_status so_devices_setting(so_bytes key, so_buf *out) {
  (void)key, (void)out;
  return so_status_make(SO_NOT_FOUND, 0);
}

size_t so_devices_random(uint8_t *out, size_t len) {
  (void)out, (void)len;
  return 0;
}

bool so_devices_poll(void) { return false; }

void so_devices_wait(uint64_t deadline_ns) { so_machine_wait(deadline_ns); }

int64_t so_devices_unix_ns(void) { return INT64_MIN; }

bool so_devices_asked(so_end *out_how) {
  (void)out_how;
  return false;
}

so_event *so_devices_asked_event(void) { return &asked; }

void so_devices_metrics(so_metric_visit *visit, void *visit_ctx) { (void)visit, (void)visit_ctx; }

_Noreturn void so_devices_end(so_end how) { so_machine_end(how); }
