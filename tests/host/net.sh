# shellcheck shell=bash
# A host's surroundings: its network namespace with a gateway, the SSH relay
# into it, the APT proxy and the NTP server. Sourced by `host`.
#
#   root namespace                 host's outer namespace            the host
#   127.0.0.1:PORT -socat- ssh.sock -socat-.                         host0
#   nginx -------- apt.sock ---------socat- GATEWAY:3142 --- br0 ---- HOST_ADDRESS
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

# The namespaces live as long as their holder, which `down` ends like the rest.
# Its mount namespace has one file system more, in memory: the host's disk. The
# holder also keeps `prepare` from removing the base under the host.
start_network() {
  local name=$1 dir=$STATE/$1
  spawn "$name/net" "$dir/net.log" flock --shared "$(base_dir)" \
    unshare --net --mount --propagation private sh -ec "
      mkdir -p '$dir/disk'
      mount -t tmpfs ciab-disk '$dir/disk'
      echo \$\$ >'$dir/holder.new'
      mv '$dir/holder.new' '$dir/holder'
      exec sleep infinity"
  wait_for 5 test -e "$dir/holder" || die "no namespaces for $name: $(tail -n 3 "$dir/net.log")"
  in_netns "$name" sh -ec "
    ip link set lo up
    ip link add br0 type bridge
    ip address add $GATEWAY/24 dev br0
    ip link set br0 up"
}

in_netns() {
  local name=$1
  shift
  nsenter --net="/proc/$(<"$STATE/$name/holder")/ns/net" "$@"
}

# leave_alone NAME: the host reaches nobody. Its answers and its questions for the time pass; anything else that leaves it is
# counted and dropped, with a router or without. ARP is not seen here.
leave_alone() {
  in_netns "$1" nft -f - <<EOF
table ip alone {
  counter strays {}
  chain prerouting {
    type filter hook prerouting priority raw
    iifname != br0 accept
    ip daddr $GATEWAY tcp flags & (syn | ack) != syn accept
    ip daddr $GATEWAY udp dport 123 accept
    counter name strays drop
  }
}
EOF
}

strays() {
  in_netns "$1" nft --json list counter ip alone strays | jq '.nftables[] | .counter? // empty | .packets'
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
  spawn "$name/net" "$dir/chronyd.log" nsenter --net="/proc/$(<"$dir/holder")/ns/net" \
    chronyd -d -x -f "$dir/chrony.conf"
}

# --- relays ------------------------------------------------------------------

start_relays() {
  local name=$1 dir=$STATE/$1 netns port
  netns=/proc/$(<"$dir/holder")/ns/net
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

# A forward proxy that reaches this machine's own Debian sites and no other,
# and keeps every package. (Debian 12's apt-cacher-ng answers nothing on the
# machine this was written on: its listener "cannot resolve" 127.0.0.1.)
# Called under the state lock.
start_proxy() {
  local dir=$STATE/_proxy
  [ -z "$(cgroup_pids _proxy)" ] || return 0
  mkdir -p "$dir" "$CACHE/apt"
  rm -f "$dir/apt.sock"
  proxy_configuration "$dir" >"$dir/nginx.conf"
  spawn _proxy "$dir/log" nginx -e "$dir/error.log" -c "$dir/nginx.conf"
  wait_for 5 test -S "$dir/apt.sock" || die "the APT proxy does not start: $(tail -3 "$dir/log")"
}

proxy_configuration() {
  local dir=$1 sites servers
  sites=$(debian_sources | sed -n 's#^deb http://\([^/ ]*\).*#\1#p' | sort -u | paste -sd' ')
  [ -n "$sites" ] || die "this machine has no Debian source for its own release"
  servers=$(sed -n 's/^nameserver  *//p' /etc/resolv.conf | paste -sd' ')
  # The dollar names are nginx's. Packages never change; indexes are asked for
  # anew, and a waiting host gets the download another one has begun.
  cat <<EOF
daemon off;
master_process off;
user root;
pid $dir/nginx.pid;
error_log $dir/error.log;
events { worker_connections 512; }
http {
  access_log $dir/access.log;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  proxy_cache_path $CACHE/apt levels=1 keys_zone=apt:4m max_size=8g inactive=60d use_temp_path=off;
  resolver ${servers:-127.0.0.53} ipv6=off;
  server {
    listen unix:$dir/apt.sock default_server;
    return 403;
  }
  server {
    listen unix:$dir/apt.sock;
    server_name $sites;
    proxy_http_version 1.1;
    proxy_set_header Host \$host;
    location / {
      proxy_pass http://\$host\$request_uri;
    }
    location ~ (\.deb|/by-hash/[^/]*/[0-9a-f]*)\$ {
      proxy_pass http://\$host\$request_uri;
      proxy_cache apt;
      proxy_cache_key \$host\$request_uri;
      proxy_cache_valid 200 60d;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 60s;
      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;
    }
  }
}
EOF
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
