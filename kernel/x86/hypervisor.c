// What the processor is a picture of: the leaves of CPUID from 0x40000000.

#include "base/bytes.h"
#include "base/mem.h"
#include "kernel/x86/internal.h"

#define CPUID1_ECX_HYPERVISOR (1u << 31)

static uint32_t found_leaf;

static x86_hypervisor kind_of(const x86_cpuid_result *r) {
  static const struct {
    const char *name;
    x86_hypervisor kind;
  } known[] = {{"XenVMMXenVMM", X86_XEN}, {"KVMKVMKVM\0\0\0", X86_KVM}, {"TCGTCGTCGTCG", X86_TCG}};
  const uint32_t name[3] = {r->b, r->c, r->d};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (memcmp(name, known[i].name, sizeof name) == 0) {
      return known[i].kind;
    }
  }
  return X86_OTHER;
}

x86_hypervisor x86_hypervisor_kind(void) {
  static bool asked;
  static x86_hypervisor kind;
  if (asked) {
    return kind;
  }
  asked = true;
  kind = (x86_cpuid(1, 0).c & CPUID1_ECX_HYPERVISOR) != 0 ? X86_OTHER : X86_BARE;
  // Several may be offered, each at its own base (Xen's under another's): the first known one counts,
  // but Xen before all.
  for (uint32_t leaf = 0x40000000u; kind != X86_BARE && leaf < 0x40010000u; leaf += 0x100) {
    const x86_cpuid_result r = x86_cpuid(leaf, 0);
    const x86_hypervisor k = kind_of(&r);
    if (k != X86_OTHER && (kind == X86_OTHER || k == X86_XEN)) {
      kind = k;
      found_leaf = leaf;
    }
    if (kind == X86_XEN) {
      break;
    }
  }
  return kind;
}

uint32_t x86_hypervisor_leaf(void) {
  (void)x86_hypervisor_kind();
  return found_leaf;
}
