#!/usr/bin/env bash
# Who falls silent is dropped; who only has nothing to say is not.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

LOG=$WORK/nameserver.err

start_nameserver --idle-timeout 15 || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
start quiet "$B/udtcurl" -s "udt://$NS/bind?host_id=quiet"
QUIET_PID=$PID
start silent "$B/udtcurl" -s "udt://$NS/bind?host_id=silent"
SILENT_PID=$PID
for name in quiet silent; do await_line "$LOG" "event=bound .* name=$name" >/dev/null; done
kill -STOP "$SILENT_PID" # as if its cable were cut
check "a peer that falls silent is dropped in time" await_line "$LOG" 'event=left .* name=silent reason="fell silent"' 25
check "its name is free" [ "$("$B/udtcurl" -s -I -o /dev/null -w '%{http_code}' --max-time 10 "udt://$NS/bind?host_id=silent")" = 200 ]
check "a peer that only has nothing to say stays" [ "$("$B/udtcurl" -s -I -o /dev/null -w '%{http_code}' --max-time 10 "udt://$NS/bind?host_id=quiet")" = 409 ]
check "and is not in the log" bash -c "! grep -q 'event=left .* name=quiet' '$LOG'"

kill -STOP "$QUIET_PID"
before=$(date +%s%N)
kill -TERM "$NS_PID"
await_exit "$NS_PID"
check "a reader that acknowledges nothing does not keep the server from ending" [ $? = 0 ]
took=$((($(date +%s%N) - before) / 1000000))
check "for more than about a second (took $took ms)" [ "$took" -ge 800 -a "$took" -le $((2500 * SLOW)) ]
kill -CONT "$QUIET_PID" "$SILENT_PID"
finish
