# shellcheck shell=bash
# The base of every machine: Debian's kernel, a small initrd, and an ext4 image
# of a bare Debian. Sourced by `vm` after ../host/base.sh, whose `prepare`
# calls what is defined here.
#
# The cache holds base-KEY/{vmlinuz,initrd,root.img}; KEY is a digest of what
# goes in.

# The first megabytes are what is installed, the rest is sparse.
DISK_SIZE=24G

base_key() {
  {
    cat "$HERE/image.sh" "$HERE/base-packages" "$HERE/../host/base.sh"
    echo "$HOST_ADDRESS $GATEWAY"
  } | sha256sum | cut -c1-16
}

# Builds the base unless the cache has it. Atomic: built aside, then renamed.
build_base() {
  local base work sources
  base=$(base_dir)
  [ ! -d "$base" ] || return 0
  find "$CACHE" -maxdepth 1 -name 'base-*.part' -exec rm -rf --one-file-system {} +
  work=$base.part
  mkdir -p "$work"
  sources=$work/sources.list
  debian_sources >"$sources"
  if [ ! -s "$sources" ]; then
    quietly apt-get -q update
    debian_sources >"$sources"
  fi
  [ -s "$sources" ] || die "this machine has no Debian source for its own release"
  say "building the root of the machines (two minutes, once)"
  write_initramfs_choice "$work/initramfs"
  quietly bootstrap_machine "$work" "$sources"
  configure_machine "$work/root"
  cp --dereference "$work/root/vmlinuz" "$work/vmlinuz"
  cp --dereference "$work/root/initrd.img" "$work/initrd"
  quietly make_image "$work/root" "$work/root.img"
  rm -rf --one-file-system "$work/root" "$work/initramfs"
  prune_old_bases
  mv "$work" "$base"
}

# An initrd of what this machine needs is made in seconds and read in one; that
# of all drivers would be read by the emulated processor for half a minute.
write_initramfs_choice() {
  mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
  echo 'MODULES=list' >"$1/etc/initramfs-tools/conf.d/ciab-test"
  printf '%s\n' virtio_pci virtio_blk ext4 >"$1/usr/share/initramfs-tools/modules.d/ciab-test"
}

bootstrap_machine() {
  local work=$1 sources=$2
  mmdebstrap --mode=root --variant=minbase \
    --include="$(package_names "$HERE/base-packages" | paste -sd,)" \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt=force-unsafe-io \
    --essential-hook="cp -R $work/initramfs/. \"\$1\"" \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$work/root" "$sources"
}

# A machine someone has prepared for us: network, name server, SSH, two accounts.
configure_machine() {
  local root=$1
  configure_base "$root"
  rm "$root/etc/systemd/network/10-host0.network" \
    "$root/etc/systemd/system/console-getty.service" "$root/etc/systemd/system/getty@tty1.service"
  cat >"$root/etc/systemd/network/10-eth0.network" <<EOF
[Match]
Name=eth0

[Network]
Address=$HOST_ADDRESS/24
Gateway=$GATEWAY
LinkLocalAddressing=no
EOF
  echo "nameserver $GATEWAY" >"$root/etc/resolv.conf"
  echo '/dev/vda / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"
}

make_image() {
  truncate -s "$DISK_SIZE" "$2"
  mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1,lazy_journal_init=1 -d "$1" "$2"
}
