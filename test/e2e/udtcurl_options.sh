#!/usr/bin/env bash
# Every option and every exit code of udtcurl, against the plain UDT4 server of test/stock: nothing of server/ is used.
# shellcheck source=test/lib.sh disable=SC2154,SC2016,SC2317
. "$(dirname "$0")/../lib.sh"

SERVERS=0
plain_server() { # plain_server [OPTION...]: sets AT (host:port) and SERVER_PID
    SERVERS=$((SERVERS + 1))
    start "plain$SERVERS" "$B/test/stock/plain_server" "$@"
    SERVER_PID=$PID
    AT=$(await_line "$WORK/plain$SERVERS.out" 'listening on') || {
        not_ok "the plain server starts" "$WORK/plain$SERVERS.err"
        finish
    }
    AT=${AT##* }
}
stop_server() { # its port may be dead to the next test, and its threads are not needed any more
    kill "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null
}
fetch() { # fetch ARGUMENT...: sets RC; output in $WORK/out and $WORK/err
    timeout 60 "$B/udtcurl" "$@" >"$WORK/out" 2>"$WORK/err"
    RC=$?
}
verdict() { # verdict SENTENCE CONDITION-COMMAND...: with the last fetch's output as diagnostics
    local sentence=$1
    shift
    if "$@"; then ok "$sentence"; else
        echo "exit code $RC" >>"$WORK/err"
        not_ok "$sentence" "$WORK/out" "$WORK/err"
    fi
}
code() { # code EXPECTED SENTENCE: the last fetch's exit code
    verdict "$2 (exit code $1)" [ "$RC" = "$1" ]
}
output_is() { # output_is TEXT: printf's escapes
    cmp -s <(printf '%b' "$1") "$WORK/out"
}
says() { # says REGEX: a line of standard error
    grep -qE -- "$1" "$WORK/err"
}
reply() { # reply TEXT: makes the file that a plain server answers with
    printf '%b' "$1" >"$WORK/reply"
}

# --- what needs no server
fetch --help
verdict "--help lists the options" grep -q -- --local-port "$WORK/out"
fetch -V
verdict "--version tells the version" grep -qE '^udtcurl [0-9]+\.[0-9]+\.[0-9]+$' "$WORK/out"
fetch
code 2 "no URL is bad usage"
fetch --bogus udt://127.0.0.1/
code 2 "an unknown option is bad usage"
verdict "and it is named, with a way on" says 'try .udtcurl --help'
fetch --max-time abc udt://127.0.0.1/
code 2 "a bad number is bad usage"
fetch udt://127.0.0.1:99999/
code 3 "a malformed URL"
fetch http://127.0.0.1/
code 1 "another scheme"
fetch "udt://$(printf 'a%.0s' {1..64}).example/"
code 6 "a name that cannot be resolved" # a label has 63 bytes at most: no resolver is asked
fetch -4 'udt://[::1]:9/'
code 6 "--ipv4 and an IPv6 address"
fetch -6 udt://127.0.0.1:9/
code 6 "--ipv6 and an IPv4 address"
fetch --connect-timeout 0.3 -w '%{time_total}' udt://127.0.0.1:9/
code 28 "--connect-timeout where nobody answers"
verdict "--connect-timeout ends in time" awk '{ exit !($1 >= 0.3 && $1 < 2) }' "$WORK/out"
fetch --max-time 0.3 -w '%{time_total}' udt://127.0.0.1:9/
code 28 "--max-time bounds the connect, too"
verdict "--max-time ends in time" awk '{ exit !($1 >= 0.3 && $1 < 2) }' "$WORK/out"
fetch -s udt://127.0.0.1:99999/
verdict "--silent shows no error" [ ! -s "$WORK/err" ]
fetch -sS udt://127.0.0.1:99999/
verdict "--show-error shows it again" says '^udtcurl: \(3\)'

# --- an ordinary answer
plain_server --requests "$WORK/requests"
fetch "udt://$AT/"
code 0 "a plain GET"
verdict "shows the body and nothing else" output_is 'hello\n'
verdict "and nothing on standard error" [ ! -s "$WORK/err" ]
fetch "${AT}/x"
verdict "the scheme may be left out" output_is 'hello\n'
fetch -i "udt://$AT/"
verdict "--include shows the head first" \
    output_is 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n'
fetch -I "udt://$AT/"
verdict "--head shows the head alone" \
    output_is 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n'
fetch -o "$WORK/file" "udt://$AT/"
verdict "--output writes a file" [ "$(cat "$WORK/file")" = hello ]
verdict "and nothing to standard output" [ ! -s "$WORK/out" ]
fetch -o "$WORK/a" -o "$WORK/b" "udt://$AT/" "udt://$AT/" "udt://$AT/"
verdict "the n-th --output goes with the n-th URL" [ "$(cat "$WORK/a" "$WORK/b" "$WORK/out" | wc -l)" = 3 ]
fetch -o "$WORK/no/such/folder" "udt://$AT/"
code 23 "an output file that cannot be made"
timeout 60 "$B/udtcurl" "udt://$AT/" >&- 2>"$WORK/err"
RC=$?
code 23 "a closed standard output"
timeout 60 "$B/udtcurl" "udt://$AT/" >/dev/full 2>"$WORK/err"
RC=$?
code 23 "a full disk"
verdict "and the reason is told" says 'writing output to standard output: No space left on device$'
fetch -v "udt://$AT/path?q=1"
verdict "--verbose shows the connection" says '^\* Connected to 127.0.0.1 \(127.0.0.1\) port '
verdict "--verbose shows the request" says '^> GET /path\?q=1 HTTP/1.1$'
verdict "--verbose shows the answer's head" says '^< HTTP/1.1 200 OK$'
verdict "--verbose leaves standard output alone" output_is 'hello\n'

: >"$WORK/requests"
fetch -X BREW -H 'Accept:' -H 'User-Agent;' -H 'X-One: 1' -H 'host: other' "udt://$AT/p?q#f"
verdict "--request and --header shape the request" cmp -s "$WORK/requests" \
    <(printf 'BREW /p?q HTTP/1.1\r\nUser-Agent:\r\nX-One: 1\r\nhost: other\r\n\r\n')
: >"$WORK/requests"
fetch --request-target '/%zz' -H Host: -H User-Agent: -H Accept: "udt://$AT/"
verdict "--request-target is sent as it is" cmp -s "$WORK/requests" <(printf 'GET /%%zz HTTP/1.1\r\n\r\n')
: >"$WORK/requests"
fetch "udt://$AT/"
verdict "the default headers are Host, User-Agent and Accept" grep -qzE \
    "^GET / HTTP/1.1"$'\r\n'"Host: $AT"$'\r\n'"User-Agent: udtcurl/[0-9.]+"$'\r\n''Accept: \*/\*'$'\r\n\r\n$' "$WORK/requests"

# --- what is reported
fetch -o /dev/null -w '%{http_code} %{size_download} %{num_connects} %{content_type} %{exitcode} %{remote_ip}:%{remote_port} %{local_ip}%% %{url_effective}\n' "udt://$AT/"
verdict "--write-out reports the transfer" output_is "200 6 1 text/plain 0 $AT 127.0.0.1% udt://$AT/\n"
fetch -o /dev/null -w '%{time_connect} %{time_starttransfer} %{time_total}\n' "udt://$AT/"
verdict "its times are in order" awk '{ exit !(0 < $1 && $1 <= $2 && $2 <= $3 && $3 < 5) }' "$WORK/out"
fetch -s -w '%{http_code}\t%{exitcode}\t%{errormsg}\n' http://h/
verdict "it reports failures, too" output_is "000\t1\thttp://h/: the URL's scheme is not udt\n"
fetch -w '%{bogus}' "udt://$AT/"
verdict "an unknown variable is named" says "unknown --write-out variable: 'bogus'"

# --- several URLs, one connection
fetch -w '%{num_connects} %{local_port}\n' -o /dev/null -o /dev/null "udt://$AT/1" "udt://$AT/2"
verdict "two URLs of one host share the connection" awk '
    NR == 1 { port = $2; good = $1 == 1 } NR == 2 { good = good && $1 == 0 && $2 == port } END { exit !good }' "$WORK/out"
fetch udt://127.0.0.1:99999/ "udt://$AT/"
code 0 "the last URL decides"
verdict "and the others are tried" output_is 'hello\n'
fetch "udt://$AT/" udt://127.0.0.1:99999/
code 3 "the last URL decides"
fetch -4 "udt://localhost:${AT#*:}/"
verdict "a name is resolved" output_is 'hello\n'
FIRST=$AT
plain_server
fetch --local-port "${FIRST#*:}" "udt://$AT/"
code 45 "a local port in use"
stop_server
fetch -w '%{local_port}' -o /dev/null --local-port "${AT#*:}" "udt://$FIRST/"
verdict "--local-port is the port that is used" output_is "${AT#*:}"
AT=$FIRST

# --- other answers
reply 'HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n'
plain_server --reply "$WORK/reply"
fetch "udt://$AT/"
code 0 "a status of 404 is no failure"
verdict "and its body is shown" output_is 'none\n'
fetch -f "udt://$AT/"
code 22 "--fail makes it one"
verdict "without its body" [ ! -s "$WORK/out" ]
verdict "and with the status" says 'returned error: 404'

CHUNKED='HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
reply "${CHUNKED}5\r\nhello\r\n1\r\n\n\r\n0\r\n\r\n"
plain_server --reply "$WORK/reply"
fetch "udt://$AT/" "udt://$AT/"
verdict "chunks are decoded, and the connection lives on" output_is 'hello\nhello\n'
fetch --raw "udt://$AT/" "udt://$AT/"
verdict "--raw shows them as they came" output_is '5\r\nhello\r\n1\r\n\n\r\n0\r\n\r\n5\r\nhello\r\n1\r\n\n\r\n0\r\n\r\n'
plain_server --reply "$WORK/reply" --split 1 --pause 1
fetch -i "udt://$AT/" "udt://$AT/"
verdict "an answer may come byte by byte" output_is "${CHUNKED}hello\n${CHUNKED}hello\n"

reply "${CHUNKED}6\r\npart1\n\r\n6\r\npart2\n\r\n"
plain_server --reply "$WORK/reply"
start stream timeout 60 "$B/udtcurl" "udt://$AT/"
check "a stream is shown while it goes on" await_line "$WORK/stream.out" part2
timeout 60 "$B/udtcurl" "udt://$AT/" 2>"$WORK/err" | grep -m1 part2 >"$WORK/out"
RC=${PIPESTATUS[0]}
code 23 "a reader that goes away ends an open stream"
fetch --max-time 0.5 "udt://$AT/"
code 28 "--max-time ends an open stream"
verdict "what came before was shown" output_is 'part1\npart2\n'
for signal in INT:130 TERM:143; do
    name=${signal%:*}
    start "$name" env --default-signal=INT "$B/udtcurl" -v "udt://$AT/"
    await_line "$WORK/$name.out" part2 >/dev/null
    kill -s "$name" "$PID"
    await_exit "$PID"
    RC=$?
    code "${signal#*:}" "SIG$name ends it as it ends other programs"
    check "after the connection was closed" grep -q 'Closing connection' "$WORK/$name.err"
done

reply 'HTTP/1.1 200 OK\r\n\r\nto the end\n'
plain_server --reply "$WORK/reply" --close-after 1000
fetch -w '%{num_connects}' "udt://$AT/" "udt://$AT/"
code 0 "a body without a length runs to the close"
verdict "and the next URL gets a new connection" output_is 'to the end\n1to the end\n1'
reply 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n'
plain_server --reply "$WORK/reply"
fetch -w '%{num_connects}' "udt://$AT/" "udt://$AT/"
verdict "'Connection: close' is kept to" output_is 'ok\n1ok\n1'
plain_server --close-after 1000
fetch -w '%{num_connects}' "udt://$AT/" "udt://$AT/" "udt://$AT/"
verdict "a server that closes after each answer is connected to anew" output_is 'hello\n1hello\n1hello\n1'
code 0 "and that is no failure"
reply 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'
plain_server --reply "$WORK/reply"
rm -f "$WORK/empty"
fetch -w '%{http_code}' -o "$WORK/empty" "udt://$AT/"
verdict "a 100 is read over, and a 204 has no body" output_is 204
verdict "an empty body makes an empty file" [ -f "$WORK/empty" ]

# --- broken answers
plain_server --close-after 0
fetch "udt://$AT/"
code 52 "closed without an answer"
plain_server --close-after 20
fetch "udt://$AT/"
code 56 "broken off in the head"
plain_server --body "$(printf 'x%.0s' {1..100})" --close-after 120
fetch "udt://$AT/"
code 56 "broken off in the body"
verdict "what came is shown" [ "$(tr -d '\n' <"$WORK/out" | wc -c)" -gt 10 ]
reply "${CHUNKED}5\r\nhello\r\n"
plain_server --reply "$WORK/reply" --close-after 1000
fetch "udt://$AT/"
code 56 "broken off between chunks"
reply "${CHUNKED}5\r\nhelloXX"
plain_server --reply "$WORK/reply"
fetch "udt://$AT/"
code 56 "a malformed chunk"
reply 'SSH-2.0-OpenSSH_9.2\r\n'
plain_server --reply "$WORK/reply"
fetch "udt://$AT/"
code 8 "no HTTP at all"
{
    printf 'HTTP/1.1 200 OK\r\nX: '
    head -c 100000 /dev/zero | tr '\0' x
} >"$WORK/reply"
plain_server --reply "$WORK/reply"
fetch "udt://$AT/"
code 8 "a head without an end"
reply 'HTTP/1.1 200 OK\r\nX: \033[2J\007\r\nContent-Length: 0\r\n\r\n'
plain_server --reply "$WORK/reply"
fetch -v "udt://$AT/"
verdict "--verbose keeps control bytes from the terminal" says '^< X: \?\[2J\?$'
plain_server --silent
fetch --max-time 0.5 "udt://$AT/"
code 28 "a silent server"
verdict "the message says how long" says 'Operation timed out after [0-9]+ milliseconds with 0 bytes'
plain_server --refuse
await_line "$WORK/plain$SERVERS.out" refusing >/dev/null
fetch --max-time 10 "udt://$AT/"
code 7 "a connection that is refused"

# --- much
head -c 5000000 /dev/urandom >"$WORK/big"
{
    printf 'HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n'
    cat "$WORK/big"
} >"$WORK/reply"
plain_server --reply "$WORK/reply"
fetch -w '%{size_download}' -o "$WORK/got" "udt://$AT/"
verdict "5 MB come whole and in order" cmp -s "$WORK/big" "$WORK/got"
verdict "and are counted" output_is 5000000
mkfifo "$WORK/fifo"
exec 7<>"$WORK/fifo" # open, never read
timeout 60 "$B/udtcurl" --max-time 1 "udt://$AT/" >"$WORK/fifo" 2>"$WORK/err"
RC=$?
exec 7>&-
code 28 "--max-time holds although nobody reads the output"
finish
