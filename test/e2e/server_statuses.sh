#!/usr/bin/env bash
# The status table, as udtcurl sees it.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl

row() { # row STATUS SENTENCE TARGET [OPTION...]: the status, and an error's body of one line
    local status=$1 name=$2 target=$3 got
    shift 3
    got=$("$CURL" -s -i -o "$WORK/row.out" -w '%{http_code}' --max-time 60 "$@" --request-target "$target" "udt://$NS/")
    sed '1,/^\r$/d' "$WORK/row.out" >"$WORK/row.body"
    if [ "$got" = "$status" ] && [ "$(wc -l <"$WORK/row.body")" = 1 ]; then ok "$status: $name"; else
        not_ok "$status: $name (got $got)" "$WORK/row.out"
    fi
}
long() { # long COUNT: so many letters
    printf 'a%.0s' $(seq "$1")
}

start_nameserver --max-per-address 3 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
row 200 "the requester's address" /
check "its text tells address and version" grep -Eq '^you are 127.0.0.1:[0-9]+, this is hx-nameserver [0-9.]+' "$WORK/row.body"
row 400 "a missing host_id" /bind
row 400 "an empty host_id" "/bind?host_id="
row 400 "a host_id with a colon" "/bind?host_id=a:b"
row 400 "bad percent-encoding" "/connect?host_id=%zz"
row 400 "a host_id of 256 bytes" "/bind?host_id=$(long 256)"
row 404 "nobody holds the name" "/connect?host_id=nobody"
row 404 "another path" /elsewhere
row 405 "another method" / -X DELETE
check "with Allow" grep -q '^Allow: GET, HEAD' "$WORK/row.out"
row 414 "a request line above 2 KiB" "/$(long 2100)"
row 431 "headers above 8 KiB" / -H "X-A: $(long 4000)" -H "X-B: $(long 4500)"
fields=()
for i in $(seq 65); do fields+=(-H "X-$i: y"); done
row 431 "more than 64 fields" / "${fields[@]}"
row 501 "a request body" / -H 'Content-Length: 3'
row 501 "a transfer coding" / -H 'Transfer-Encoding: chunked'

"$CURL" -s -i --max-time 60 "udt://$NS/elsewhere" "udt://$NS/" "udt://$NS/bind" >"$WORK/several.out"
check "requests follow each other on one connection" [ "$(grep -c '^HTTP/1.1 ' "$WORK/several.out")" = 3 ]
check "HEAD has a length and no body" [ "$("$CURL" -s -I --max-time 60 "udt://$NS/" | tail -c 4 | od -An -tx1)" = ' 0d 0a 0d 0a' ]

for i in 1 2 3; do start "h$i" "$CURL" -s "udt://$NS/bind?host_id=h$i"; done
for i in 1 2 3; do await_line "$WORK/nameserver.err" "event=bound .* name=h$i$" >/dev/null; done
row 429 "more connections than one address may have" /
check "with Retry-After" grep -Eq '^Retry-After: [0-9]+' "$WORK/row.out"
# Above ten lines a second of a kind they are counted, and the count is told with the next line or a second later.
all_refusals_told() {
    local told _
    for _ in {1..600}; do
        told=$(awk '/event=refused / { n++ } /event=not_logged (kind=refus|source=)/ { sub(/.*lines=/, ""); n += $1 } END { print n + 0 }' \
            "$WORK/nameserver.err")
        [ "$told" = 16 ] && return
        nap 0.1
    done
    echo "told: $told" && false
}
check "every refusal is in the log" all_refusals_told

kill "$NS_PID"
await_exit "$NS_PID"
start_nameserver --max-connections 1
start only "$CURL" -s "udt://$NS/bind?host_id=only"
await_line "$WORK/nameserver.err" 'event=bound' >/dev/null
row 503 "more connections than the server may have" /
check "with Retry-After" grep -Eq '^Retry-After: [0-9]+' "$WORK/row.out"
finish
