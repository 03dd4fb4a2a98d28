# shellcheck shell=bash
# What the end-to-end tests share. Sourced by each of them:
#
#   . "$(dirname "$0")/lib.bash"
#   check "what must be true" COMMAND...      one line of the result
#   summary                                   the last line; exit 1 after a failure
#
# CIAB names the binary (default: the newest of this checkout's builds). Hosts are brought up with `bring NAME` and go
# with everything else when the test ends, whichever way it ends.
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HOST=$ROOT/tests/host/host
TEST=$(basename "$0")
WORK=$(mktemp -d "${TMPDIR:-/tmp}/ciab-e2e-$TEST.XXXXXX")
OUT=$WORK/out ERR=$WORK/err
export XDG_STATE_HOME=$WORK/state
# What the operator's shell and home have must not reach the test: see `ciab`.
mkdir -p -m 700 "$WORK/home/.ssh"
unset SSH_AUTH_SOCK NO_COLOR "${!CIAB_@}"
export TERM=xterm LC_ALL=C.UTF-8

# shellcheck disable=SC2034  # `pid` and `status` are for the tests
hosts=() helpers=() passed=0 failed=0 status=0 pid=''

cleanup() {
  local pid
  disown -a
  for pid in "${helpers[@]}"; do
    kill -9 "$pid" 2>/dev/null
  done
  if [ ${#hosts[@]} -gt 0 ]; then
    "$HOST" down "${hosts[@]}"
  fi
  rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The binary under test, copied: what is being built meanwhile does not change it.
newest_build() {
  local file newest=''
  for file in "$ROOT"/target/x86_64-unknown-linux-gnu/{dist,release,debug}/ciab; do
    if [ -x "$file" ] && { [ -z "$newest" ] || [ "$file" -nt "$newest" ]; }; then
      newest=$file
    fi
  done
  [ -n "$newest" ] || { echo "there is no build of ciab: cargo build" >&2 && exit 1; }
  echo "$newest"
}
CIAB=$(readlink -f "${CIAB:-$(newest_build)}") || exit 1
strip -o "$WORK/ciab" "$CIAB" 2>/dev/null || cp "$CIAB" "$WORK/ciab" || exit 1
CIAB=$WORK/ciab

# --- results -----------------------------------------------------------------

# check WHAT COMMAND...: one line of the result; what the command said is shown where it failed.
check() {
  local what=$1 begin took verdict=ok
  begin=$(seconds)
  shift
  if "$@" >"$WORK/said" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    verdict=FAILED
  fi
  took=$(($(seconds) - begin))
  printf '%-6s %3d s  %s\n' "$verdict" "$took" "$what"
  noted "$what" "$verdict" "$took"
  if [ "$verdict" = FAILED ]; then
    tail -n 40 "$WORK/said" | sed 's/^/        | /'
  fi
}

# noted WHAT VERDICT SECONDS: for a test that keeps its results.
noted() { :; }

summary() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

# seconds: a clock that nobody sets; another test may move the machine's by a day.
seconds() {
  local up
  read -r up _ </proc/uptime
  echo "${up%.*}"
}

# wait_until SECONDS COMMAND...: tries the command ten times a second, or every $PAUSE seconds.
wait_until() {
  local deadline=$(($(seconds) + $1))
  shift
  until "$@"; do
    if [ "$(seconds)" -ge "$deadline" ]; then
      echo "still not after a long wait: $*"
      return 1
    fi
    sleep "${PAUSE:-0.1}"
  done
}

not() {
  ! "$@"
}

# --- ciab ----------------------------------------------------------------------

# ciab ARGS...: with $WORK/home in the place of this user's home, which ssh(1) takes from the list of users. It replaces
# the shell: `(ciab deploy) &` has the number of the process itself.
ciab() {
  # shellcheck disable=SC2016
  exec unshare --mount sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' \
    sh "$WORK/home" "$(getent passwd "$(id -u)" | cut -d: -f6)" "$CIAB" "$@"
}

# run ARGS...: ciab without a terminal; leaves its answer in $OUT, $ERR and $status.
run() {
  status=0
  (ciab "$@") </dev/null >"$OUT" 2>"$ERR" || status=$?
}

# begin NAME ARGS...: ciab in the background; its answer goes to $WORK/NAME.out and .err, its number to $pid.
begin() {
  local name=$1
  shift
  (ciab "$@") </dev/null >"$WORK/$name.out" 2>"$WORK/$name.err" &
  pid=$!
  helpers+=("$pid")
}

# finish NAME CODE PID: waits for it; the exit status has to be this.
finish() {
  status=0
  wait "$3" || status=$?
  cp "$WORK/$1.out" "$OUT"
  cp "$WORK/$1.err" "$ERR"
  ended "$2"
}

# ends CODE ARGS...: as `run`; the exit status has to be this.
ends() {
  local want=$1
  shift
  run "$@"
  ended "$want"
}

# ended CODE: how the last `run` ended.
ended() {
  [ "$status" = "$1" ] || {
    echo "exit status $status instead of $1"
    tail -n 5 "$OUT"
    tail -n 25 "$ERR"
    return 1
  }
}

# tells TEXT...: each text stands in what ciab said last.
tells() {
  local text
  for text in "$@"; do
    grep -qF -e "$text" "$OUT" "$ERR" || {
      echo "it does not say: $text"
      tail -n 25 "$OUT" "$ERR"
      return 1
    }
  done
}

# happened FILE JQ: whether an event of a run that may still go on is like this.
happened() {
  [ "$(jq -R "fromjson? | .kind | $2" "$1" | grep -c true)" -gt 0 ]
}

# steps_that KIND [FILE]: the steps of which a run's events tell this, in alphabetical order, on one line.
steps_that() {
  jq -r --arg kind "$1" '.kind[$kind].step // empty' "${2:-$OUT}" | sort -u | paste -sd ' '
}

# same WANTED SHOWN
same() {
  [ "$1" = "$2" ] || {
    printf 'wanted: %s\nshown:  %s\n' "$1" "$2"
    return 1
  }
}

# --- hosts -----------------------------------------------------------------------

# bring NAME [OPTIONS]: starts a host of this test; `on NAME ...` and `of NAME FIELD` are about it.
bring() {
  local name=e-$1-$$
  shift
  hosts+=("$name")
  "$HOST" up "$name" "$@" >"$WORK/up" 2>&1 || {
    cat "$WORK/up" >&2
    exit 1
  }
}

# host VERB NAME ...: a verb of tests/host/host for a host of this test.
host() {
  local verb=$1 name=e-$2-$$
  shift 2
  "$HOST" "$verb" "$name" "$@"
}

# on NAME COMMAND...: as root on the host, without SSH.
on() {
  local name=$1
  shift
  host exec "$name" -- "$@"
}

# of NAME FIELD: what `host info` says.
of() {
  host info "$1" --json | jq -r --arg field "$2" '.[$field]'
}

# box NAME [LINE...]: a box file for the host; LINEs replace where it is and how to log in (below `access`).
box() {
  local name=$1 info key line
  shift
  info=$(host info "$name" --json) || return
  key=$(jq -r .key <<<"$info")
  [ $# -gt 0 ] || set -- "$(jq -r '"target: debian@127.0.0.1:\(.port)"' <<<"$info")" \
    "$(jq -r '"host_key: \(.host_key)"' <<<"$info")" "identity: $key"
  printf '%s\n' 'apiVersion: ciab/v1' 'kind: Box' 'profile: base' 'name: lab' 'access:'
  for line in "$@"; do
    echo "  $line"
  done
  printf '  ssh_keys:\n    - %s\n' "$(cat "$key.pub")"
  jq -r '"network:\n  ntp: [\(.ntp)]\n  proxy:\n    http: \(.proxy)"' <<<"$info"
}

# hold NAME, release NAME: between them every installation of packages on the host waits, so that a step goes on for as
# long as a test wants. The step that waits is `packages`, or `container-engine` after it.
hold() {
  # shellcheck disable=SC2016
  on "$1" sh -c 'touch /run/e2e-hold
    echo "DPkg::Pre-Invoke { \"while [ -e /run/e2e-hold ]; do sleep 0.1; done\"; };" >/etc/apt/apt.conf.d/00e2e-hold'
}

release() {
  on "$1" rm -f /run/e2e-hold
}
