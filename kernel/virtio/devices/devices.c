// kernel/machine/devices.h on virtio: finding devices, polling and waiting, the console, the end.

#include "kernel/virtio/devices/internal.h"

// What comes without an interrupt (typing while the machine never sleeps) is looked for so often.
#define POLLS_A_LOOK 1024u
#define TYPED_MAX 64u

virtio_family virtio;

// --- the console --------------------------------------------------------------------------------

void so_devices_console_write(so_bytes text) { so_machine_debug_write(text); }

size_t so_devices_console_read(uint8_t *out, size_t cap) {
  return so_typed_take(&virtio.typed, out, cap);
}

static void look_at_typing(void) {
  for (unsigned i = 0; i < TYPED_MAX; i++) {
    const int byte = virtio_platform_typed();
    if (byte < 0) {
      return;
    }
    if (so_typed_put(&virtio.typed, (uint8_t)byte) && virtio.started) {
      so_event_signal(virtio.config.sched, &virtio.asked);
    }
  }
}

bool so_devices_asked(so_end *out_how) {
  *out_how = virtio.typed.how;
  return virtio.typed.asked;
}

so_event *so_devices_asked_event(void) { return &virtio.asked; }

// --- registers ----------------------------------------------------------------------------------

static uint32_t read_register(void *ctx, uint32_t off, uint32_t len) {
  return virtio_platform_read((uintptr_t)ctx + off, len);
}

static void write_register(void *ctx, uint32_t off, uint32_t value) {
  virtio_platform_write32((uintptr_t)ctx + off, value);
}

// --- start --------------------------------------------------------------------------------------

static void say(const char *text) { so_devices_console_write(so_str(text)); }

bool so_devices_early(const so_machine_boot *boot) {
  so_virtio_place places[SO_VIRTIO_PLACES_MAX];
  size_t bad;
  for (size_t i = 0; i < boot->ram_count; i++) {
    virtio.ram_len += boot->ram[i].len;
  }
  const size_t count = virtio_platform_find(boot, places, SO_VIRTIO_PLACES_MAX, &bad);
  for (size_t i = 0; i < count; i++) {
    virtio_slot *const slot = &virtio.slots[virtio.slot_count];
    const so_virtio_registers registers = {read_register, write_register,
                                           (void *)(uintptr_t)places[i].base};
    const so_status s = so_virtio_mmio_probe(&slot->mmio, &registers);
    if (so_ok(s)) {
      virtio.slot_count++;
    } else if (so_is(s, SO_UNSUPPORTED)) {
      say("virtio: a device has registers of a version that is not supported\n");
    }
  }
  if (bad != 0) {
    say("virtio: a place of a device (virtio_mmio.device=) makes no sense, and is left out\n");
  }
  virtio_platform_typing_init();
  return true;
}

so_status so_devices_start(const so_devices_config *config) {
  virtio.config = *config;
  virtio.started = true;
  return so_done();
}

// --- the loop -----------------------------------------------------------------------------------

// look acknowledges interrupts. What they announced is then found in the rings, or in the configuration.
static void look(void) {
  for (size_t i = 0; i < virtio.slot_count; i++) {
    virtio_slot *const slot = &virtio.slots[i];
    if (slot->kind == VIRTIO_UNUSED) {
      continue;
    }
    const uint32_t why = so_virtio_mmio_interrupts(&slot->mmio);
    if ((why & SO_VIRTIO_INTERRUPT_CONFIG) == 0) {
      continue;
    }
    if (slot->kind == VIRTIO_NET) {
      so_virtio_net_changed(slot->net);
    } else if (slot->kind == VIRTIO_BLOCK) {
      so_virtio_block_changed(slot->block);
    }
  }
  look_at_typing();
}

bool so_devices_poll(void) {
  bool any = false;
  if (virtio.must_look || ++virtio.polls % POLLS_A_LOOK == 0) {
    virtio.must_look = false;
    look();
  }
  for (size_t i = 0; i < virtio.slot_count; i++) {
    any |= virtio_slot_poll(&virtio.slots[i]);
  }
  return any;
}

void so_devices_wait(uint64_t deadline_ns) {
  bool awake = false;
  for (size_t i = 0; i < virtio.slot_count; i++) {
    awake |= virtio_slot_arm(&virtio.slots[i]);
  }
  if (!awake) {
    so_machine_wait(deadline_ns);
    virtio.must_look = true;
  }
}

// --- the rest -----------------------------------------------------------------------------------

so_status so_devices_setting(so_bytes key, so_buf *out) {
  (void)key, (void)out;
  return so_status_make(SO_NOT_FOUND, 0);  // All settings are on the command line.
}

int64_t so_devices_unix_ns(void) { return INT64_MIN; }

_Noreturn void so_devices_end(so_end how) { so_machine_end(how); }
