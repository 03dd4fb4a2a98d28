# shellcheck shell=bash
# The machine: its disk, its card, and the QEMU that runs it. Sourced by `vm`.
#
#   QEMU ---- tap0 - br0 (of ../host/net.sh)
#    `-- NBD -- nbdkit: write cache -- the image, in the holder's memory
#
# The disk has a write cache as real disks have: what the guest has written and
# not flushed is in the server alone, and a power cut ends server and QEMU at
# once. So a cut loses exactly what a disk may lose.

# An AMD model needs no page-table isolation, which costs most under emulation;
# and none with AVX, which costs half as much again.
CPU=Opteron_G3
MEMORY=2560

# --- how fast it can be ----------------------------------------------------------

# Whether a guest starts under KVM here is tried once a boot of this machine:
# there are machines with a /dev/kvm whose guests never get anywhere.
accelerator() {
  local kept
  kept=$CACHE/accelerator-$(</proc/sys/kernel/random/boot_id)
  if [ ! -s "$kept" ]; then
    rm -f "$CACHE"/accelerator-*
    if kvm_works; then echo kvm >"$kept"; else echo tcg >"$kept"; fi
    say "machines run under $(<"$kept")"
  fi
  cat "$kept"
}

# Without a root the kernel panics, which proves that it ran.
kvm_works() {
  local log
  [ -w /dev/kvm ] || return 1
  log=$(mktemp)
  timeout --signal=KILL 25 qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot \
    -accel kvm -cpu host -m 512 -kernel "$(base_dir)/vmlinuz" -append 'console=ttyS0 panic=-1' \
    -serial "file:$log" >/dev/null 2>&1 || true
  grep -q 'Kernel panic' "$log" && rm -f "$log" && return 0
  rm -f "$log"
  return 1
}

# --- disk and card ---------------------------------------------------------------

# make_disk NAME: a copy of the base that knows who it is.
make_disk() {
  local name=$1 disk=$STATE/$1/disk
  on_disk "$name" cp --sparse=always "$BASE/root.img" "$disk/$(image_name "$name")"
  # The loop device and the mount go with this process.
  nsenter --target "$(<"$STATE/$name/holder")" --mount \
    unshare --mount --propagation private "$HERE/vm" _furnish "$name"
}

# `vm _furnish NAME`: in a mount namespace of its own.
furnish_disk() {
  local name=$1 root=$STATE/$1/root
  load "$name"
  mkdir -p "$root"
  mount -t ext4 -o loop "$STATE/$name/disk/$(image_name "$name")" "$root"
  furnish "$name" "$root"
  umount "$root"
}

# Waits until nothing of this machine holds the image any more.
released() {
  wait_for 10 loop_free "$1" || die "a loop device still holds the disk of $1"
}

loop_free() {
  ! losetup --list --noheadings --output BACK-FILE | grep -qE "/$(image_name "$1")( |$)"
}

start_card() {
  in_netns "$1" sh -ec "
    ip tuntap add tap0 mode tap
    ip link set tap0 master br0
    ip link set tap0 up"
}

# The names $NAME_OF_PROXY and no other: there is no way out of here.
start_names() {
  local name=$1
  spawn "$name/net" "$STATE/$name/dnsmasq.log" nsenter --net="/proc/$(<"$STATE/$name/holder")/ns/net" \
    dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --user=root \
    --log-facility=- --listen-address="$GATEWAY" --bind-interfaces --host-record="$NAME_OF_PROXY,$GATEWAY"
}

# --- on and off --------------------------------------------------------------------

# Starts disk and machine, and returns at once. Both are in one group: a power
# cut ends them together.
start_machine() {
  local name=$1 dir=$STATE/$1 disk=$STATE/$1/disk
  cgroup_kill "$name/exec"
  if [ -z "$(cgroup_pids "$name/machine/disk")" ]; then
    rm -f "$dir/disk.sock"
    spawn "$name/machine/disk" "$dir/nbdkit.log" nsenter --target "$(<"$dir/holder")" --mount \
      env TMPDIR="$disk" sh -c '"$@"; echo "ended with $?"' sh nbdkit -f --unix "$dir/disk.sock" --filter=cache \
      file "$disk/$(image_name "$name")" cache=writeback
    wait_for 5 test -S "$dir/disk.sock" || die "no disk for $name: $(tail -n 3 "$dir/nbdkit.log")"
  fi
  rm -f "$dir/qmp.sock"
  # The options are words.
  # shellcheck disable=SC2046
  spawn "$name/machine/qemu" "$dir/qemu.log" nsenter --net="/proc/$(<"$dir/holder")/ns/net" \
    qemu-system-x86_64 -name "$name" -nodefaults -no-user-config -display none -machine pc \
    $(acceleration) -smp 2 -m "$MEMORY" \
    -kernel "$BASE/vmlinuz" -initrd "$BASE/initrd" \
    -append 'root=/dev/vda rw console=ttyS0 net.ifnames=0 no_timer_check nokaslr panic=-1' \
    -blockdev "driver=nbd,node-name=disk,server.type=unix,server.path=$dir/disk.sock" \
    -device virtio-blk-pci,drive=disk,serial="ciab-test-$name" \
    -netdev tap,id=nic,ifname=tap0,script=no,downscript=no \
    -device virtio-net-pci,netdev=nic,mac=52:54:00:c1:ab:01,speed=1000,duplex=full,romfile= \
    -device virtio-rng-pci \
    -chardev "file,id=console,path=$dir/console.log,append=on" -serial chardev:console \
    -qmp "unix:$dir/qmp.sock,server=on,wait=off"
}

acceleration() {
  case $ACCELERATOR in
    kvm) echo -accel kvm -cpu host ;;
    tcg) echo -accel tcg,thread=multi,tb-size=512 -cpu "$CPU" ;;
  esac
}

machine_runs() {
  [ -n "$(cgroup_pids "$1/machine/qemu")" ]
}

machine_off() {
  ! machine_runs "$1"
}
