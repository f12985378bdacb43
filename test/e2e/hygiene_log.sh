#!/usr/bin/env bash
# Somebody who does not read the log does not keep the server from serving.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

ask() { "$B/udtcurl" -s -o /dev/null -w '%{http_code}\n' --max-time 20 "$@"; }

mkfifo "$WORK/log"
exec {reader}<>"$WORK/log" # open for reading, and nobody reads
"$B/hx-nameserver" --listen 127.0.0.1:0 --log-level debug >"$WORK/nameserver.out" 2>"$WORK/log" </dev/null &
NS_PID=$!
STARTED+=("$NS_PID")
NS=$(await_line "$WORK/nameserver.out" 'listening on' | sed 's/.* //')
URLS=()
for i in $(seq 400); do URLS+=("udt://$NS/connect?host_id=nobody-$i"); done
check "400 requests are answered while the log's pipe fills up" \
    [ "$(ask "${URLS[@]}" | grep -c '^404$')" = 400 ]
check "and one more on a new connection" [ "$(ask "udt://$NS/")" = 200 ]
timeout 1 cat <&"$reader" >"$WORK/first.log" # what fitted: far fewer than there were
check "lines are missing" [ "$(grep -c 'event=refused' "$WORK/first.log")" -lt 400 ]
check "none is torn" bash -c "! grep -vE '^ts=[^ ]+ level=' '$WORK/first.log'"
kill -USR1 "$NS_PID"
timeout 60 cat <&"$reader" >"$WORK/second.log" &
STARTED+=("$!")
said() { # in a line of either log: while the first was read, the line not_logged may have been the next one
    grep -Eq 'event=[a-z_]+ dropped=[1-9]' "$WORK/first.log" || await_line "$WORK/second.log" 'event=[a-z_]+ dropped=[1-9][0-9]* '
}
check "the next line says how many" said
kill "$NS_PID"
await_exit "$NS_PID"
check "the server ends in order" [ $? = 0 ]
finish
