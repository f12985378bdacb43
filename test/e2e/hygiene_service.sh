#!/usr/bin/env bash
# The systemd unit is well formed, as hard as it says, and allows what the program does. systemd itself is no part of
# this: what of the unit can be had without it as the first process is put around the program by hand (descriptors,
# the read-only system, no capability), and the two filters of system calls are compared by their lists. Not tried for
# real: DynamicUser=, PrivateDevices= and the like, which the program asks nothing of, and the BPF of SocketBind*=.
# Readiness and watchdog: test/unit/test_notify.c; the program's own filter: hygiene_sandbox.sh.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

UNIT=$WORK/hx-nameserver.service
HELD=150       # more than the descriptors that it gets there
EXPOSURE_MAX=15 # tenths; 1.2 with systemd 252: what is left are the network and the log's socket

verified() { # without a word: a setting that systemd does not know is only a warning to it
    systemd-analyze verify --man=no "$UNIT" "$WORK/hx-nameserver.socket" >"$WORK/verify.out" 2>&1 && ! grep . "$WORK/verify.out"
}
has() { # has SETTING...: each is a line of the unit
    local setting
    for setting; do grep -qx -- "$setting" "$UNIT" || return 1; done
}

calls_of() { # calls_of SET: of systemd's, one a line
    local call
    systemd-analyze syscall-filter "$1" | sed -n 's/^    \([@a-z]\)/\1/p' | while read -r call; do
        case $call in @*) calls_of "$call" ;; *) echo "$call" ;; esac
    done
}
filter_fits() { # each call that the program's own filter allows is one that the unit's does
    local call
    { calls_of @system-service; echo seccomp; } | sort -u >"$WORK/in"
    { calls_of @privileged; calls_of @resources; } | sort -u >"$WORK/out"
    comm -23 "$WORK/in" "$WORK/out" >"$WORK/allowed"
    sed -n '/allowed[a-z_]*\[\] = {/,/};/p; /maps\[\] = {/p' "$TOP/server/sandbox.c" | grep -o 'SYS_[a-z0-9_]*' | sed 's/^SYS_//' |
        sort -u >"$WORK/ours"
    [ "$(wc -l <"$WORK/ours")" -ge 40 ] || return 1
    for call in $(comm -13 "$WORK/allowed" "$WORK/ours"); do echo "$call is not allowed" && return 1; done
}
# shellcheck disable=SC2016 # the inner shell expands it
start_housed() { # as the unit has it: no capability, nothing to write to; and fewer descriptors than clients over UDT
    start housed unshare -Urm sh -c 'mount -o remount,bind,ro / && ulimit -n 128 &&
        exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"' _ \
        "$B/hx-nameserver" --listen 127.0.0.1:0 --max-per-address 0 --rate-per-address 0
    NS_PID=$PID
    NS=$(await_line "$WORK/housed.out" 'listening on') && NS=${NS##* }
}

sed "s|^ExecStart=hx-nameserver|ExecStart=$B/hx-nameserver|" "$TOP/server/hx-nameserver.service" >"$UNIT"
cp "$TOP/server/hx-nameserver.socket" "$WORK/"
if command -v systemd-analyze >/dev/null; then
    check "systemd-analyze verify finds nothing wrong" verified
    check "systemd-analyze security finds little exposed" \
        systemd-analyze security --offline=yes --no-pager --threshold=$EXPOSURE_MAX "$UNIT"
    check "its filter of system calls lets through what the program's own does" filter_fits
    echo "# $(systemd-analyze security --offline=yes --no-pager "$UNIT" | tail -n 1)"
else
    skip "systemd-analyze verify finds nothing wrong" "no systemd-analyze on this machine"
    skip "systemd-analyze security finds little exposed" "no systemd-analyze on this machine"
fi
check "the program is nobody in particular and sees nothing of the machine" \
    has DynamicUser=yes ProtectSystem=strict ProtectHome=yes PrivateDevices=yes CapabilityBoundingSet=
check "it is watched and started again" has Type=notify 'WatchdogSec=[0-9]*' Restart=on-failure

if ! unshare -Urm mount -o remount,bind,ro / 2>/dev/null; then
    skip "in such a house it serves $HELD clients" "no user and mount namespaces here"
    finish
fi
check "without capabilities, on a read-only system, with so few descriptors it starts" start_housed
mkfifo "$WORK/open"
start holders bash -c "exec '$B/test/stock/stock_holder' ${NS##*:} $HELD <'$WORK/open'"
exec {OPEN}>"$WORK/open"
check "and $HELD clients hold names" await_line "$WORK/holders.out" '^bound'
check "and it serves" [ "$("$B/udtcurl" -s -o /dev/null -w '%{http_code}' --max-time 60 "udt://$NS/")" = 200 ]
check "and has nothing of root" [ "$(grep -Ec '^Cap(Prm|Eff|Bnd):	0+$' "/proc/$NS_PID/status")" = 3 ]
exec {OPEN}>&-
kill "$NS_PID"
await_exit "$NS_PID"
check "and ends in order" [ $? = 0 ]
finish
