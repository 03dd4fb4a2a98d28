# shellcheck shell=bash
# A host's machine: its root file system and the systemd-nspawn that boots it.
# Sourced by `host`.
#
# The machine's mounts exist only in a mount namespace of its own, so they go
# when its last process does: no unmounting, and a loop device frees itself.
# The disk under them is the holder's (net.sh): it stays while the host is off,
# and being in memory it costs neither the writes nor the removal of a real one.

# Starts the machine of a host whose network is up, and returns at once.
start_machine() {
  local name=$1 dir=$STATE/$1
  rm -f "$dir/nspawn.pid"
  spawn "$name/machine" "$dir/console.log" \
    nsenter --target "$(<"$dir/holder")" --net --mount \
    unshare --mount --propagation private "$HERE/host" _run "$name"
}

machine_runs() {
  [ -n "$(cgroup_pids "$1/machine")" ]
}

machine_off() {
  ! machine_runs "$1"
}

# Process 1 of the host, as the test machine numbers it.
leader() {
  local nspawn pid
  nspawn=$(cat "$STATE/$1/nspawn.pid" 2>/dev/null) || return 1
  for pid in $(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null); do
    if grep -qE '^NSpid:[[:space:]]+[0-9]+[[:space:]]+1$' "/proc/$pid/status" 2>/dev/null; then
      echo "$pid"
      return 0
    fi
  done
  return 1
}

# nspawn gives every boot a boot id of its own.
boot_id() {
  local pid
  pid=$(leader "$1") && cat "/proc/$pid/root/proc/sys/kernel/random/boot_id" 2>/dev/null
}

# make_disk NAME: an empty layer above the base, or a copy of the ext4 image.
make_disk() {
  local disk=$STATE/$1/disk
  load "$1"
  case $ROOT_KIND in
    overlay)
      on_disk "$1" mkdir "$disk/upper" "$disk/work"
      on_disk "$1" mkdir "${KEEP:-$disk}/docker" "${KEEP:-$disk}/containerd"
      ;;
    ext4)
      disk=${KEEP:-$disk}/$(image_name "$1")
      on_disk "$1" cp --sparse=always "$BASE/ext4.img" "$disk"
      # A cloud's images, and what else `core` wants to see free.
      [ -z "$CLOUD" ] || quietly on_disk "$1" sh -c "truncate -s 40G '$disk' && resize2fs -f '$disk'"
      ;;
  esac
}

# Waits until nothing of this machine holds the host's root any more.
released() {
  wait_for 10 loop_free "$1" || die "a loop device still holds the root of $1"
}

loop_free() {
  ! losetup --list --noheadings --output BACK-FILE | grep -qE "/$(image_name "$1")( |$)"
}

# --- inside the machine's mount namespace -------------------------------------

# `host _run NAME`: mounts the root and boots it, again after every reboot.
run_machine() {
  local name=$1 dir=$STATE/$1 root=$STATE/$1/root status
  load "$name"
  # nspawn wants a tmpfs for its run-time files and nothing but cgroup v2.
  mkdir -p /run/systemd
  mount -t tmpfs tmpfs /run/systemd
  mountpoint -q /sys/fs/cgroup && [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] ||
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount_root "$name"
  [ -e "$dir/furnished" ] || furnish_root "$name" "$root"
  while :; do
    status=0
    boot_root "$name" "$root" || status=$?
    [ "$status" = 133 ] || break
    # What the last boot left of its cgroups.
    find "$(cgroup_top)/$name/machine" -mindepth 1 -depth -type d -exec rmdir {} \; || true
    echo "host: $name reboots"
  done
  echo "host: $name is off (nspawn ended with $status)"
}

mount_root() {
  local dir=$STATE/$1
  mkdir -p "$dir/root"
  case $ROOT_KIND in
    overlay)
      mount -t overlay -o "lowerdir=$BASE/root,upperdir=$dir/disk/upper,workdir=$dir/disk/work" \
        "ciab-$1" "$dir/root"
      ;;
    ext4)
      mount -t ext4 -o loop "${KEEP:-$dir/disk}/$(image_name "$1")" "$dir/root"
      ;;
  esac
}

