# shellcheck shell=bash
# What the tests of virtual machines share: the machines of a test, which go with it, and a medium to start them from.
# Sourced after lib.bash.

# Sockets have short paths.
XDG_STATE_HOME=$(mktemp -d /tmp/tb.XXXX)
export XDG_STATE_HOME XDG_CACHE_HOME=$ROOT/target/testbed
MACHINES=$XDG_STATE_HOME/ciab/testbed

# tb ARGS...: the command by itself.
tb() {
  (ciab testbed "$@")
}

gone() {
  tb list --json | jq -r '.machines[].name' | xargs -r "$CIAB" testbed down
  rm -rf "$XDG_STATE_HOME"
}
trap 'gone; cleanup' EXIT

# medium FILE: a medium of this build of ciab; made once a build, and kept.
medium() {
  local kept
  kept=$XDG_CACHE_HOME/medium-$(sha256sum <"$CIAB" | cut -c1-16).iso
  if [ ! -e "$kept" ]; then
    mkdir -p "$XDG_CACHE_HOME"
    rm -f "$XDG_CACHE_HOME"/medium-*.iso
    ends 0 iso build "$kept.part" && mv "$kept.part" "$kept" || return
  fi
  cp --sparse=always "$kept" "$1"
}

# boxfile [LINE...]: a box file of profile `base` that lets $WORK/key in; LINEs come after it.
boxfile() {
  [ -e "$WORK/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
  printf '%s\n' 'apiVersion: ciab/v1' 'kind: Box' 'profile: base' 'name: lab' 'access:' '  target: local' \
    "  ssh_keys: [$(cat "$WORK/key.pub")]" "$@"
}

# in_it NAME COMMAND: as root on a machine that was started from a medium, or installed from one. Its host key is kept in
# $WORK/known-NAME; forget NAME takes it out. A machine that goes down closes no connection: it has to answer.
in_it() {
  ssh -i "$WORK/key" -p "$(port "$1")" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$WORK/known-$1" \
    -o LogLevel=ERROR -o ConnectTimeout=5 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 -o BatchMode=yes root@127.0.0.1 "$2"
}
forget() {
  rm -f "$WORK/known-$1"
}
port() {
  tb list --json | jq --arg name "$1" '.machines[] | select(.name == $name).port'
}

# patient SECONDS COMMAND...: tries it every eight seconds; each login takes an emulated processor one or two.
patient() {
  PAUSE=8 wait_until "$@"
}

# answers NAME: its key logs in; else the end of its console.
answers() {
  patient 400 in_it "$1" true || {
    tail -c 3000 "$MACHINES/$1/console.log"
    return 1
  }
}

# on_console NAME TEXT: whether its serial line has said so since it was switched on the first time.
on_console() {
  grep -aqF -e "$2" "$MACHINES/$1/console.log"
}

# What this machine is called by those of the test, which have one card.
NEAR=10.0.2.2

# clock: serves the time of this machine to those of the test, and never sets it (chronyd -x).
clock() {
  printf '%s\n' 'local stratum 8' allow 'bindaddress 127.0.0.1' 'cmdport 0' 'bindcmdaddress /' "pidfile $WORK/chronyd.pid" \
    'user root' >"$WORK/chrony.conf"
  chronyd -d -x -f "$WORK/chrony.conf" >"$WORK/chronyd.log" 2>&1 &
  helpers+=("$!")
}

# serves FOLDER: hands its files out by HTTP to those of the test, on $served.
serves() {
  served=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  python3 -m http.server --bind 127.0.0.1 --directory "$1" "$served" >"$WORK/served.log" 2>&1 &
  helpers+=("$!")
}
