#!/usr/bin/env bash
# A hostile server, and a hostile nameserver: the clients' ports are guarded as well.
# shellcheck source=test/hostile/lib.sh disable=SC2154,SC2317
. "$(dirname "$0")/../hostile/lib.sh"

STOCK=$B/test/stock/stock_client

fake() { # fake FLAW [STRANGER]
    local line
    rm -f "$WORK/fake.out"
    start fake "$B/test/hostile/fake_server" "$@"
    FAKE_PID=$PID
    line=$(await_line "$WORK/fake.out" 'listening on') || return 1
    AT=${line##* }
}
end_fake() {
    kill "$FAKE_PID" 2>/dev/null
    wait "$FAKE_PID" 2>/dev/null
}
curl_fake() { # curl_fake FLAW: sets RC, MS
    local start_ms
    fake "$1"
    start_ms=$(date +%s%3N)
    timeout 60 "$CURL" -s --connect-timeout 1 --max-time 10 "udt://$AT/" >"$WORK/curl.out" 2>"$WORK/curl.err"
    RC=$?
    MS=$(($(date +%s%3N) - start_ms))
    end_fake
}
refuses() { # refuses FLAW: udtcurl ends as if nobody had answered, in time
    curl_fake "$1"
    echo "exit code $RC after $MS ms"
    [[ $RC =~ ^(7|28)$ ]] && [ "$MS" -lt $((3000 * SLOW)) ]
}
answered() { # answered FLAW: udtcurl gets what the server said
    curl_fake "$1"
    echo "exit code $RC after $MS ms"
    [ "$RC" = 0 ] && [ "$(cat "$WORK/curl.out")" = hello ]
}
answered_in_little_memory() { # a client that allocates what the peer announces needs 26 GB
    [ "$SLOW" = 1 ] && ulimit -v 1000000
    answered "$1"
}
stock_dies() { # stock_dies FLAW [SIGNAL]: a client of the bare library ends by a signal
    local rc
    fake "$1"
    "$STOCK" --deadline 4 connect "${AT%:*}" "${AT##*:}" name >/dev/null 2>&1 &
    wait $! 2>/dev/null
    rc=$?
    end_fake
    [ "$rc" = $((128 + $(kill -l "$2"))) ] || { echo "status $rc" && return 1; }
}
hx_refuses() { # hx_refuses FLAW: hx connect ends with exit 1
    fake "$1"
    timeout 60 "$B/hx" connect name --insecure --nameserver "$AT" --timeout 1 </dev/null >/dev/null 2>"$WORK/hx.err"
    RC=$?
    end_fake
    [ "$RC" = 1 ] || { echo "exit code $RC" && cat "$WORK/hx.err" && return 1; }
}

if [ "$SLOW" = 1 ]; then
    check "S18: an answer with MSS 44 ends a client of the bare library (SIGFPE)" stock_dies mss=44 FPE
    check "S18: an answer with window -1 ends a client of the bare library (SIGABRT)" stock_dies window=-1 ABRT
fi
for flaw in mss=44 mss=0 mss=91 body=20 body=0; do
    check "S18: an answer with $flaw is as if nobody had answered udtcurl" refuses "$flaw"
done
check "S18: hx connect refuses an answer with MSS 44" hx_refuses mss=44
# What UDT sees is a number of ours; -134216228 is an MSS that makes a payload's size negative, and small in 32 bits.
for flaw in mss=-1 mss=-134216228 mss=65535 window=-1 window=0 window=1073741824; do
    check "S18: an answer with $flaw is read, and costs udtcurl no memory" answered_in_little_memory "$flaw"
done
check "S7 to S20: a server's hostile control packets do not keep udtcurl from its answer" answered storm

stranger() { # sets STRANGER (host:port) and STRANGER_PID
    local line
    rm -f "$WORK/stranger.out"
    start stranger "$B/test/hostile/fake_server" sink
    STRANGER_PID=$PID
    line=$(await_line "$WORK/stranger.out" 'listening on')
    STRANGER=${line##* }
}
heard() { # how many datagrams the stranger has heard
    grep -c '^heard' "$WORK/stranger.out"
}
if [ "$SLOW" = 1 ]; then
    stranger
    fake name "$STRANGER"
    "$STOCK" --deadline 3 connect "${AT%:*}" "${AT##*:}" host_sweet_host >/dev/null 2>&1 &
    wait $! 2>/dev/null
    check "S26: a client of the bare library sends to whomever a nameserver names" [ "$(heard)" -ge 4 ]
    end_fake
    kill "$STRANGER_PID"
fi
stranger
fake name "$STRANGER"
BEGAN=$SECONDS
timeout 60 "$B/hx" connect host_sweet_host --insecure --nameserver "$AT" --timeout 3 </dev/null >/dev/null 2>"$WORK/hx.err"
RC=$?
check "S26: hx connect gives a stranger up (exit 1)" [ "$RC" = 1 ]
check "S26: in the time it was given, not in UDT's 28 s" [ $((SECONDS - BEGAN)) -le $((4 + SLOW)) ]
check "S26: the stranger hears a datagram per 250 ms at most" [ "$(heard)" -ge 1 -a "$(heard)" -le 20 ]
SENT=$(heard)
end_fake
kill "$STRANGER_PID"
for target in 0.0.0.0:7000 224.0.0.1:7000 255.255.255.255:7000 127.0.0.1:0 240.0.0.1:9; do
    fake name "$target"
    timeout 60 "$B/hx" connect host_sweet_host --insecure --nameserver "$AT" --timeout 1 </dev/null >/dev/null 2>"$WORK/hx.err"
    RC=$?
    check "S26: hx connect ends with exit 1 when $target is named" [ "$RC" = 1 ]
    end_fake
done
echo "# the stranger heard $SENT datagrams"
finish
