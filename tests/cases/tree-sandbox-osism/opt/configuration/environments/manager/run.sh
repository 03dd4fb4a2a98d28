#!/usr/bin/env bash
# Written by ciab. Runs a play of OSISM's collection `manager` on the box: run.sh PLAY [arguments of ansible-playbook].
set -o errexit -o nounset -o pipefail
cd "$(dirname "$(readlink --canonicalize "$0")")"

play=${1:?the name of a play, such as manager}
shift

# The order that OSISM has: the last file that says a variable wins.
files=(../images.yml ../configuration.yml ../secrets.yml)
case $play in
    netbox | traefik)
        files+=(../infrastructure/images.yml ../infrastructure/configuration.yml ../infrastructure/secrets.yml)
        ;;
esac
files+=(images.yml configuration.yml secrets.yml)

export ANSIBLE_COLLECTIONS_PATH=/opt/ciab/osism/collections
exec /opt/ciab/osism/bin/ansible-playbook --inventory hosts --vault-password-file ../.vault_pass \
    "${files[@]/#/--extra-vars=@}" "osism.manager.$play" "$@"
