#!/usr/bin/env bash
# hx-nameserver as a program: options, configuration file, exit codes, signals.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

SERVER=$B/hx-nameserver

run() { # run ARG...: sets RC; output in $WORK/run.out, messages in $WORK/run.err
    timeout 60 "$SERVER" "$@" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null
    RC=$?
}
refused() { # refused SENTENCE REGEX ARG...: exit 2, nothing on standard output, one line that says what is wrong
    local name=$1 regex=$2
    shift 2
    run "$@"
    if [ "$RC" = 2 ] && [ ! -s "$WORK/run.out" ] && [ "$(wc -l <"$WORK/run.err")" = 1 ] &&
        grep -Eq -- "$regex" "$WORK/run.err"; then ok "$name"; else
        not_ok "$name (exit $RC)" "$WORK/run.out" "$WORK/run.err"
    fi
}

run --help
check "--help exits 0" [ "$RC" = 0 ]
for option in listen config log-level max-connections max-per-address max-members max-queue request-timeout idle-timeout \
    auth auth-host claims-per-source max-owned; do
    check "--help tells of --$option" grep -q -- "--$option=" "$WORK/run.out"
done
run --version
check "--version tells name and version" grep -Eqx 'hx-nameserver [0-9.]+' "$WORK/run.out"

refused "an unknown option is bad usage" "'--nonsense'; see hx-nameserver --help" --nonsense
refused "so is an argument" "unexpected argument 'x'" x
refused "so is an address that is none" "listen 'nowhere'" --listen nowhere
refused "so is a limit that is no number" "max-queue 'much'" --max-queue much
refused "a missing configuration file is named" "$WORK/none.conf: cannot be opened" --config "$WORK/none.conf"
printf 'listen = 127.0.0.1:0\n# a comment\nmax-qeue = 1\n' >"$WORK/typo.conf"
refused "an error in the file is told with its line" "$WORK/typo.conf:3: no such option 'max-qeue'" \
    --config "$WORK/typo.conf"
printf 'listen = 127.0.0.1:0\nnot an assignment\n' >"$WORK/bad.conf"
refused "so is a line that is none" "$WORK/bad.conf:2: " -c "$WORK/bad.conf"

printf 'nas bind any\nnas binds any\n' >"$WORK/rules"
refused "so is an error in a file of rules" "$WORK/rules:2: 'binds'" --listen 127.0.0.1:0 --auth "$WORK/rules"
refused "a file of rules that is not there is named" "$WORK/none: cannot be opened" --auth "$WORK/none"
refused "rules stand in one file" "auth '$WORK/rules' cannot be" --auth tofu --auth "$WORK/none" --auth "$WORK/rules"

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
check "standard output has the one line that it is ready" [ "$(cat "$WORK/nameserver.out")" = "listening on $NS" ]
run --listen "$NS"
check "a port in use ends in exit 1" [ "$RC" = 1 ]
check "and a message that says so" grep -Eq "cannot listen on UDP $NS: .*in use" "$WORK/run.err"
check "the first server is not disturbed" "$B/udtcurl" -s -f --max-time 60 "udt://$NS/"
for signal in TERM INT; do
    kill -"$signal" "$NS_PID"
    await_exit "$NS_PID"
    check "SIG$signal ends it with exit 0" [ $? = 0 ]
    check "it logs SIG$signal" grep -q "event=stopping signal=SIG$signal" "$WORK/nameserver.err"
    start_nameserver
done

start streaming "$B/udtcurl" -s --raw "udt://$NS/bind?host_id=h"
await_line "$WORK/nameserver.err" 'event=bound' >/dev/null
kill -TERM "$NS_PID"
await_exit "$NS_PID" 20
check "it ends in time although a stream is open" [ $? = 0 ]
await_exit "$PID"
check "whose reader sees an orderly end" [ $? = 0 ]
check "by the last chunk" [ "$(cat "$WORK/streaming.out")" = $'0\r\n\r' ]

printf 'listen = 127.0.0.1:1\nmax-per-address = 1\n' >"$WORK/good.conf"
start_nameserver --config "$WORK/good.conf"
check "the command line overrides the file" "$B/udtcurl" -s -f --max-time 60 "udt://$NS/"
start holder "$B/udtcurl" -s "udt://$NS/bind?host_id=h"
await_line "$WORK/nameserver.err" 'event=bound' >/dev/null
check "the file's limit counts" [ "$("$B/udtcurl" -s -o /dev/null -w '%{http_code}' --max-time 60 "udt://$NS/")" = 429 ]

start v6 "$SERVER" --listen '[::1]:0'
if line=$(await_line "$WORK/v6.out" 'listening on' 20); then
    check "an IPv6 address is served and shown in brackets" \
        "$B/udtcurl" -s -f --max-time 10 "udt://${line#listening on }/"
else
    skip "an IPv6 address is served and shown in brackets" "no IPv6 here"
fi

start two "$SERVER" --listen 127.0.0.1:0 --listen 127.0.0.2:0
await_line "$WORK/two.err" 'event=listening.*127\.0\.0\.2' >/dev/null
await_line "$WORK/two.out" 'listening on 127\.0\.0\.2' >/dev/null
first=$(grep -o '127\.0\.0\.1:.*' "$WORK/two.out") second=$(grep -o '127\.0\.0\.2:.*' "$WORK/two.out")
start bound "$B/udtcurl" -sN "udt://$first/bind?host_id=h"
await_line "$WORK/two.err" 'event=bound' >/dev/null
start asks "$B/udtcurl" -sN "udt://$second/connect?host_id=h"
check "a name bound at one address is met at the other" await_line "$WORK/bound.out" '^: 127\.0\.0\.1:'
refused "an address of the other family" 'no IPv6 address' -6 --listen 127.0.0.1:0

start v4 "$B/test/no_ipv6" "$SERVER" --listen :0
line=$(await_line "$WORK/v4.out" 'listening on 0\.0\.0\.0:')
check "a kernel without IPv6 is served over IPv4" \
    "$B/udtcurl" -s -f --max-time 60 "udt://127.0.0.1:${line##*:}/"
run_without() { timeout 60 "$B/test/no_ipv6" "$SERVER" -6 --listen :0 >"$WORK/run.out" 2>"$WORK/run.err" </dev/null; }
run_without
check "which is no place for -6" [ $? = 1 ]
finish
