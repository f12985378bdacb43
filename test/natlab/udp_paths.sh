#!/bin/bash
# test/natlab/udp_paths.sh [STORY...]: datagrams of a UDP forward take every path that the connection takes, of any size,
# and their flow outlives a change of path.
# shellcheck disable=SC2317,SC2119 # stories are called through story
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
lab_or_skip 'datagrams take every path' "$0" "$@"
lab_begin || exit 1
STORY_FILES=({bind,connect,nameserver}.err)
SIZES=(0 1 1200 1472 9000 65507)

cat >"$WORK/ask.py" <<'EOF'
"""ask.py SIZE...: each is sent to port 3900 from one of ours, again every 0.2 s until it has come back, for 60 s at most; says
after how many ms that was."""
import os, socket, sys, time

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 3901))
s.connect(("127.0.0.1", 3900))
s.settimeout(0.2)
for size in map(int, sys.argv[1:]):
    data = os.urandom(size)
    begun = time.monotonic()
    while True:
        try:
            s.send(data)
            while s.recv(70000) != data:  # an answer to what was sent before
                pass
            break
        except (TimeoutError, ConnectionRefusedError):
            if time.monotonic() - begun > 60:
                sys.exit("%d bytes never came back" % size)
    print("%d bytes after %d ms" % (size, (time.monotonic() - begun) * 1000), flush=True)
EOF
ask() { lab_exec h2 timeout 400 python3 "$WORK/ask.py" "$@"; }
meet() { # meet [RULE [S-OPTION...]]: RULE is the firewall of H2's access from the beginning
    lab_up port-restricted port-restricted && start_s "$LAB_NS" "${@:2}" && start_h1 --allow udp:127.0.0.1:3900 && await_bound &&
        lab_weather 2 "${1:-}" || return
    lab_start echo h1 python3 "$TOP/test/udp_echo.py" 127.0.0.1 3900
    await_line "$WORK/echo.out" '^3900' >/dev/null || return
    lab_start connect h2 "$B/hx" connect lab --nameserver "$LAB_NS" -v -L udp:3900:127.0.0.1:3900
    CONNECT_PID=$PID
    await_line "$WORK/connect.err" '^connected to lab '
}
in_use() { # in_use KIND: by now
    grep -E '^(connected to lab .* path=|path to lab: )' "$WORK/connect.err" | tail -n 1 | grep -E "(path=|lab: )$1"
}
takes_over() { # takes_over RULE KIND: with this firewall that is the path
    local before
    before=$(grep -cE "^path to lab: $2, " "$WORK/connect.err")
    lab_weather 2 "$1"
    await_nth $((before + 1)) "$WORK/connect.err" "^path to lab: $2, " 80
}
is_one_flow() { # for all that was asked so far; and nobody's datagrams were dropped as if they were a stranger's
    kill -USR1 "$CONNECT_PID"
    await_line "$WORK/connect.err" '^UDP: 1 flows, ' && ! grep -E '^UDP: .*(replayed|forged)' "$WORK/connect.err" &&
        [ "$(grep -c ': UDP to 127.0.0.1:3900' "$WORK/bind.err")" = 1 ]
}

story_direct() { meet && in_use '(direct|mapped)' && ask "${SIZES[@]}" && is_one_flow; }
story_relayed() { meet "$LAB_UDP_TO_S" --relay && in_use relayed && ask "${SIZES[@]}" && is_one_flow; }
story_tcp() { meet "$LAB_NO_UDP" --relay --listen-tcp "$LAB_NS" && in_use relayed && ask "${SIZES[@]}" && is_one_flow; }
story_changes() { # to whichever direct path is found first: a search goes on meanwhile
    meet "$LAB_UDP_TO_S" --relay --listen-tcp "$LAB_NS" && ask 1472 &&
        takes_over '' '(direct|mapped|predicted|birthday)' && ask 1472 9000 &&
        takes_over "$LAB_UDP_TO_S" relayed && ask 1472 9000 && takes_over "$LAB_NO_UDP" relayed && ask 1472 9000 &&
        is_one_flow
}
story_ports() {
    meet && ask 1472 && lab_drop_mappings && ask 1472 9000 && lab_renumber 2 203.0.113.20 && ask 1472 9000 && is_one_flow
}
story_narrow() {
    local mtu
    meet && for mtu in 1280 1400; do lab_mtu 2 $mtu && ask 1 1172 1472 9000 || return; done && is_one_flow
}
declare -A SAYS=(
    [direct]='every size passes a direct path'
    [relayed]='and a relay'
    [tcp]='and a relay through TCP, where UDP is blocked'
    [changes]='a flow goes on from the relay to a direct path, back, and through TCP'
    [ports]='and when both NATs forget, and when an address is another one'
    [narrow]='a path that carries less carries them in pieces'
)
[ $# -gt 0 ] || set -- direct relayed tcp changes ports narrow
for name; do
    story "${SAYS[$name]}" "story_$name"
    lab_down
done
finish
