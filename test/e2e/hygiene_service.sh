#!/usr/bin/env bash
# The systemd unit is well formed, as hard as it says, and allows what the program does.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

UNIT=$WORK/hx-nameserver.service
EXPOSURE_MAX=15 # tenths; 1.2 with systemd 252: what is left are the network and the log's socket

verified() { # without a word: a setting that systemd does not know is only a warning to it
    systemd-analyze verify --man=no "$UNIT" >"$WORK/verify.out" 2>&1 && ! grep . "$WORK/verify.out"
}
has() { # has SETTING...: each is a line of the unit
    local setting
    for setting; do grep -qx -- "$setting" "$UNIT" || return 1; done
}

sed "s|^ExecStart=hx-nameserver|ExecStart=$B/hx-nameserver|" "$TOP/server/hx-nameserver.service" >"$UNIT"
if command -v systemd-analyze >/dev/null; then
    check "systemd-analyze verify finds nothing wrong" verified
    check "systemd-analyze security finds little exposed" \
        systemd-analyze security --offline=yes --no-pager --threshold=$EXPOSURE_MAX "$UNIT"
    echo "# $(systemd-analyze security --offline=yes --no-pager "$UNIT" | tail -n 1)"
else
    skip "systemd-analyze verify finds nothing wrong" "no systemd-analyze on this machine"
    skip "systemd-analyze security finds little exposed" "no systemd-analyze on this machine"
fi
check "the program is nobody in particular and sees nothing of the machine" \
    has DynamicUser=yes ProtectSystem=strict ProtectHome=yes PrivateDevices=yes CapabilityBoundingSet=
check "it is watched and started again" has Type=notify 'WatchdogSec=[0-9]*' Restart=on-failure
finish