# What makes this host itself: done once, at its first boot.
furnish_root() {
  local name=$1 root=$2
  furnish "$name" "$root"
  install_shims "$root"
  [ -z "$ALONE" ] || sed -i '/^Gateway=/d' "$root/etc/systemd/network/10-host0.network"
  sync -f "$root"
  touch "$STATE/$name/furnished"
}

# Each says in its first lines why it is needed.
install_shims() {
  local root=$1 modules
  modules=$root/lib/modules/$(uname -r)
  install -D -m 755 "$HERE/shims/runc" "$root/usr/local/sbin/runc"
  install -D -m 644 "$HERE/shims/chrony.conf" \
    "$root/etc/systemd/system/chrony.service.d/10-test-host.conf"
  mkdir -p "$modules"
  awk 'NR == FNR { option[$2] = $1; next }
       $2 == "y" && $1 in option { print "kernel/" option[$1] ".ko" }' \
    <(sed '/^#/d' "$HERE/shims/builtin-modules") \
    <(zcat /proc/config.gz | tr = ' ') >"$modules/modules.builtin"
  : >"$modules/modules.order"
  [ -z "$CLOUD" ] || install_cloud_shims "$root" "$modules"
  chroot "$root" depmod "$(uname -r)"
}

# What a cloud asks of a kernel that this one lacks; each file says why.
install_cloud_shims() {
  local root=$1 modules=$2 from=$HERE/shims/cloud python place names
  names=$(sed 's/#.*//' "$from/modules" | tr -s '[:space:]' '\n' | sed '/^$/d')
  sed 's#.*#kernel/&.ko#' <<<"$names" >>"$modules/modules.builtin"
  place=$root/usr/local/lib/ciab-test-host
  mkdir -p "$place"
  sed 's/$/ 16384 0 - Live 0x0000000000000000/' <<<"$names" >"$place/modules"
  install -m 755 "$from/ovs-user-space" "$place/ovs-user-space"
  # Debian 12's; the host has no Python yet.
  python=$root/usr/local/lib/python3.11/dist-packages
  install -D -m 644 "$from/ciab_proc_modules.py" "$python/ciab_proc_modules.py"
  echo 'import ciab_proc_modules' >"$python/ciab-test-host.pth"
  install -m 644 "$from/ovs-user-space.service" "$root/etc/systemd/system/ovs-user-space.service"
  mkdir -p "$root/etc/systemd/system/kolla-openvswitch_db-container.service.wants"
  ln -s ../ovs-user-space.service "$root/etc/systemd/system/kolla-openvswitch_db-container.service.wants/"
}

# One boot. Ends with 133 when the host wants to boot again.
#
# CAP_SYS_TIME and CAP_SYS_MODULE stay out: the clock and the kernel are the
# test machine's. For the same reason only /proc/sys/net is writable. The added
# system calls are those Docker's runc needs.
boot_root() {
  local name=$1 root=$2 dir=$STATE/$1 bind options=()
  [ "$ROOT_KIND" = ext4 ] ||
    options+=("--bind=${KEEP:-$dir/disk}/docker:/var/lib/docker"
      "--bind=${KEEP:-$dir/disk}/containerd:/var/lib/containerd")
  for bind in $BINDS; do
    options+=("--bind-ro=$bind")
  done
  [ -z "$NIC2" ] || options+=("--network-veth-extra=nic2:host1")
  SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_TMPFS_TMP=0 \
    systemd-nspawn --boot --quiet --directory="$root" --machine="$name" \
    --register=no --keep-unit --settings=no --console=pipe \
    --resolv-conf=off --timezone=off --link-journal=no \
    --network-bridge=br0 "${options[@]}" \
    --capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON,CAP_IPC_LOCK \
    --system-call-filter="@keyring bpf perf_event_open" \
    --bind=/dev/net/tun --bind=/dev/fuse </dev/null &
  echo $! >"$dir/nspawn.pid"
  [ -z "$NIC2" ] || raise_nic2
  wait $!
}

# nspawn leaves the outer end of the second NIC down.
raise_nic2() {
  wait_for 5 ip link set nic2 up || return 0
  ip address replace "$NIC2_GATEWAY/24" dev nic2
}
