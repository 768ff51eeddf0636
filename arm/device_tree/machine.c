#include "arm/device_tree/machine.h"

#include "base/mem.h"

#define CELLS_TOO_MANY 16u

// The properties of one node that anything here asks for.
typedef struct node {
  so_bytes name;
  so_bytes compatible;
  so_bytes device_type;
  so_bytes reg;
  so_bytes interrupts;
  so_bytes status;
  so_bytes method;
  so_bytes bootargs;
  so_bytes rng_seed;
} node;

// How the children of a node write addresses.
typedef struct bus {
  uint32_t address_cells;
  uint32_t size_cells;
  bool one_to_one;   // Addresses of children are those of the processor.
  bool reservations;  // This is /reserved-memory.
} bus;

typedef struct reading {
  so_arm_machine *out;
  bus buses[SO_DEVICE_TREE_DEPTH_MAX + 1];  // [depth]: of the node that is open there.
  uint32_t depth;
  node now;   // The node whose properties are being read.
  bool open;  // `now` has not been taken yet.
} reading;

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }
static so_status limit(void) { return so_status_make(SO_LIMIT, 0); }

static bool read_cells(so_reader *r, uint32_t count, uint64_t *out) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t cell = 0;
    if (!so_read_u32be(r, &cell)) {
      return false;
    }
    value = value << 32 | cell;
  }
  *out = value;
  return true;
}

// Reads entry `index` of a `reg`. False: it is not there, or not an address and a length.
static bool read_reg(so_bytes reg, const bus *parent, size_t index, so_arm_range *out) {
  const uint32_t cells = parent->address_cells + parent->size_cells;
  so_reader r = so_reader_of(so_bytes_from(reg, index * cells * 4u));
  so_arm_range range = {0};
  if (parent->address_cells == 0 || parent->address_cells > 2 || parent->size_cells == 0 ||
      parent->size_cells > 2 || !read_cells(&r, parent->address_cells, &range.base) ||
      !read_cells(&r, parent->size_cells, &range.len) || range.len > UINT64_MAX - range.base) {
    return false;
  }
  *out = range;
  return true;
}

// Three cells an interrupt: kind (0 shared, 1 of this processor), number, flags.
static uint32_t read_interrupt(so_bytes interrupts, size_t index) {
  so_reader r = so_reader_of(so_bytes_from(interrupts, index * 12u));
  uint32_t kind = 0;
  uint32_t number = 0;
  if (!so_read_u32be(&r, &kind) || !so_read_u32be(&r, &number)) {
    return SO_ARM_INTERRUPT_NONE;
  }
  if (kind == 0 && number < 988) {
    return number + 32;
  }
  return kind == 1 && number < 16 ? number + 16 : SO_ARM_INTERRUPT_NONE;
}

static so_status add_ranges(so_bytes reg, const bus *parent, so_arm_range *list, size_t max,
                            size_t *count) {
  const size_t entry_len = (parent->address_cells + parent->size_cells) * 4u;
  if (entry_len == 0 || reg.len % entry_len != 0) {
    return malformed();
  }
  for (size_t i = 0; i < reg.len / entry_len; i++) {
    so_arm_range range = {0};
    if (!read_reg(reg, parent, i, &range)) {
      return malformed();
    }
    if (range.len == 0) {
      continue;
    }
    if (*count == max) {
      return limit();
    }
    list[(*count)++] = range;
  }
  return so_done();
}

static so_status take_gic(reading *r, const bus *parent, so_arm_gic_version version) {
  so_arm_gic *gic = &r->out->gic;
  if (gic->version != SO_ARM_GIC_NONE) {
    return so_done();
  }
  if (!read_reg(r->now.reg, parent, 0, &gic->distributor) ||
      !read_reg(r->now.reg, parent, 1, &gic->cpu)) {
    return malformed();
  }
  gic->version = version;
  return so_done();
}

