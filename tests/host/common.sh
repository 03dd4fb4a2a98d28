# shellcheck shell=bash
# What `host` and `../vm/vm` share: words, waiting, the list of hosts, keys and
# accounts, SSH, and taking a host down. Sourced by both; `released NAME` and
# `machine_runs NAME` are their own.

say() {
  echo "$(basename "$0"): $*" >&2
}

die() {
  say "$*"
  exit 1
}

# Runs CMD; its output is shown only if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [ "$status" = 0 ] || tail -n 30 "$log" >&2
  rm -f "$log"
  return "$status"
}

# wait_for SECONDS CMD...: tries CMD every 50 ms.
wait_for() {
  local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# Serialises what concerns all hosts; file descriptor 9 holds the lock.
lock_state() {
  mkdir -p "$STATE"
  exec 9>"$STATE/lock"
  flock 9
}

unlock_state() {
  exec 9>&-
}

host_names() {
  [ ! -d "$STATE" ] || find "$STATE" -mindepth 1 -maxdepth 1 -type d ! -name '_*' -printf '%f\n' | sort
}

# Reads what `up` wrote down about a host.
load() {
  [ -e "$STATE/$1/conf" ] || die "no host $1 is up"
  # shellcheck source=/dev/null
  . "$STATE/$1/conf"
}

# --- up and down ---------------------------------------------------------------

# make_keys NAME KEY.pub PASSWORD_FILE: what a new host is logged in to with;
# without a key there is a new pair, without a password a random one.
make_keys() {
  local name=$1 key=$2 password=$3 dir=$STATE/$1 login=no
  chmod 700 "$dir"
  ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f "$dir/host_key"
  if [ -z "$key" ]; then
    key=$dir/id_ed25519.pub
    ssh-keygen -q -t ed25519 -N '' -C "debian@$name" -f "${key%.pub}"
  fi
  install -m 600 "$key" "$dir/authorized_key"
  if [ -n "$password" ]; then
    login=yes
    install -m 600 "$password" "$dir/password"
  else
    (umask 077 && head -c 12 /dev/urandom | base64 >"$dir/password")
  fi
  printf 'KEY=%q PASSWORD_LOGIN=%q\n' "${key%.pub}" "$login" >"$dir/conf"
}

# furnish NAME ROOT: what makes a root that is not booted yet this host's: its
# name, its number, its key, and the two accounts that log in.
furnish() {
  local name=$1 root=$2 dir=$STATE/$1 account
  echo "$name" >"$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$root/etc/hosts"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

  install -m 600 "$dir/host_key" "$root/etc/ssh/ssh_host_ed25519_key"
  install -m 644 "$dir/host_key.pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"
  cat >"$root/etc/ssh/sshd_config.d/10-test-host.conf" <<EOF
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin no
PasswordAuthentication $PASSWORD_LOGIN
EOF

  for account in debian pwsudo; do
    install -D -m 600 "$dir/authorized_key" "$root/home/$account/.ssh/authorized_keys"
    chmod 700 "$root/home/$account/.ssh"
    chroot "$root" chown -R "$account:$account" "/home/$account/.ssh"
  done
  printf 'pwsudo:%s\n' "$(head -n 1 "$dir/password")" | chroot "$root" chpasswd
  [ "$PASSWORD_LOGIN" = no ] ||
    printf 'debian:%s\n' "$(head -n 1 "$dir/password")" | chroot "$root" chpasswd
}

down() {
  local name
  [ $# -gt 0 ] || die "down which host? or --all"
  if [ "$1" = --all ]; then
    mapfile -t names < <(host_names)
    set -- "${names[@]}"
  fi
  for name in "$@"; do
    [[ $name =~ ^[a-z][a-z0-9-]*$ ]] || die "$name is not a host's name"
    cgroup_kill "$name"
    released "$name"
    forget "$name"
    rm -rf --one-file-system "${STATE:?}/$name"
  done
  [ -d "$STATE" ] || return 0
  lock_state
  if [ -z "$(host_names)" ]; then
    stop_proxy
    [ ! -d "$(cgroup_top)" ] || remove_cgroup "$(cgroup_top)"
    rm -rf --one-file-system "$STATE"
  fi
  unlock_state
}

# What a host keeps outside of its own folder.
forget() (
  [ -e "$STATE/$1/conf" ] || exit 0
  load "$1"
  [ -z "${KEEP:-}" ] || rm -rf --one-file-system "$KEEP/docker" "$KEEP/containerd" "$KEEP/$(image_name "$1")"
)

# --- looking and reaching in -----------------------------------------------------

list() {
  local name
  for name in $(host_names); do
    if machine_runs "$name"; then echo "$name on"; else echo "$name off"; fi
  done
}

# over_ssh [USER@]NAME -- CMD...
over_ssh() {
  local user=debian name=$1 dir
  shift
  case $name in *@*) user=${name%%@*} name=${name#*@} ;; esac
  [ "${1:-}" != -- ] || shift
  load "$name"
  dir=$STATE/$name
  echo "[127.0.0.1]:$(<"$dir/port") $(cut -d' ' -f1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
  exec ssh -F /dev/null -i "$KEY" -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR \
    -o UserKnownHostsFile="$dir/known_hosts" -o StrictHostKeyChecking=yes \
    -p "$(<"$dir/port")" "$user@127.0.0.1" "$@"
}

# --- disks ---------------------------------------------------------------------

# on_disk NAME CMD...: in the mount namespace that holds the disk of a host.
on_disk() {
  local holder
  holder=$(<"$STATE/$1/holder")
  shift
  nsenter --target "$holder" --mount "$@"
}

# Unlike a path, told apart in every mount namespace.
image_name() {
  echo "$(basename "$(cgroup_top)")-$1.img"
}
