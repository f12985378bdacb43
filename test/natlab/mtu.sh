#!/bin/bash
# test/natlab/mtu.sh [MB]: paths that carry less than an Ethernet, lose what is longer, and tell nobody.
# shellcheck disable=SC2317 # tests are called through story
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
lab_or_skip 'packets are as long as the path carries' "$0" "$@"
lab_begin || exit 1
# UDT takes 8,192 packets before anything of them has left, and perhaps before the size is known: far more than those.
MB=${1:-20}
SIZES=(1500 1492 1480 1460 1440 1420 1400 1380 1360 1320 1280 1228)

STORY_FILES=({cp,bind}.err)

count_sizes() { # from now on: what H1 sends to H2, behind the bottleneck, by its length
    local size
    {
        printf 'table inet sizes\ndelete table inet sizes\ntable inet sizes { chain forward {\n'
        printf 'type filter hook forward priority filter + 1\n'
        for size in "${SIZES[@]}"; do
            printf 'iifname "access1" meta l4proto udp meta length %s counter comment "l%s"\n' "$size" "$size"
        done
        printf 'iifname "access1" meta l4proto udp meta length > 600 counter comment "large"\n}\n}\n'
    } | lab_exec net nft -f -
}
counted() { # counted NAME
    lab_exec net nft list table inet sizes | sed -nE "s/.*packets ([0-9]+) .*comment \"$1\".*/\1/p"
}
told() { # what was counted
    local size n
    for size in "${SIZES[@]}"; do
        n=$(counted "l$size")
        [ "$n" = 0 ] || printf '%s x %s, ' "$n" "$size"
    done
    echo "$(counted large) above 600"
}
copy() { # copy MB: sets COPY_MS
    local begun=$EPOCHREALTIME
    rm -f "$WORK/arrived"
    lab_exec h2 timeout 60 "$B/hx" cp "lab:bytes.$1" "$WORK/arrived" --nameserver "$LAB_NS" >"$WORK/cp.err" 2>&1 || return 1
    COPY_MS=$(ms_between "$begun" "$EPOCHREALTIME")
    cmp "$WORK/share/bytes.$1" "$WORK/arrived"
}
carries() { # carries MTU: a copy is there within 3 s, and what is written once that size is known leaves in packets of it
    lab_mtu 2 "$1"
    count_sizes || return 1
    copy "$MB" || return 1
    NOTE="MTU $1: $MB MB in $COPY_MS ms: $(told)"
    echo "$NOTE"
    [ "$COPY_MS" -le $((3000 * SLOW)) ] && [ "$(counted "l$1")" -ge 1000 ]
}
shrinks() { # while a copy runs
    local begun
    lab_mtu 2 1500
    lab_bottleneck 1 40mbit 50
    copy 10 &
    begun=$!
    count_sizes
    await_size 1500 500 || return 1
    lab_mtu 2 1380
    local shrunk=$EPOCHREALTIME
    count_sizes
    await_size 1380 500 || return 1
    NOTE="1500 to 1380 bytes in the middle: 500 packets of 1380 after $(ms_between "$shrunk" "$EPOCHREALTIME") ms"
    wait "$begun" && cmp "$WORK/share/bytes.10" "$WORK/arrived"
}
await_size() { # await_size BYTES COUNT
    local deadline=$((SECONDS + 20))
    until [ "$(counted "l$1")" -ge "$2" ]; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}
# 15 % of all packets, whatever their length, on the access that both directions pass: what H1 says again to H2 soon
# leaves in full packets, and does so from then on.
loses() {
    local deadline=$((SECONDS + 20)) want=0 fd
    lab_mtu 2 1500
    lab_weather 2 'numgen random mod 1000 < 150 drop'
    count_sizes || return 1
    rm -f "$WORK/said"
    mkfifo "$WORK/said"
    exec {fd}<>"$WORK/said" # opened for both, which waits for nobody
    lab_start echo h2 timeout 60 bash -c "exec '$B/hx' connect lab --nameserver $LAB_NS --timeout 20 <'$WORK/said'"
    until [ "$(counted l1500)" -ge 200 ] || [ "$SECONDS" -gt "$deadline" ]; do
        want=$((want + 20000))
        timeout 60 head -c 20000 "$WORK/share/bytes.10" >&"$fd" || break
        until [ "$(stat -c %s "$WORK/echo.out")" -ge "$want" ] || [ "$SECONDS" -gt "$deadline" ]; do sleep 0.02; done
    done
    exec {fd}>&-
    lab_weather 2 ''
    NOTE="15 % loss: $(told)"
    echo "$NOTE"
    [ "$(counted l1500)" -ge 200 ]
}

lab_up port-restricted port-restricted || exit 1
mkdir "$WORK/share"
for mb in "$MB" 10; do head -c $((mb * 1000000)) /dev/urandom >"$WORK/share/bytes.$mb"; done
start_s && start_h1 --echo --share "$WORK/share" && await_bound || exit 1
for mtu in 1500 1492 1420 1380 1280; do
    story "a path of $mtu bytes gets packets of $mtu bytes" carries $mtu
done
# One search in some hundred loses all five probes of a size at that loss (client/path_mtu.h): not two after each other.
loses_once_or_again() { loses || loses; }
story '15 % loss is taken for loss' loses_once_or_again
story 'a path that shrinks while it is used is followed' shrinks
finish
