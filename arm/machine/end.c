// The end by PSCI (Arm DEN 0022, 5.9 and 5.10): of the hypervisor (hvc) or of firmware (smc).

#include "arm/machine/internal.h"

#define SYSTEM_OFF 0x84000008u
#define SYSTEM_RESET 0x84000009u

_Noreturn void so_machine_end(so_end how) {
  const uint32_t function = how == SO_END_POWEROFF ? SYSTEM_OFF : SYSTEM_RESET;
  if (arm_machine.psci == SO_ARM_PSCI_SMC) {
    so_cpu_smc(function);
  } else if (arm_machine.psci == SO_ARM_PSCI_HVC) {
    so_cpu_hvc(function);
  }
  for (;;) {
    so_cpu_timer_off();
    so_cpu_sleep();
  }
}
