// The interrupt controller, for one purpose: that a device or the timer ends so_cpu_sleep. Interrupts are never
// taken as exceptions; after each sleep what is pending is acknowledged and ended, so that edges do not stay.
// A level that is still asserted is pending again at once, and ends the next sleep: nothing is lost.
//
// Sources: Arm IHI 0048 (GICv2), IHI 0069 (GICv3).

#include "arm/machine/internal.h"

// Of the distributor.
#define GICD_CTLR 0x000u
#define GICD_IGROUPR 0x080u
#define GICD_ISENABLER 0x100u
#define GICD_IPRIORITYR 0x400u
#define GICD_ITARGETSR 0x800u
#define GICD_IROUTER 0x6000u
#define GICV2_ENABLE 1u
#define GICV3_ENABLE_GROUP1 2u
#define GICV3_AFFINITY_ROUTING (1u << 4)
#define GICD_CTLR_PENDING (1u << 31)

// Of GICv2's CPU interface.
#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u
#define GICC_IAR 0x0cu
#define GICC_EOIR 0x10u

// Of a redistributor: two frames of 64 KiB each.
#define GICR_STRIDE 0x20000u
#define GICR_WAKER 0x14u
#define GICR_TYPER 0x08u
#define GICR_LAST (1u << 4)
#define GICR_SGI_FRAME 0x10000u
#define WAKER_SLEEP 2u
#define WAKER_CHILDREN_ASLEEP 4u

#define PRIORITY 0x80u
#define PRIORITY_ALL 0xf0u
#define FIRST_SHARED 32u
#define SPURIOUS 1020u
#define LOOKS_MAX 100000u

static uintptr_t distributor;
static uintptr_t cpu;  // GICv2: the CPU interface. GICv3: our redistributor.

// --- version 2 -----------------------------------------------------------------------------------

static void v2_enable(uint32_t id) {
  so_cpu_write8(distributor + GICD_IPRIORITYR + id, PRIORITY);
  if (id >= FIRST_SHARED) {
    // The first eight registers name the processor that reads them (4.3.12).
    const uint8_t self = (uint8_t)so_cpu_read32(distributor + GICD_ITARGETSR);
    so_cpu_write8(distributor + GICD_ITARGETSR + id, self);
  }
  so_cpu_write32(distributor + GICD_ISENABLER + id / 32 * 4, 1u << id % 32);
}

static void v2_init(void) {
  so_cpu_write32(distributor + GICD_CTLR, GICV2_ENABLE);
  so_cpu_write32(cpu + GICC_PMR, PRIORITY_ALL);
  so_cpu_write32(cpu + GICC_CTLR, GICV2_ENABLE);
}

// --- version 3 -----------------------------------------------------------------------------------

#if SO_CPU_HAS_GICV3
static void set_bit(uintptr_t base, uint32_t id) {
  const uintptr_t at = base + id / 32 * 4;
  so_cpu_write32(at, so_cpu_read32(at) | 1u << id % 32);
}

static void wait_for_clear(uintptr_t at, uint32_t bits) {
  for (unsigned i = 0; i < LOOKS_MAX && (so_cpu_read32(at) & bits) != 0; i++) {
  }
}

static void v3_enable(uint32_t id) {
  // Private interrupts are set up at the redistributor, in registers of the same order (12.11).
  const uintptr_t base = id < FIRST_SHARED ? cpu + GICR_SGI_FRAME : distributor;
  so_cpu_write8(base + GICD_IPRIORITYR + id, PRIORITY);
  set_bit(base + GICD_IGROUPR, id);
  if (id >= FIRST_SHARED) {
    const uint32_t affinity = so_cpu_affinity();
    so_cpu_write32(distributor + GICD_IROUTER + 8 * id, affinity & 0xffffff);
    so_cpu_write32(distributor + GICD_IROUTER + 8 * id + 4, affinity >> 24);
  }
  so_cpu_write32(base + GICD_ISENABLER + id / 32 * 4, 1u << id % 32);
}

// The redistributor of this processor among those of the region.
static uintptr_t v3_find_redistributor(void) {
  const so_arm_range region = arm_machine.gic.cpu;
  for (uint64_t off = 0; off + GICR_STRIDE <= region.len; off += GICR_STRIDE) {
    const uintptr_t at = (uintptr_t)(region.base + off);
    if (so_cpu_read32(at + GICR_TYPER + 4) == so_cpu_affinity()) {
      return at;
    }
    if ((so_cpu_read32(at + GICR_TYPER) & GICR_LAST) != 0) {
      break;
    }
  }
  so_machine_panic("the interrupt controller has no redistributor for this processor");
}

static void v3_init(void) {
  cpu = v3_find_redistributor();
  so_cpu_write32(distributor + GICD_CTLR, GICV3_AFFINITY_ROUTING);
  wait_for_clear(distributor + GICD_CTLR, GICD_CTLR_PENDING);
  so_cpu_write32(distributor + GICD_CTLR, GICV3_AFFINITY_ROUTING | GICV3_ENABLE_GROUP1);
  wait_for_clear(distributor + GICD_CTLR, GICD_CTLR_PENDING);
  so_cpu_write32(cpu + GICR_WAKER, so_cpu_read32(cpu + GICR_WAKER) & ~WAKER_SLEEP);
  wait_for_clear(cpu + GICR_WAKER, WAKER_CHILDREN_ASLEEP);
  so_cpu_gicv3_on();
}

static uint32_t v3_take(void) { return so_cpu_gicv3_take(); }
static void v3_end(uint32_t id) { so_cpu_gicv3_end(id); }
#else
static void v3_enable(uint32_t id) { (void)id; }
static _Noreturn void v3_init(void) {
  so_machine_panic("GICv3 is not driven in 32-bit mode: give the machine a GICv2");
}
static uint32_t v3_take(void) { return SPURIOUS; }
static void v3_end(uint32_t id) { (void)id; }
#endif

// --- either --------------------------------------------------------------------------------------

static bool is_v3(void) { return arm_machine.gic.version == SO_ARM_GIC_V3; }

static void enable(uint32_t id) {
  if (id == SO_ARM_INTERRUPT_NONE) {
    return;
  }
  if (is_v3()) {
    v3_enable(id);
  } else {
    v2_enable(id);
  }
}

void arm_gic_init(void) {
  const so_arm_machine *const m = &arm_machine;
  if (m->gic.version == SO_ARM_GIC_NONE) {
    so_machine_panic("the device tree names no interrupt controller that is known here (GICv2, GICv3)");
  }
  distributor = (uintptr_t)m->gic.distributor.base;
  cpu = (uintptr_t)m->gic.cpu.base;
  if (is_v3()) {
    v3_init();
  } else {
    v2_init();
  }
  enable(m->virtual_timer_interrupt);
  enable(m->xen.event_interrupt);
  enable(m->uart.interrupt);
  for (size_t i = 0; i < m->virtio_count; i++) {
    enable(m->virtio[i].interrupt);
  }
}

void arm_gic_take_all(void) {
  // Each at most once: ended ones that are still asserted come again.
  for (unsigned i = 0; i < 3 + SO_ARM_VIRTIO_MAX; i++) {
    const uint32_t taken = is_v3() ? v3_take() : so_cpu_read32(cpu + GICC_IAR);
    if ((taken & 0x3ff) >= SPURIOUS) {
      return;
    }
    if (is_v3()) {
      v3_end(taken);
    } else {
      so_cpu_write32(cpu + GICC_EOIR, taken);
    }
  }
}
