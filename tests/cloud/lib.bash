# shellcheck shell=bash
# What the tests of a cloud share, on top of tests/e2e/lib.bash.

# shellcheck disable=SC2034  # for the tests
KEEP=${KEEP:-$ROOT/target/cloud} BUNDLE=${BUNDLE:-${KEEP:-$ROOT/target/cloud}/bundle}
CARRIED=(--profile core --service barbican --service octavia)
CARRIED+=(--constraints "${CONSTRAINTS:-$ROOT/tests/cloud/constraints.txt}")
mkdir -p "$KEEP"

RESULTS=$WORK/results.jsonl
# What is tested is what stood here at the beginning.
COMMIT=$(git -C "$ROOT" describe --always --abbrev=40 --dirty)
test_began=$(seconds)
last=''

# noted WHAT VERDICT SECONDS: a line of the results; the exit status is that of the last `ciab`.
noted() {
  jq -cn --arg what "$1" --arg outcome "$2" --argjson seconds "$3" --argjson exit "${last:-null}" \
    '{$what, outcome: (if $outcome == "ok" then "passed" else "failed" end), $exit, $seconds}' >>"$RESULTS"
  last=''
}

# exits CODE WORDS...: as `ends`; the status is a figure of the result.
exits() {
  local verdict=0
  ends "$@" || verdict=1
  last=$status
  return "$verdict"
}

# deploys [STEP...]: a deployment of $BOX that comes to its end and begins exactly these steps.
deploys() {
  exits 0 deploy --yes --json "$BOX" && same "$*" "$(steps_that step-started)"
}

# cloud_box NAME: the box file of a host for a cloud.
cloud_box() {
  box "$1" | sed -e 's/^profile: base$/profile: core/' -e '/^  proxy:$/,$d'
  # What this kind of host cannot give: no volumes without device mapper, no KVM, and the rlimits of this machine.
  cat <<BOX
storage:
  backend: local
services:
  barbican: true
  octavia: true
offline:
  bundle: $BUNDLE
tuning:
  virtualisation: qemu
  kolla:
    qemu_max_files: $(($(ulimit -Hn) < 16384 ? $(ulimit -Hn) : 16384))
    qemu_max_processes: 4096
    haproxy_max_connections: 4000
BOX
}

# strays_are_counted: with a route to elsewhere, a packet to elsewhere is one more.
strays_are_counted() {
  local before
  before=$(host strays cloud)
  on cloud ip route add default via "$(of cloud gateway)" || return
  on cloud ping -c 1 -W 1 192.0.2.77
  on cloud ip route delete default || return
  [ "$(host strays cloud)" -gt "$before" ]
}

# state: each container with the time of its start, and a digest of what kolla-ansible wrote for the services.
state() {
  # shellcheck disable=SC2016
  on cloud sh -euc 'docker ps --all --quiet | xargs docker inspect --format "{{.Name}} {{.State.StartedAt}}" | sort
    cd /etc/kolla && find . -type f | LC_ALL=C sort | xargs sha256sum'
}

# server_script make: what a tenant does with the client.
server_script() {
  cat <<'TENANT'
export OS_CLIENT_CONFIG_FILE=/etc/ciab/clouds.yaml OS_CLOUD=admin PATH=/opt/ciab/kolla/bin:$PATH
openstack image create --disk-format qcow2 --file /var/lib/ciab-bundle/guests/ciab-guest-*.qcow2 guest
openstack network create tenant
openstack subnet create --network tenant --subnet-range 10.77.0.0/24 tenant
openstack router create --external-gateway public tenant
openstack router add subnet tenant tenant
openstack security group create web
openstack security group rule create --protocol tcp --dst-port 80 web
openstack flavor create --ram 256 --disk 1 --vcpus 1 small
openstack server create --image guest --flavor small --network tenant --security-group web --wait lasting
openstack floating ip create public -f value -c floating_ip_address >/root/floating
openstack server add floating ip lasting "$(cat /root/floating)"
TENANT
}

server_answers() {
  on cloud sh -c 'curl --silent --max-time 3 "http://$(cat /root/floating)/"' | grep -q 'lasting.* answers'
}

# record FILE: writes docs/cloud.json from the results and the events of the first deployment, and the page made of it.
record() {
  local last=$WORK/last-verify
  run verify --json "$BOX"
  cp "$OUT" "$last"
  jq -s --arg commit "$COMMIT" --arg date "$(date --utc +%FT%TZ)" \
    --arg machine "$(uname -srm), $(nproc) CPUs, $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB" \
    --arg load "$(cut -d' ' -f1 /proc/loadavg)" \
    --arg bundle "$(du --summarize --block-size=1M "$BUNDLE" --exclude .work | cut -f1) MiB" \
    --argjson seconds "$(($(seconds) - test_began))" \
    --slurpfile events "$1" --slurpfile proofs "$last" \
    '($events | map(.kind["step-done"] // empty | {step, seconds: (.millis / 1000 | round)} | select(.seconds > 0))) as $steps
     | ($events | [.[].at | sub("\\.[0-9]+Z"; "Z") | fromdate] | max - min) as $together
     | {$commit, $date, $machine, $load, $bundle, $seconds, $together, results: ., $steps,
        proofs: [$proofs[0].proofs[] | select(.id | startswith("verify.cloud")) | {what, pass}]}' \
    "$RESULTS" >"$ROOT/docs/cloud.json"
  "$ROOT/tests/page/cloud"
}