static so_status take_virtio(reading *r, const bus *parent) {
  so_arm_machine *m = r->out;
  if (m->virtio_count == SO_ARM_VIRTIO_MAX) {
    return limit();
  }
  so_arm_device *d = &m->virtio[m->virtio_count];
  if (!read_reg(r->now.reg, parent, 0, &d->registers)) {
    return malformed();
  }
  d->interrupt = read_interrupt(r->now.interrupts, 0);
  m->virtio_count++;
  return so_done();
}

static so_status take_uart(reading *r, const bus *parent) {
  so_arm_device *uart = &r->out->uart;
  if (uart->registers.len != 0) {
    return so_done();
  }
  if (!read_reg(r->now.reg, parent, 0, &uart->registers)) {
    return malformed();
  }
  uart->interrupt = read_interrupt(r->now.interrupts, 0);
  return so_done();
}

static so_status take_rtc(reading *r, const bus *parent) {
  return read_reg(r->now.reg, parent, 0, &r->out->rtc) ? so_done() : malformed();
}

static so_status take_xen(reading *r, const bus *parent) {
  so_arm_xen *xen = &r->out->xen;
  if (!read_reg(r->now.reg, parent, 0, &xen->grant_table)) {
    return malformed();
  }
  xen->present = true;
  xen->event_interrupt = read_interrupt(r->now.interrupts, 0);
  return so_done();
}

static so_status take_device(reading *r, const bus *parent) {
  const so_bytes is = r->now.compatible;
  if (so_device_tree_has(is, "arm,gic-v3")) {
    return take_gic(r, parent, SO_ARM_GIC_V3);
  }
  if (so_device_tree_has(is, "arm,gic-400") || so_device_tree_has(is, "arm,cortex-a15-gic") ||
      so_device_tree_has(is, "arm,cortex-a7-gic")) {
    return take_gic(r, parent, SO_ARM_GIC_V2);
  }
  if (so_device_tree_has(is, "virtio,mmio")) {
    return take_virtio(r, parent);
  }
  if (so_device_tree_has(is, "arm,pl011") || so_device_tree_has(is, "arm,sbsa-uart")) {
    return take_uart(r, parent);
  }
  if (so_device_tree_has(is, "arm,pl031")) {
    return take_rtc(r, parent);
  }
  if (so_device_tree_has(is, "xen,xen")) {
    return take_xen(r, parent);
  }
  return so_done();
}

// Nodes that say something, but have no registers.
static void take_facts(reading *r) {
  const node *n = &r->now;
  so_arm_machine *m = r->out;
  if (so_device_tree_has(n->compatible, "arm,armv8-timer") ||
      so_device_tree_has(n->compatible, "arm,armv7-timer")) {
    // Secure, non-secure, virtual, hypervisor: in this order by the binding.
    m->virtual_timer_interrupt = read_interrupt(n->interrupts, 2);
  }
  // Before 0.2 there was no way to end the machine.
  if (so_device_tree_has(n->compatible, "arm,psci-0.2") ||
      so_device_tree_has(n->compatible, "arm,psci-1.0")) {
    if (so_device_tree_has(n->method, "hvc")) {
      m->psci = SO_ARM_PSCI_HVC;
    } else if (so_device_tree_has(n->method, "smc")) {
      m->psci = SO_ARM_PSCI_SMC;
    }
  }
  if (r->depth == 2 && so_bytes_equal(n->name, so_str("chosen"))) {
    m->bootargs = so_bytes_first(n->bootargs, so_bytes_find(n->bootargs, 0));
    m->rng_seed = n->rng_seed;
  }
}

// Called once for each node, when all its properties have been read.
static so_status take_node(reading *r) {
  if (!r->open) {
    return so_done();
  }
  r->open = false;
  so_arm_machine *m = r->out;
  const node *n = &r->now;
  const bus *parent = &r->buses[r->depth - 1];
  const bool okay = n->status.len == 0 || so_device_tree_has(n->status, "okay") ||
                    so_device_tree_has(n->status, "ok");
  if (parent->reservations) {
    return add_ranges(n->reg, parent, m->reserved, SO_ARM_RESERVED_MAX, &m->reserved_count);
  }
  if (!okay) {
    return so_done();
  }
  take_facts(r);
  if (!parent->one_to_one) {
    return so_done();
  }
  if (so_device_tree_has(n->device_type, "memory")) {
    return add_ranges(n->reg, parent, m->memory, SO_ARM_MEMORY_MAX, &m->memory_count);
  }
  return take_device(r, parent);
}

