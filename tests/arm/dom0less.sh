# Shared by what boots a guest of real Xen on ARM without dom0: the guest, its memory and its UART are in the device
# tree that Xen gets. Source it, then set $XEN (the hypervisor), $IMAGE, $QEMU, $MACHINE, $CPU and $WORK (a folder).
# boot leaves the machine's process in $QEMU_PID and its console in $WORK/console, where lines of the guest begin with
# `(XEN) DOM1: `.

XEN_MACHINES_arm64=("virt,virtualization=on,gic-version=2 cortex-a57" "virt,virtualization=on,gic-version=3 cortex-a57")
# The last is a board: Orange Pi PC, Allwinner H3, Cortex-A7.
XEN_MACHINES_armv7=("virt,virtualization=on,highmem=off cortex-a15" "virt,virtualization=on,highmem=off cortex-a7" orangepi-pc)

AT=0x50000000  # Where QEMU puts the image of the guest.

# guest COMMAND-LINE CELLS: the guest, as source of a device tree with that many cells for addresses and lengths.
guest() {
  local zero=
  [ "$2" = 1 ] || zero="0 "
  cat <<DTS
/ { chosen {
  #address-cells = <$2>; #size-cells = <$2>;
  xen,xen-bootargs = "console=dtuart bootscrub=0 $XEN_LINE";
  domU1 {
    compatible = "xen,domain"; #address-cells = <$2>; #size-cells = <$2>;
    memory = <0 $((16 * 1024))>; cpus = <1>; vpl011; xen,enhanced = "no-xenstore";
    kernel@50000000 {
      compatible = "multiboot,kernel", "multiboot,module";
      reg = <$zero$AT $zero$(stat -Lc %s "$IMAGE")>; bootargs = "$1";
    };
  };
}; };
DTS
}

# tree: of the machine, without guests. What QEMU makes of `virt` itself; for the board, Linux's, with what its
# firmware would add: memory, and how processors are switched on.
tree() {
  if [ "$MACHINE" = orangepi-pc ]; then
    dtc -q -I dtb -O dts "${XEN%/*}/board.dtb"
    echo '/ { memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
      psci { compatible = "arm,psci-0.2"; method = "smc"; }; };'
  else
    "$QEMU" -M "$MACHINE,dumpdtb=$WORK/bare.dtb" -cpu "$CPU" -smp 2 -m 512 -display none >/dev/null 2>&1
    dtc -q -I dtb -O dts "$WORK/bare.dtb"
  fi
}

# boot COMMAND-LINE: Xen with the one guest.
boot() {
  local cells=2 machine=(-cpu "$CPU" -smp 2 -m 512)
  XEN_LINE=
  if [ "$MACHINE" = orangepi-pc ]; then
    cells=1 machine=(-m 1024) XEN_LINE=dtuart=serial0
  fi
  { tree; guest "$1" $cells; } >"$WORK/all.dts"
  dtc -q -I dts -O dtb -o "$WORK/all.dtb" "$WORK/all.dts"
  timeout -k 5 120 "$QEMU" -M "$MACHINE" -accel tcg "${machine[@]}" -nic none -display none -no-reboot \
    -serial stdio -dtb "$WORK/all.dtb" -kernel "$XEN" \
    -device "loader,file=$IMAGE,addr=$AT,force-raw=on" </dev/null >"$WORK/console" 2>&1 &
  QEMU_PID=$!
}
