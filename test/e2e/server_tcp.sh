#!/usr/bin/env bash
# The nameserver over TCP, asked by curl and by hand: the same answers as over UDT, and who is told of whom. What curl
# shows is compared with test/spec/tcp.transcript.txt; RECORD=1 writes that anew, and then it is to be read.
# shellcheck disable=SC2119,SC2120 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"

GOLDEN=$TOP/test/spec/tcp.transcript.txt
ALL=$WORK/transcript
UDT=$B/udtcurl

took() { # took TITLE FILE: into the transcript, with names for the ports and the version
    {
        echo "=== $1"
        sed -E 's/127\.0\.0\.1:[0-9]{5}/127.0.0.1:PPPPP/g; s/(hx-nameserver) [0-9.]+/\1 VERSION/' "$2" | cat -v
        echo
    } >>"$ALL"
}
ask() { # ask TARGET [CURL_ARGUMENT...]: an answer that ends, as curl shows it
    curl -s --max-time 10 -o "$WORK/ask.out" "${@:2}" "http://$TCP$1"
    took "curl ${*:2}${2:+ }http://S:7000$1" "$WORK/ask.out"
}
watch() { # watch NAME TARGET: curl shows what streams, in $WORK/NAME.out, with the head; sets PID
    start "$1" curl -s -N -i --raw "http://$TCP$2"
}
bind_tcp() { # bind_tcp NAME: the same; sets PID
    watch "$1" "/bind?host_id=$1"
    await_line "$WORK/nameserver.err" "event=bound .*name=$1\$" >/dev/null
}
bind_udt() { # bind_udt NAME: over UDT, in $WORK/NAME.out; sets PID
    start "$1" "$UDT" -s -i --raw "udt://$NS/bind?host_id=$1"
    await_line "$WORK/nameserver.err" "event=bound .*name=$1\$" >/dev/null
}
end() { # end PID...
    kill "$@"
    wait "$@" 2>/dev/null
}
by_hand() { # by_hand TEXT: sent, and our direction is ended; what comes back until it closes is in $WORK/hand
    printf '%b' "$1" | timeout 60 socat -t 60 - "TCP:$TCP" >"$WORK/hand"
}
row() { # row STATUS SENTENCE TARGET [OPTION...]: the status, and an error's body of one line
    local status=$1 name=$2 target=$3 got
    shift 3
    got=$(curl -s -i --path-as-is -o "$WORK/row.out" -w '%{http_code}' --max-time 60 "$@" --request-target "$target" "http://$TCP/")
    sed '1,/^\r$/d' "$WORK/row.out" >"$WORK/row.body"
    if [ "$got" = "$status" ] && [ "$(wc -l <"$WORK/row.body")" = 1 ]; then ok "$status: $name"; else
        not_ok "$status: $name (got $got)" "$WORK/row.out"
    fi
}
long() { printf 'a%.0s' $(seq "$1"); } # long COUNT: so many letters

start_nameserver_tcp --request-timeout 2 || {
    not_ok "the nameserver starts with TCP" "$WORK/nameserver.err"
    finish
}
check "each TCP address has a line of its own on standard output" \
    [ "$(sed 's/[0-9]*$//' "$WORK/nameserver.out" | tr '\n' ' ')" = "listening on 127.0.0.1: listening on tcp 127.0.0.1: " ]

# What curl shows
ask /
ask / -i
ask /bind?host_id=host_sweet_host -I
ask '/connect?host_id=nobody'
ask '/connect?host_id=nobody' -i -H 'Prefer: wait=1'
ask /other -i
ask / -i -X DELETE
bind_udt home
HOME_PID=$PID
start look curl -s -N "http://$TCP/connect?host_id=home"
LOOK=$PID
await_line "$WORK/look.out" '^: 127' >/dev/null
watch look-raw '/connect?host_id=home&name=alice' && await_line "$WORK/look-raw.out" '^alice: ' >/dev/null
end "$LOOK" "$PID"
took "curl -N http://S:7000/connect?host_id=home (which UDP holds)" "$WORK/look.out"
took "curl -N -i --raw http://S:7000/connect?host_id=home&name=alice" "$WORK/look-raw.out"
check "who is looked up hears nothing of it" [ "$(wc -l <"$WORK/home.out")" = 5 ]
check "a look is in the log, with its transport" \
    grep -Eq 'event=looked_up conn=[0-9]+ peer=127.0.0.1:[0-9]+ transport=tcp name=home h1=' "$WORK/nameserver.err"
