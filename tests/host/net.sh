# shellcheck shell=bash
# A host's surroundings: its network namespace with a gateway, the SSH relay
# into it, the APT proxy and the NTP server. Sourced by `host`.
#
#   root namespace                 host's outer namespace            the host
#   127.0.0.1:PORT -socat- ssh.sock -socat-.                         host0
#   apt-cacher-ng  - apt.sock ------socat- GATEWAY:3142 --- br0 ---- HOST_ADDRESS
#                                  chronyd GATEWAY:123    nic2 ----- host1 (--nic2)
#
# Every process lives in a cgroup of its host, so that whatever state the host
# is in, `down` ends exactly what belongs to it.

# Addresses of documentation (RFC 5737): they collide with nothing the
# installer may choose. Every host has the same ones, in a namespace of its own.
# Used by base.sh and host too.
GATEWAY=198.51.100.1
HOST_ADDRESS=198.51.100.2
NIC2_GATEWAY=203.0.113.1
PROXY=http://$GATEWAY:3142

# --- cgroups -----------------------------------------------------------------

cgroup_top() {
  local mount
  # The last one: in a machine's mount namespace it hides the first.
  mount=$(awk '$3 == "cgroup2" { mount = $2 } END { print mount }' /proc/mounts)
  [ -n "$mount" ] || die "no cgroup2 file system is mounted"
  echo "$mount/ciab-hosts-$(printf %s "$STATE" | sha256sum | cut -c1-8)"
}

# spawn GROUP LOG CMD...: runs CMD in the background, in its own session and
# in cgroup GROUP below the top one, holding none of our files.
spawn() {
  local group log=$2
  group=$(cgroup_top)/$1
  shift 2
  mkdir -p "$group"
  (
    echo "$BASHPID" >"$group/cgroup.procs"
    exec 9>&-
    exec setsid "$@"
  ) </dev/null >>"$log" 2>&1 &
  # Done by both, so that it is there when this returns and before CMD starts.
  echo $! >"$group/cgroup.procs" 2>/dev/null || true
}

cgroup_pids() {
  local group
  group=$(cgroup_top)/$1
  [ ! -d "$group" ] || find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null
}

# cgroup_kill GROUP: SIGKILL to everything in it, then waits until it is empty.
cgroup_kill() {
  local group tries
  group=$(cgroup_top)/$1
  [ -d "$group" ] || return 0
  echo 1 >"$group/cgroup.kill"
  for tries in $(seq 200); do
    grep -qx 'populated 0' "$group/cgroup.events" && break
    sleep 0.05
  done
  [ "$tries" -lt 200 ] || die "processes of $1 do not end: $(cgroup_pids "$1" | paste -sd' ')"
  remove_cgroup "$group"
}

remove_cgroup() {
  find "$1" -depth -type d -exec rmdir {} \;
}

# --- one host's network ------------------------------------------------------

in_netns() {
  local name=$1
  shift
  nsenter --net="/proc/$(<"$STATE/$name/netns.pid")/ns/net" "$@"
}

# The namespace lives as long as its holder, which `down` ends like the rest.
start_network() {
  local name=$1 dir=$STATE/$1
  spawn "$name/net" "$dir/net.log" unshare --net sh -c \
    "echo \$\$ >'$dir/netns.pid.new' && mv '$dir/netns.pid.new' '$dir/netns.pid' && exec sleep infinity"
  wait_for 5 test -e "$dir/netns.pid" || die "no network namespace for $name"
  in_netns "$name" sh -ec "
    ip link set lo up
    ip link add br0 type bridge
    ip address add $GATEWAY/24 dev br0
    ip link set br0 up"
}

start_ntp() {
  local name=$1 dir=$STATE/$1
  cat >"$dir/chrony.conf" <<EOF
# Serves the time of this machine and never sets it (chronyd -x).
local stratum 8
allow
bindaddress $GATEWAY
cmdport 0
bindcmdaddress /
pidfile $dir/chronyd.pid
user root
EOF
  spawn "$name/net" "$dir/chronyd.log" nsenter --net="/proc/$(<"$dir/netns.pid")/ns/net" \
    chronyd -d -x -f "$dir/chrony.conf"
}

# --- relays ------------------------------------------------------------------

start_relays() {
  local name=$1 dir=$STATE/$1 netns port
  netns=/proc/$(<"$dir/netns.pid")/ns/net
  spawn "$name/net" "$dir/relay.log" nsenter --net="$netns" \
    socat "TCP-LISTEN:3142,bind=$GATEWAY,fork,reuseaddr" "UNIX-CONNECT:$STATE/_proxy/apt.sock"
  spawn "$name/relay" "$dir/relay.log" nsenter --net="$netns" \
    socat "UNIX-LISTEN:$dir/ssh.sock,fork,mode=600" "TCP:$HOST_ADDRESS:22,connect-timeout=2,nodelay"
  wait_for 5 test -S "$dir/ssh.sock" || die "no SSH relay for $name"
  spawn "$name/relay" "$dir/relay.log" \
    socat TCP-LISTEN:0,bind=127.0.0.1,fork,nodelay "UNIX-CONNECT:$dir/ssh.sock"
  wait_for 5 relay_port "$name" || die "no SSH relay port for $name"
  port=$(relay_port "$name")
  echo "$port" >"$dir/port"
  # What listens now stays at `cut-net`; what joins later is a connection.
  cgroup_pids "$name/relay" >"$dir/relay.pids"
}

# The loopback port the kernel gave the outer relay.
relay_port() {
  local pids
  pids=$(cgroup_pids "$1/relay" | sed 's/.*/pid=&,/' | paste -sd'|')
  [ -n "$pids" ] || return 1
  ss -Hltnp 'src 127.0.0.1' | grep -E "$pids" | awk '{ sub(/.*:/, "", $4); print $4 }' | grep .
}

freeze_relay() {
  echo "$2" >"$(cgroup_top)/$1/relay/cgroup.freeze"
}

cut_connections() {
  local pid
  for pid in $(cgroup_pids "$1/relay"); do
    grep -qx "$pid" "$STATE/$1/relay.pids" || kill -KILL "$pid" 2>/dev/null || true
  done
}

# --- the APT proxy, one for all hosts ----------------------------------------

# Called under the state lock.
start_proxy() {
  local dir=$STATE/_proxy
  [ -z "$(cgroup_pids _proxy)" ] || return 0
  mkdir -p "$dir/conf" "$CACHE/apt"
  rm -f "$dir/apt.sock"
  cat >"$dir/conf/acng.conf" <<EOF
CacheDir: $CACHE/apt
LogDir: $dir
SupportDir: /usr/lib/apt-cacher-ng
SocketPath: $dir/apt.sock
Port: 0
BindAddress: 127.0.0.1
ForeGround: 1
ExThreshold: 30
EOF
  spawn _proxy "$dir/log" apt-cacher-ng -c "$dir/conf"
  wait_for 5 test -S "$dir/apt.sock" || die "the APT proxy does not start: $(tail -3 "$dir/log")"
}

stop_proxy() {
  local pid
  for pid in $(cgroup_pids _proxy); do
    kill -TERM "$pid" 2>/dev/null || true
  done
  wait_for 2 proxy_ended || true
  cgroup_kill _proxy
  rm -rf "$STATE/_proxy"
}

proxy_ended() {
  [ -z "$(cgroup_pids _proxy)" ]
}