static so_status open_node(reading *r, so_bytes name, uint32_t depth) {
  SO_TRY(take_node(r));
  r->depth = depth;
  r->open = true;
  memset(&r->now, 0, sizeof r->now);
  r->now.name = name;
  // The values that count when a node does not say: 2.3.5. Addresses of the root's children are the
  // processor's; for others `ranges` must say so.
  r->buses[depth] = (bus){
      .address_cells = 2,
      .size_cells = 1,
      .one_to_one = depth == 1,
      .reservations = depth == 2 && so_bytes_equal(name, so_str("reserved-memory")),
  };
  return so_done();
}

static so_status close_node(reading *r) {
  SO_TRY(take_node(r));
  r->depth--;
  return so_done();
}

static bool is(so_bytes name, const char *text) { return so_bytes_equal(name, so_str(text)); }

// A number of cells; more than any address has counts as too many, not as a length to multiply with.
static void read_cell_count(so_bytes value, uint32_t *out) {
  so_reader r = so_reader_of(value);
  uint32_t count = 0;
  if (so_read_u32be(&r, &count)) {
    *out = count < CELLS_TOO_MANY ? count : CELLS_TOO_MANY;
  }
}

static void read_property(reading *r, so_bytes name, so_bytes value) {
  node *n = &r->now;
  bus *own = &r->buses[r->depth];
  if (is(name, "#address-cells")) {
    read_cell_count(value, &own->address_cells);
  } else if (is(name, "#size-cells")) {
    read_cell_count(value, &own->size_cells);
  } else if (is(name, "ranges") && r->depth > 1) {
    own->one_to_one = value.len == 0 && r->buses[r->depth - 1].one_to_one;
  }
  const struct {
    const char *name;
    so_bytes *value;
  } wanted[] = {
      {"compatible", &n->compatible}, {"device_type", &n->device_type},
      {"reg", &n->reg},               {"interrupts", &n->interrupts},
      {"status", &n->status},         {"method", &n->method},
      {"bootargs", &n->bootargs},     {"rng-seed", &n->rng_seed},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    if (is(name, wanted[i].name)) {
      *wanted[i].value = value;
    }
  }
}

static so_status read_reservations(const so_device_tree *tree, so_arm_machine *out) {
  const bus pairs = {.address_cells = 2, .size_cells = 2};
  return add_ranges(tree->reservations, &pairs, out->reserved, SO_ARM_RESERVED_MAX,
                    &out->reserved_count);
}

so_status so_arm_machine_read(const so_device_tree *tree, so_arm_machine *out) {
  memset(out, 0, sizeof *out);
  SO_TRY(read_reservations(tree, out));
  reading r = {.out = out};
  so_device_tree_walk walk = so_device_tree_begin(tree);
  so_device_tree_item item = {.token = SO_DEVICE_TREE_NODE};
  while (item.token != SO_DEVICE_TREE_END) {
    SO_TRY(so_device_tree_next(&walk, &item));
    switch (item.token) {
      case SO_DEVICE_TREE_NODE:
        SO_TRY(open_node(&r, item.name, walk.depth));
        break;
      case SO_DEVICE_TREE_PROPERTY:
        if (!r.open) {
          return malformed();  // 5.4.2: properties stand before the nodes below.
        }
        read_property(&r, item.name, item.value);
        break;
      case SO_DEVICE_TREE_NODE_END:
        SO_TRY(close_node(&r));
        break;
      case SO_DEVICE_TREE_END:
        break;
    }
  }
  return so_done();
}
