#!/usr/bin/env bash
# Every thread of the running server is under the filter, unless it was asked not to be.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

LOG=$WORK/nameserver.err

seccomp_is() { # seccomp_is MODE: of all threads (proc(5): 0 none, 2 filter)
    local task count=0
    for task in "/proc/$NS_PID/task"/*; do
        grep -q "^Seccomp:	$1$" "$task/status" || return 1
        count=$((count + 1))
    done
    [ "$count" -ge 4 ] # ours and UDT's
}
meet() { # meet: each of H1 and H2 is told the other one's address, the nearer one a moment later; succeeds if it was
    start h1 "$B/udtcurl" -s "udt://$NS/bind?host_id=meet"
    await_line "$LOG" 'event=bound .* name=meet' >/dev/null
    start h2 "$B/udtcurl" -s "udt://$NS/connect?host_id=meet"
    await_line "$WORK/h2.out" '^meet: 127.0.0.1:' >/dev/null && await_line "$WORK/h1.out" '^: 127.0.0.1:' >/dev/null
}

start_nameserver || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
if grep -Eq '__(asan|tsan)_init' "$B/hx-nameserver"; then
    skip "every thread is under the filter" "a sanitizer needs system calls of its own"
    check "which the log tells" grep -q 'event=listening .* sandbox=off' "$LOG"
    finish
fi
check "every thread is under the filter" seccomp_is 2
check "the log tells" grep -q 'event=listening .* sandbox=on' "$LOG"
check "hosts meet in it" meet
kill -USR1 "$NS_PID"
check "SIGUSR1 tells what it holds" await_line "$LOG" \
    'event=stats connections=2 names=1 waiters=0 sessions=0 members=0 timers=[0-9]+ queued=0 ended=0 rss=[1-9][0-9]+$'
kill "$NS_PID"
await_exit "$NS_PID"
check "it ends in order" [ $? = 0 ]

start_nameserver --no-sandbox
check "--no-sandbox: there is no filter" seccomp_is 0
check "and the log tells" grep -q 'event=listening .* sandbox=off' "$LOG"
finish
