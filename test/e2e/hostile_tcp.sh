#!/usr/bin/env bash
# Rude peers over TCP: what one of them does costs the others nothing, and ends.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"

rude() { # rude SOURCE WHAT COUNT: what came of it in $WORK/WHAT
    timeout 60 python3 "$TOP/test/hostile/tcp_peers.py" "${TCP%:*}" "${TCP##*:}" "$@" >"$WORK/$2"
}
number() { sed -nE "s/.* $2=([0-9]+).*/\1/p" "$WORK/$1"; } # number WHAT KEY
answers() { # answers [SECONDS]: an honest peer is answered meanwhile
    [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time "${1:-10}" --interface 127.0.0.2 "http://$TCP/")" = 200 ]
}
numbers() { # numbers KEY: as SIGUSR1's line says it now
    ask_numbers && sed -nE "s/.*event=stats.* $1=([0-9]+).*/\1/p" "$WORK/nameserver.err" | tail -n 1
}
descriptors() { find "/proc/$NS_PID/fd/" -mindepth 1 2>/dev/null | wc -l; }
none_left() { [ "$(numbers connections)" = 0 ] && [ "$(descriptors)" -le "$1" ]; }
all_gone() { # no connection is left, nor its descriptor
    await_true 60 none_left "$1" && return
    echo "$(numbers connections) connections, $(descriptors) descriptors"
    return 1
}
no_members() { [ "$(numbers sessions) $(numbers members)" = "0 0" ]; }
cpu_ms() { awk '{ print ($14 + $15) * 10 }' "/proc/$NS_PID/stat"; }

start_nameserver_tcp --max-per-address 0 --rate-per-address 0 --introductions-per-source 0 --introductions-per-name 0 \
    --request-timeout 1 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
BEFORE=$(descriptors)
rude 127.0.0.1 trickle 200 &
RUDE=$!
check "while 200 peers send their requests byte by byte, another one is answered" answers
wait "$RUDE"
check "and they all get 408 and are closed" grep -q 'late=200 open=0' "$WORK/trickle"
rude 127.0.0.1 unread 20 &
RUDE=$!
check "while 20 peers ask on and on and read nothing, another one is answered" answers
wait "$RUDE"
check "and they are closed" grep -q 'open=0' "$WORK/unread"
check "as such that read too slowly" [ "$(counter left_slow)" = 20 ]
check "of what they say, little is taken: $(($(number unread sent) / 20)) bytes each" \
    [ "$(number unread sent)" -lt $((20 * 8000000)) ]
check "the server has not grown" [ "$(numbers rss)" -lt $((SLOW * 80000000)) ]
rude 127.0.0.1 reset 1000
check "a thousand resets within a request are nothing special" grep -q 'refused=0' "$WORK/reset"
rude 127.0.0.1 members 60 &
RUDE=$!
check "while members of a session come and go, and others of it read nothing, another one is answered" answers
wait "$RUDE"
check "they are told as long as they are there" grep -q 'stayed=30 heard=30' "$WORK/members"
check "no session is left of them" await_true 20 no_members
check "another one is answered" answers
check "no connection and no descriptor is left" all_gone "$BEFORE"
stop_nameserver
check "the server ends in order" [ $? = 0 ]

start_nameserver_tcp --rate-per-address 20
rude 127.0.0.1 connect 1000 &
RUDE=$!
check "while one address connects a thousand times, another one is answered" answers 3
wait "$RUDE"
check "and the first one is answered at its rate: $(number connect answered) times" \
    [ "$(number connect answered)" -ge 80 ] # four seconds' worth at once
check "not more often" [ "$(number connect answered)" -le $((80 + 20 * (SECONDS + 1))) ]
counters
OFTEN=$(number connect often)
check "a quarter as many above it are told so: $OFTEN" [ "$OFTEN" -ge 20 ]
check "not more" [ "$OFTEN" -le $((20 + 5 * (SECONDS + 1))) ]
check "as the counters say" [ "$(value refused_peer_often)" = "$OFTEN" ]
check "the others are counted and told in the log" \
    [ "$(value turned_away)" = $((1000 - $(number connect answered) - OFTEN)) ]
check "with the source and the reason" \
    await_line "$WORK/nameserver.err" 'event=not_logged source=127\.0\.0\.1 lines=[0-9]+ last=(turned_away|refused_peer_often)'
stop_nameserver

# Without descriptors
start nameserver bash -c 'ulimit -n 60 && exec "$@"' _ "$B/hx-nameserver" --listen 127.0.0.1:0 --listen-tcp 127.0.0.1:0 \
    --max-per-address 0 --rate-per-address 0 --request-timeout 0
NS_PID=$PID
TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ') && TCP=${TCP##* }
NS=$(sed -n 's/^listening on \([^t]\)/\1/p' "$WORK/nameserver.out")
mkfifo "$WORK/open"
start holders bash -c "exec python3 '$TOP/test/hostile/tcp_peers.py' ${TCP%:*} ${TCP##*:} hold 100 <'$WORK/open'"
exec {OPEN}>"$WORK/open"
await_line "$WORK/holders.out" '^held 100' >/dev/null
check "more connections than descriptors: the log says that some are not accepted" \
    await_line "$WORK/nameserver.err" 'event=not_accepted transport=tcp reason="Too many open files"'
CPU=$(cpu_ms)
check "peers over UDT are served meanwhile" \
    [ "$("$B/udtcurl" -s -o /dev/null -w '%{http_code}' --max-time 60 "udt://$NS/")" = 200 ]
nap 1
check "and it does not spin: $(($(cpu_ms) - CPU)) ms of a processor in a second" [ $(($(cpu_ms) - CPU)) -lt $((SLOW * 300)) ]
HELD=$(descriptors)
check "it holds as many as it can: $HELD descriptors" [ "$HELD" -ge 60 ]
exec {OPEN}>&-
check "once they have gone it accepts the others" answers
stop_nameserver
check "and ends in order" [ $? = 0 ]
finish
