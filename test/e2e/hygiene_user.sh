#!/usr/bin/env bash
# --user: the port is bound as root, and then nobody in the process is root any more.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

LOG=$WORK/nameserver.err
NAMES=("every thread is that user" "in its group alone" "without a capability" "it serves" "and ends in order"
    "root is refused" "who is not root cannot become another user")

run() { # run ARG...: sets RC; messages in $WORK/run.err
    timeout 60 "$@" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null
    RC=$?
}
all_threads() { # all_threads REGEX: each one's status has such a line
    local task count=0
    for task in "/proc/$NS_PID/task"/*; do
        grep -Eq -- "$1" "$task/status" || {
            cat "$task/status"
            return 1
        }
        count=$((count + 1))
    done
    [ "$count" -ge 4 ] # ours and UDT's
}

run "$B/hx-nameserver" --listen 127.0.0.1:0 --user hx-no-such-user
check "an unknown user is an error that is told" \
    bash -c "[ $RC = 1 ] && grep -q \"no user 'hx-no-such-user'\" '$WORK/run.err' && [ ! -s '$WORK/run.out' ]"
if [ "$(id -u)" != 0 ] || ! setpriv --reuid nobody --clear-groups true 2>/dev/null; then
    for name in "${NAMES[@]}"; do skip "$name" "only root, in a whole system, can become somebody else"; done
    finish
fi

run "$B/hx-nameserver" --listen 127.0.0.1:0 --user root
check "${NAMES[5]}" bash -c "[ $RC = 1 ] && grep -q \"user 'root' has root's rights\" '$WORK/run.err'"
mkdir -m 755 "$WORK/bin"
chmod 755 "$WORK"
cp "$B/hx-nameserver" "$WORK/bin"
run setpriv --reuid nobody --regid nogroup --clear-groups "$WORK/bin/hx-nameserver" --listen 127.0.0.1:0 --user daemon
check "${NAMES[6]}" bash -c "[ $RC = 1 ] && grep -q \"cannot become user 'daemon'\" '$WORK/run.err' &&
    [ ! -s '$WORK/run.out' ]"

start_nameserver --user nobody || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
uid=$(id -u nobody) gid=$(id -g nobody)
check "${NAMES[0]}" all_threads "^Uid:	$uid	$uid	$uid	$uid$"
check "${NAMES[1]}" all_threads "^Gid:	$gid	$gid	$gid	$gid$"
check "without another" all_threads '^Groups:[[:space:]]*$'
check "${NAMES[2]}" all_threads '^CapEff:	0+$'
check "nor one to take back" all_threads '^CapPrm:	0+$'
check "or to gain" all_threads '^NoNewPrivs:	1$'
check "${NAMES[3]}" [ "$("$B/udtcurl" -s -o /dev/null -w '%{http_code}' --max-time 60 "udt://$NS/")" = 200 ]
kill "$NS_PID"
await_exit "$NS_PID"
check "${NAMES[4]}" [ $? = 0 ]

store_is() { # store_is REGEX: of the process that opens files
    grep -Eq -- "$1" "/proc/$(pgrep -P "$NS_PID" -x hx-store)/status"
}
echo 'log-level = info' >"$WORK/conf"
chmod 644 "$WORK/conf"
start_nameserver --user nobody --config "$WORK/conf"
check "the process that opens files is that user, too" store_is "^Uid:	$uid	$uid	$uid	$uid$"
check "without a capability" store_is '^CapPrm:	0+$'
kill -HUP "$NS_PID"
check "and reads them again" await_line "$LOG" 'event=reloaded'
chmod 600 "$WORK/conf"
kill -HUP "$NS_PID"
check "unless they are root's alone" await_line "$LOG" 'event=not_reloaded reason=.*Permission denied'
stop_nameserver

start_nameserver
check "without --user nobody gains a privilege, either" all_threads '^NoNewPrivs:	1$'
finish
