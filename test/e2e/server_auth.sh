#!/usr/bin/env bash
# A nameserver that asks who it is: clients by hand, over TCP and over stock UDT. The stories are in test/auth/at_nameserver.py.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
export PYTHONDONTWRITEBYTECODE=1 UDT_PIPE=$B/test/stock/udt_pipe
AUTH=$TOP/test/auth/at_nameserver.py
python3 "$AUTH" rules >"$WORK/rules"
begin() { # begin ARG...: a nameserver with them, in NS and TCP
    start nameserver "$@" --listen 127.0.0.1:0 --listen-tcp 127.0.0.1:0 --rate-per-address 0 --max-per-address 0 \
        --auth "$WORK/rules" --auth tofu --auth-host ns.example --auth-db "$(mktemp -u "$WORK/owners.XXXXXX")"
    NS_PID=$PID
    NS=$(await_line "$WORK/nameserver.out" '^listening on 127') && NS=${NS##* }
    TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ') && TCP=${TCP##* }
}
tell() { # tell WHERE: its stories as ours
    local line
    while IFS= read -r line; do
        case $line in
        "ok - "*) ok "${line#ok - }" ;;
        "not ok - "*) not_ok "${line#not ok - }" ;;
        *) echo "$line" ;;
        esac
    done < <(python3 "$AUTH" "$1" 2>&1)
}
begin "$B/hx-nameserver"
tell "tcp:$TCP"
tell "udt:$NS"
logged() { grep -Eq "$1" "$WORK/nameserver.err"; }
check "who binds is logged with its key" logged 'event=bound .* name=nast key=ed25519:[A-Za-z0-9_-]{8}$'
check "and who asks, with the key that is shared" logged 'event=connected .* key=psk:[A-Za-z0-9_-]{8}$'
check "whose a name is from now on is logged" logged 'event=claimed .* name=tofu-u key=ed25519:'
check "who is refused is logged with the whole key that it named, for a line of the rules" \
    logged 'event=refused .* status=403 name=nas .* named_key=ed25519:[A-Za-z0-9_-]{43}$'
long_words() { grep -v ' named_key=' "$WORK/nameserver.err" | grep -Ec '[A-Za-z0-9_-]{22}'; }
check "else no whole key, no nonce and no proof is in the log" [ "$(long_words)" = 0 ]
counted() { ask_numbers && grep -Eq "of=$1 value=[1-9]" "$WORK/nameserver.err"; }
for counter in authorized claimed refused_unauthorized refused_stale refused_forbidden refused_device_key refused_host; do
    check "$counter is counted" counted "$counter"
done
stop_nameserver
check "it ends in order" [ $? = 0 ]

[ "$SLOW" = 1 ] || {
    skip "without memory nobody gets in, and it goes on" "a sanitizer has a malloc() of its own"
    finish
}
printf '%-15s\n%-15s\n' 0 0 >"$WORK/failing"
begin env LD_PRELOAD="$B/test/failing_malloc.so" FAILING_MALLOC_FILE="$WORK/failing" "$B/hx-nameserver"
for each in 3 17 101; do
    printf '%-15s\n' $each 1<>"$WORK/failing"
    python3 "$TOP/test/auth/without_memory.py" "tcp:$TCP" >"$WORK/poor.out" 2>&1
    check "without memory nobody gets in who may not, and it goes on: each allocation of $each fails" \
        grep -q '^[0-9]* got in, none without a key$' "$WORK/poor.out"
done
printf '%-15s\n' 0 1<>"$WORK/failing"
check "some have failed" [ "$(tail -c +17 "$WORK/failing" | tr -dc 0-9)" -gt 20 ]
who_may() { python3 "$TOP/test/auth/without_memory.py" "tcp:$TCP" | grep -q '^40 got in, none without a key$'; }
check "once there is memory again all get in who may" who_may
none_left() {
    ask_numbers && grep 'event=stats' "$WORK/nameserver.err" | tail -n 1 | grep -q ' connections=0 names=0 waiters=0 '
}
check "nothing is left of all that" await_true 60 none_left
stop_nameserver
finish
