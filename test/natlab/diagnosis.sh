#!/bin/bash
# test/natlab/diagnosis.sh: what hx says of paths and of NATs that do not meet, and what both sides report to S.
# shellcheck disable=SC2317,SC2119
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"

if [ "${HX_LAB:-}" != inside ]; then build_probe || exit 1; fi
lab_or_skip 'a failure says both halves' "$0" "$@"
lab_begin || exit 1

connects() { # as greet, though its first line may be late
    greet && grep -q '^connected to lab' "$WORK/connect.err"
}
says() { # says REGEX: H2 fails, and its error is this
    lab_exec h2 timeout 60 "$B/hx" connect lab --nameserver "$LAB_NS" --timeout 4 </dev/null >/dev/null 2>"$WORK/connect.err"
    [ $? = 1 ] || return 1
    grep -E "^hx: the holder of 'lab' was not reached: $1\$" "$WORK/connect.err" && return
    cat "$WORK/connect.err"
    return 1
}
reported() { # reported BY OUTCOME...
    await_line "$WORK/nameserver.err" "event=report .* by=$1 name=lab session=[0-9a-f]{8} outcome=$2 "
}
END='the nameserver offers no relay: try again, or from another network'
EASY='endpoint-independent mapping \(or address-dependent\)' RANDOM_PORTS='address- and port-dependent mapping, random ports'

both_random() {
    with_h1 lab_up symmetric symmetric &&
        says "yours: $RANDOM_PORTS; theirs: $RANDOM_PORTS; two such NATs do not meet; [0-9]+ probes, none came back; ${END/again, or /}" &&
        reported h2 'failed reason=hopeless' && grep -E 'reason=hopeless .*probes=[1-9][0-9]* .*peer_ports=random' "$WORK/nameserver.err"
}
cut() { # cut N...: what the other one sends does not arrive at access N; S is reached
    local n
    for n in "$@"; do lab_weather "$n" "ip saddr ${LAB_PUBLIC[3 - n]} drop"; done
}
cut_between() {
    with_h1 lab_up port-restricted port-restricted && cut 1 2 &&
        says "yours: $EASY; theirs: $EASY; [1-9][0-9]* probes, none came back; $END" && reported h2 'failed reason=given-up'
}
random_to_cut() { # the birthday's probes are counted, too
    with_h1 lab_up symmetric port-restricted && cut 1 2 &&
        says "yours: $EASY; theirs: $RANDOM_PORTS; [0-9]{3,4} probes, none came back; $END"
}
one_way() { # what H1 sends arrives
    with_h1 lab_up port-restricted port-restricted && cut 1 &&
        says "yours: $EASY; theirs: $EASY; [1-9][0-9]* probes, none came back, though [1-9][0-9]* datagrams came from the peer: what leaves here does not reach it; $END" &&
        reported h2 'failed reason=handshake'
}
one_carrier() { # that does not hairpin
    with_h1 lab_up_carrier port-restricted no-hairpin &&
        says "you are both behind 198\.51\.100\.10, which does not pass on .* \(no hairpin\); yours: $EASY; theirs: $EASY; [1-9][0-9]* probes, none came back; ${END/again, or /with port mapping .UPnP, NAT-PMP, PCP. at either router, or }" &&
        reported h2 'failed reason=hopeless'
}
carrier_hairpins() {
    with_h1 lab_up_carrier port-restricted port-restricted && connects &&
        grep -E '^peer lab at 198\.51\.100\.10:[0-9]+: you are both behind 198\.51\.100\.10$' "$WORK/connect.err" &&
        await_line "$WORK/bind.err" '^peer - at 198\.51\.100\.10:[0-9]+: you are both behind 198\.51\.100\.10$' &&
        reported h1 direct && reported h2 direct
}
one_home() { # without a hairpin the LAN is left
    with_h1 lab_up_shared no-hairpin && connects && grep -E ': you are both behind 198\.51\.100\.10$' "$WORK/connect.err" &&
        reported h1 lan && reported h2 lan
}
# Both in one home that hairpins: what S is told of H1 it passes on to whoever asks, here to udtcurl.
addresses_kept() {
    local HX_MODE=(--no-host-candidates)
    with_h1 lab_up_shared port-restricted || return 1
    lab_start asks h2 "$B/udtcurl" -s -i -H 'Candidate: 192.0.2.99:9 host' "udt://$LAB_NS/connect?host_id=lab&name=asks"
    await_line "$WORK/asks.out" '^asks: ' >/dev/null || return 1
    cat "$WORK/asks.out"
    grep '^Session: ' "$WORK/asks.out" && ! grep -E '^Candidate: |10\.0\.' "$WORK/asks.out" || return 1
    connects && grep '^connected to lab at 198\.51\.100\.10:.* path=direct' "$WORK/connect.err"
}
addresses_told() {
    with_h1 lab_up_shared port-restricted || return 1
    lab_start asks h2 "$B/udtcurl" -s -i -H 'Candidate: 192.0.2.99:9 host' "udt://$LAB_NS/connect?host_id=lab&name=asks"
    await_line "$WORK/asks.out" '^asks: ' >/dev/null && grep '^Candidate: 10\.0\.1\.10:[0-9]* host' "$WORK/asks.out"
}
apart() {
    with_h1 lab_up port-restricted port-restricted && connects && ! grep 'both behind' "$WORK/connect.err"
}
path_changes() { # H1's NAT forgets: hx ping shows another port, and that it is another path
    local before after
    with_h1 lab_up port-restricted port-restricted || return 1
    lab_start ping h2 "$B/hx" ping lab --nameserver "$LAB_NS" -i 0.2 -v
    before=$(await_line "$WORK/ping.out" '^8 bytes from lab \(198\.51\.100\.10:[0-9]+\): seq=5 time=[0-9.]+ ms path=direct$') || return 1
    before=${before#*(} before=${before%%)*}
    lab_drop_mappings 1
    after=$(tail -n +1 -s 0.05 -F "$WORK/ping.out" 2>/dev/null | timeout 60 grep -m1 '^path changed: ') || return 1
    echo "$before, then $after"; cat "$WORK/ping.err"
    [[ $after =~ ^"path changed: direct at $before -> direct at 198.51.100.10:"[0-9]+$ ]] &&
        [ "$(grep -c '^path to lab: direct, at 198\.51\.100\.10:' "$WORK/ping.err")" -ge 1 ]
}
story 'both random: it says so, and both halves' both_random
story 'nothing passes between two easy ones: both halves, and how many probes' cut_between
story 'what comes from the peer, if nothing reaches it' one_way
story "a random one's probes are counted" random_to_cut
story 'one carrier without a hairpin: that both are behind it' one_carrier
story 'one that hairpins: they connect, and are told so' carrier_hairpins
story 'one home without a hairpin: the LAN, and they are told so' one_home
story "a host's addresses are told" addresses_told
story 'with --no-host-candidates they are not, and a hairpin is left' addresses_kept
story 'who is not behind one address is not told so' apart
story 'hx ping shows the path, and that it has changed' path_changes
lab_down
finish
