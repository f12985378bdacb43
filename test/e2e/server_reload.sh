#!/usr/bin/env bash
# What the operator has written is read again while the server serves: on SIGHUP, by a process of its own.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

LOG=$WORK/nameserver.err
CONF=$WORK/conf
TIMES=1000

# reload REGEX: once SIGHUP has come, the next such line is in the log
reload() {
    local before
    before=$(grep -Ec 'event=(not_)?reloaded' "$LOG")
    kill -HUP "$NS_PID"
    more() { [ "$(grep -Ec 'event=(not_)?reloaded' "$LOG")" -gt "$before" ]; }
    await_true 30 more && grep -E 'event=(not_)?reloaded' "$LOG" | tail -n 1 | grep -E "$1"
}
# refused COUNT: of so many connections that are open at once some are answered 429
refused() {
    local fds=() fd line='' count=0
    for ((i = 0; i < $1; i++)); do
        exec {fd}<>"/dev/tcp/${TCP%:*}/${TCP##*:}" && fds+=("$fd")
        printf 'GET / HTTP/1.1\r\n\r\n' >&"$fd"
        read -rt 20 -u "$fd" line
        [[ $line != *' 429 '* ]] || count=$((count + 1))
    done
    for fd in "${fds[@]}"; do exec {fd}>&-; done
    [ "$count" -gt 0 ]
}
introduce() { # one more that wants to meet home: succeeds if it was told where that is
    local fd line=''
    exec {fd}<>"/dev/tcp/${TCP%:*}/${TCP##*:}" || return
    printf 'GET /connect?host_id=home HTTP/1.1\r\n\r\n' >&"$fd"
    until [[ $line == home:* ]]; do read -rt 20 -u "$fd" line || break; done
    exec {fd}>&-
    [[ $line == home:* ]]
}
rss() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }

echo 'max-per-address = 1000' >"$CONF"
start_nameserver_tcp --config "$CONF" --log-level info --max-members 8 --rate-per-address 0 \
    --introductions-per-source 0 --introductions-per-name 0 || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
STORE=$(pgrep -P "$NS_PID" -x hx-store)
check "a process beside it reads files" [ -n "$STORE" ]
check "and neither it nor its parent's ports are reached by a new connection" \
    bash -c "! ls -l /proc/$STORE/fd | grep -q 'socket:.*socket:'"
check "with nothing new nothing changes" reload 'event=reloaded changed=nothing$'
all_come() { ! refused 15; }
check "and as many come as want to" all_come
printf 'max-per-address = 10\nlog-level = debug\nmax-members = 4\nlisten = 127.0.0.1:1\nrelay = yes\n' >>"$CONF"
check "a limit that is new counts, the command line counts more, and what needs a restart is named" \
    reload 'event=reloaded changed=max-per-address needs_restart=relay$'
check "and from then on more connections are refused" refused 15
printf 'max-per-addres = 10\n' >>"$CONF"
check "an error is told of by file and line, and changes nothing" \
    reload "event=not_reloaded reason=\"$CONF:7: no such option"
check "the limit is still the last one" refused 15
rm "$CONF"
check "so is a file that is gone" reload "event=not_reloaded reason=\"$CONF: cannot be opened: No such file"

# Under load: holders over both transports, and introductions, while it reads again and again.
echo 'max-per-address = 0' >"$CONF"
reload 'event=reloaded' >/dev/null
mkfifo "$WORK/open"
start holders bash -c "exec '$B/test/stock/stock_holder' ${NS##*:} 50 <'$WORK/open'"
exec {OPEN}>"$WORK/open"
await_line "$WORK/holders.out" '^bound' >/dev/null
# shellcheck disable=SC2016 # the inner shell expands it
start tcp_holder bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET /bind?host_id=home HTTP/1.1\r\n\r\n" >&3 && exec cat <&3' _ \
    "${TCP%:*}" "${TCP##*:}"
HOLDER=$PID
await_line "$WORK/tcp_holder.out" '200 OK' >/dev/null
start waiter "$B/udtcurl" -s "udt://$NS/connect?host_id=late" -H 'Prefer: wait=60'
hup_many() { # hup_many COUNT FILE: each finds something else
    for ((i = 0; i < $1; i++)); do
        echo "stun-rate = $((1000 + i % 7))" >"$CONF"
        kill -HUP "$NS_PID"
        nap 0.002
    done
    : >"$2"
}
reload event= >/dev/null
hup_many 100 "$WORK/warm" # what the first ones allocate is kept
BEFORE=$(rss "$NS_PID") STORE_BEFORE=$(rss "$STORE")
hup_many "$TIMES" "$WORK/over" &
STARTED+=($!)
ASKED=0 MET=0
while [ ! -e "$WORK/over" ]; do
    introduce && MET=$((MET + 1))
    ASKED=$((ASKED + 1))
    nap 0.01
done
heard() { [ "$(grep -c '^: 127.0.0.1:' "$WORK/tcp_holder.out")" = "$ASKED" ]; }
check "$TIMES times under load: each of $ASKED who ask is told" [ "$ASKED" = "$MET" ]
check "and so is who is asked for" await_true 20 heard
check "and the file was read often ($(grep -c 'event=reloaded' "$LOG") times)" [ "$(grep -c 'event=reloaded' "$LOG")" -gt 100 ]
none_lost() { kill -0 "$HOLDER" && ! grep lost "$WORK/holders.out"; }
check "who held a name holds it" none_lost
start late "$B/udtcurl" -s "udt://$NS/bind?host_id=late"
check "who waited for a name meets it" await_line "$WORK/waiter.out" '^late: 127.0.0.1:'
AFTER=$(rss "$NS_PID") STORE_AFTER=$(rss "$STORE")
if [ "$SLOW" = 1 ]; then
    check "memory is what it was ($BEFORE and $AFTER KiB; the store's: $STORE_BEFORE and $STORE_AFTER)" \
        [ "$AFTER" -le $((BEFORE + 1024)) ] && [ "$STORE_AFTER" -le $((STORE_BEFORE + 256)) ]
else
    skip "memory is what it was" "a sanitizer keeps what was freed"
fi

# Its death, and that of both.
kill -KILL "$STORE"
check "the store's death is told" await_line "$LOG" 'event=store_died .*signal=9'
check "and leaves no zombie" await_true 10 bash -c "! [ -e /proc/$STORE ]"
check "then nothing is read again, which is told" reload 'event=not_reloaded reason="connection closed"'
check "and whoever asks is answered" introduce
exec {OPEN}>&-
stop_nameserver
check "it ends in order" [ $? = 0 ]
start_nameserver_tcp --config "$CONF"
STORE=$(pgrep -P "$NS_PID" -x hx-store)
kill -TERM "$STORE" "$NS_PID" # as a supervisor does to all of a group
await_exit "$NS_PID"
check "SIGTERM to both ends both, in order" bash -c "[ $? = 0 ] && ! [ -e /proc/$STORE ]"
start_nameserver_tcp --config "$CONF"
STORE=$(pgrep -P "$NS_PID" -x hx-store)
kill -KILL "$NS_PID"
check "a server that is killed leaves no store behind" await_true 10 bash -c "! [ -e /proc/$STORE ]"
wait "$NS_PID" 2>/dev/null
start_nameserver
check "without --config there is no such process" [ -z "$(pgrep -P "$NS_PID")" ]
check "and SIGHUP finds nothing to read" reload 'event=not_reloaded reason="there is no --config'
finish
