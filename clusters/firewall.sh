#!/usr/bin/env bash
# Closes Ray's ports on this host to all but the cluster's hosts: firewall.sh ADDRESS...
# The rules have a table of their own and leave other ports alone. `nft delete table inet stopover` takes them away.
set -euo pipefail
. "$(dirname "$0")/environment.sh"
hosts=$(IFS=, && echo "$*")
PATH=$PATH:/usr/sbin:/sbin
as_root=$([ "$(id -u)" = 0 ] || echo sudo -n)

$as_root nft -f - <<RULES
table inet stopover
delete table inet stopover
table inet stopover {
    set hosts { type ipv4_addr; flags interval; auto-merge; elements = { $hosts } }
    chain input {
        type filter hook input priority filter
        iifname != lo tcp dport $STOPOVER_PORTS jump ray
    }
    chain ray {
        ct state established,related accept
        ip saddr @hosts accept
        reject with tcp reset
    }
}
RULES

for address in $(hostname -I); do
    $as_root nft get element inet stopover hosts "{ $address }" >/dev/null 2>&1 && exit
done
echo "this host ($(hostname -I)) is not among the cluster's hosts: $hosts" >&2
exit 1