check "what a look shows is the address that a peer over UDT is shown" \
    grep -q "^home: $(sed -n 's/^External-Address: //p' "$WORK/home.out" | tr -d '\r')" "$WORK/look.out"
end "$HOME_PID"
bind_tcp desk
PERSON=$PID
"$UDT" -s -i --max-time 10 -o "$WORK/asker.out" "udt://$NS/connect?host_id=desk&name=bob"
await_line "$WORK/desk.out" '^bob: 127' >/dev/null
watch other '/connect?host_id=desk&name=carol' && await_line "$WORK/other.out" '^carol: ' >/dev/null
await_line "$WORK/desk.out" '^carol: 127' >/dev/null
end "$PID" "$PERSON"
took "curl -N -i --raw http://S:7000/bind?host_id=desk (bob asks by UDP, carol by TCP)" "$WORK/desk.out"
took "bob's answer by UDP" "$WORK/asker.out"
took "carol: curl -N -i --raw http://S:7000/connect?host_id=desk&name=carol" "$WORK/other.out"
if [ -n "${RECORD:-}" ]; then cp "$ALL" "$GOLDEN"; fi
check "what curl shows is what it has shown" diff "$GOLDEN" "$ALL"
check "no address that came by TCP is told to anybody else" \
    [ "$(grep -c '127.0.0.1:0' "$WORK/desk.out" "$WORK/other.out" | tr '\n' ' ' | sed 's/[^ ]*://g')" = "1 1 " ]

