# shellcheck shell=bash
# The base of every host: packages of the test machine, the Debian root
# directory and the ext4 image made of it. Sourced by `host`.
#
# The cache holds base-KEY/{root,ext4.img}; KEY is a digest of what goes in,
# so a change of this file or of base-packages makes a new base.

# Names in a package list, without comments.
package_names() {
  sed 's/#.*//' "$1" | tr -s '[:space:]' '\n' | sed '/^$/d'
}

base_key() {
  {
    cat "$HERE/base.sh" "$HERE/base-packages"
    echo "$HOST_ADDRESS $GATEWAY"
  } | sha256sum | cut -c1-16
}

base_dir() {
  echo "$CACHE/base-$(base_key)"
}

missing_packages() {
  # shellcheck disable=SC2046
  dpkg-query -W -f '${db:Status-Status} ${Package}\n' $(package_names "$HERE/packages") 2>/dev/null |
    sed -n 's/^installed //p' | sort | comm -13 - <(package_names "$HERE/packages" | sort)
}

# Installs what is missing, without starting any service: the daemons of
# nginx and chrony are run by us, and only while hosts are up.
install_packages() {
  local missing policy=/usr/sbin/policy-rc.d made_policy='' status=0
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=1
  fi
  quietly apt_install "${missing[@]}" || status=$?
  [ -z "$made_policy" ] || rm -f "$policy"
  return "$status"
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update &&
    apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

# The machine's own Debian sources as one-line entries, other vendors' left out.
debian_sources() {
  local codename
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # The names in $( ) are apt's, not the shell's.
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(ORIGIN)|deb $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sed -n "s/^Debian|\(deb [^ ]* $codename[^ ]* .*\)/\1/p" | sort -u
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
  say "building the base root (about a minute, once)"
  quietly bootstrap "$work/root" "$sources"
  configure_base "$work/root"
  quietly make_ext4 "$work/root" "$work/ext4.img"
  prune_old_bases
  mv "$work" "$base"
}

bootstrap() {
  local root=$1 sources=$2 include
  include=$(package_names "$HERE/base-packages" | paste -sd,)
  mmdebstrap --mode=root --variant=minbase --include="$include" \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt=force-unsafe-io \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" "$sources"
}

# Turns the bare root into a machine someone has prepared for us: a network,
# an SSH server, two accounts, root locked.
configure_base() {
  local root=$1 unit
  # dpkg must sync in the hosts as it does on a real box: the power-cut test
  # would otherwise blame the installer.
  sed -i '/force-unsafe-io/d' "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
  cat >"$root/etc/systemd/network/10-host0.network" <<EOF
[Match]
Name=host0

[Network]
Address=$HOST_ADDRESS/24
Gateway=$GATEWAY
LinkLocalAddressing=no
EOF
  systemctl --root="$root" --quiet enable systemd-networkd.service
  # Disabled, not masked: the installer enables them, as on a real Debian.
  systemctl --root="$root" --quiet disable apt-daily.timer apt-daily-upgrade.timer
  # No terminal is attached.
  for unit in console-getty.service getty@tty1.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  echo '# Nothing resolves names for this host.' >"$root/etc/resolv.conf"
  # Each host gets its own identity at `up`; no file is older than the base.
  rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id" "$root/var/lib/dbus/machine-id"
  touch "$root/etc/machine-id"

  chroot "$root" useradd --create-home --shell /bin/bash debian
  chroot "$root" useradd --create-home --shell /bin/bash --groups sudo pwsudo
  chroot "$root" passwd --quiet --lock root
  echo 'debian ALL=(ALL:ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/90-debian"
  chmod 440 "$root/etc/sudoers.d/90-debian"
  touch "$root/etc/.updated" "$root/var/.updated"
}

make_ext4() {
  truncate -s 12G "$2"
  mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1,lazy_journal_init=1 -d "$1" "$2"
}

# Older bases go, except those a host stands on: it holds a shared lock.
prune_old_bases() {
  local base
  for base in "$CACHE"/base-*; do
    case $base in
      *.part | *'*') ;;
      *) flock --nonblock "$base" rm -rf --one-file-system "$base" || true ;;
    esac
  done
}

# Cheap when nothing is to be done: `up` calls it every time.
prepare() {
  [ -z "$(missing_packages)" ] && [ -d "$(base_dir)" ] && return 0
  mkdir -p "$CACHE"
  (
    flock 9
    install_packages
    build_base
  ) 9>"$CACHE/lock"
}