# A connection's life
check "requests follow each other on one connection" \
    [ "$(curl -s -i --max-time 60 "http://$TCP/other" "http://$TCP/" "http://$TCP/bind" | grep -c '^HTTP/1.1 ')" = 3 ]
by_hand 'GET / HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n'
check "and also without waiting, from one who then ends its direction" \
    [ "$(sed -n 's,^HTTP/1.1 \([0-9]*\).*,\1,p' "$WORK/hand" | tr '\n' ' ')" = "200 404 200 " ]
by_hand 'GET / HTTP/1.0\r\n\r\n'
check "HTTP/1.0 is answered and closed" grep -q '^Connection: close' "$WORK/hand"
start old bash -c "printf 'GET /bind?host_id=old HTTP/1.0\r\n\r\n' | socat -t 30 - TCP:$TCP"
await_line "$WORK/nameserver.err" 'event=bound .*name=old$' >/dev/null
start old-asks bash -c "printf 'GET /connect?host_id=old&name=dan HTTP/1.0\r\n\r\n' | socat -t 30 - TCP:$TCP"
await_line "$WORK/old-asks.out" '^dan: ' >/dev/null
LINES="HTTP/1.1 200 OK|Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching|Connection: close|"
LINES+="External-Address: ADDRESS||--hx_hole_punching|old: ADDRESS||--hx_hole_punching|dan: ADDRESS|"
check "a stream of HTTP/1.0 has no chunks" \
    [ "$(sed 's/\r$//; s/[0-9.]*:[0-9]*$/ADDRESS/; 10q' "$WORK/old-asks.out" | tr '\n' '|')" = "$LINES" ]
by_hand 'GET / HT'
check "a request that ends in the middle is told so" grep -q '^HTTP/1.1 400' "$WORK/hand"
by_hand 'POST /bind HTTP/1.1\r\nContent-Length: 100000\r\n\r\n'"$(long 100000)"
check "who still sends a body gets its answer whole" grep -q '^request bodies are not supported' "$WORK/hand"
exec {HAND}<>"/dev/tcp/${TCP%:*}/${TCP##*:}"
printf 'GET / HTTP/1.1\r\nX: y' >&"$HAND"
timeout 60 cat <&"$HAND" >"$WORK/hand"
check "a request that is not complete in time gets 408" grep -q '^HTTP/1.1 408' "$WORK/hand"
exec {HAND}>&-
exec {HAND}<>"/dev/tcp/${TCP%:*}/${TCP##*:}"
timeout 60 cat <&"$HAND" >"$WORK/hand"
check "and so does a connection without any" grep -q '^HTTP/1.1 408' "$WORK/hand"
exec {HAND}>&-

# Who ends
bind_tcp gone
end "$PID"
check "the name of a curl that has ended is free at once" await_line "$WORK/nameserver.err" 'event=left .*name=gone .*closed by the peer'
start half bash -c "printf 'GET /bind?host_id=half HTTP/1.1\r\n\r\n' | socat -t 30 - TCP:$TCP"
await_line "$WORK/nameserver.err" 'event=bound .*name=half$' >/dev/null
"$UDT" -s -o /dev/null --max-time 10 "udt://$NS/connect?host_id=half&name=late"
check "who ends its direction alone hears on" await_line "$WORK/half.out" '^late: '

# A holder is asked whether it lives
bind_tcp held
HELD=$PID
row 409 "a name that a living connection over TCP holds" '/bind?host_id=held'
check "over UDT, too" [ "$("$UDT" -s -o /dev/null -w '%{http_code}' --max-time 10 "udt://$NS/bind?host_id=held")" = 409 ]
check "its reader sees empty lines at most" [ "$(sed '1,/^\r$/d' "$WORK/held.out" | tr -d '\r' | sort -u | tr -d '\n')" = 2 ]
kill -STOP "$HELD"
row 409 "a holder whose program stands still lives: its host answers" '/bind?host_id=held'
kill -CONT "$HELD"
stop_nameserver
check "SIGTERM ends the answers that stream in order" grep -q '^0' <(tail -n 2 "$WORK/held.out" | tr -d '\r')
check "and the server" [ $? = 0 ]

# The status table
start_nameserver_tcp --max-per-address 3
row 200 "the requester's address" /
row 400 "a missing host_id" /bind
row 400 "bad percent-encoding" "/connect?host_id=%zz"
row 404 "nobody holds the name" "/connect?host_id=nobody"
row 405 "another method" / -X DELETE
check "with Allow" grep -q '^Allow: GET, HEAD' "$WORK/row.out"
row 414 "a request line above 2 KiB" "/$(long 2100)"
row 431 "headers above 8 KiB" / -H "X-A: $(long 4000)" -H "X-B: $(long 4500)"
row 501 "a request body" / -d abc
by_hand 'GET / HTTP/2.0\r\n\r\n'
check "505: a version that is not 1.x" grep -q '^HTTP/1.1 505' "$WORK/hand"
bind_tcp a
bind_tcp b
bind_udt c
row 429 "more connections than one address may have, of both transports together" /
check "with Retry-After" grep -Eq '^Retry-After: [0-9]+' "$WORK/row.out"
stop_nameserver
start_nameserver_tcp --max-connections 1
bind_udt only
row 503 "more connections than the server may have" /
check "with Retry-After" grep -Eq '^Retry-After: [0-9]+' "$WORK/row.out"
check "SIGUSR1 counts it" [ "$(counter refused_total_limit)" = 1 ]
stop_nameserver
start_nameserver_tcp --listen-tcp "[::1]:0"
if V6=$(await_line "$WORK/nameserver.out" '^listening on tcp \[::1\]' 20); then
    check "IPv6 is served as well" grep -q '^you are \[::1\]:' <(curl -s --max-time 10 "http://${V6##* }/")
else
    skip "IPv6 is served as well" "no IPv6 here"
fi
check "a TCP port in use is told with its transport" \
    grep -q "cannot listen on TCP $TCP: .*in use.*--listen-tcp" <("$B/hx-nameserver" --listen 127.0.0.1:0 --listen-tcp "$TCP" 2>&1)
finish
