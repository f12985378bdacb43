#!/usr/bin/env bash
# hx connect -R: services of the connecting side, reached at the binding one, whose owner has permitted that.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/web.sh
. "$TOP/test/web.sh"

HX=$B/hx
HERE='(\[::1\]:[0-9]+,)?127\.0\.0\.1:[0-9]+(,\[::1\]:[0-9]+)?' # where there is no other address
get() { curl -sS --fail --noproxy '' --max-time 60 "$@"; }
refused() { # refused TEXT OPTION...: hx connect fails with that
    local rc
    timeout 60 "$HX" connect home -v "${@:2}" </dev/null >"$WORK/refused.out" 2>"$WORK/refused.err"
    rc=$?
    cat "$WORK/refused.err"
    [ "$rc" = 1 ] && grep -qF -- "$1" "$WORK/refused.err"
}

start_nameserver_with_key

mkdir "$WORK/www"
head -c 20000000 /dev/urandom >"$WORK/www/big"
for i in {1..50}; do echo "page $i: $RANDOM" >"$WORK/www/page$i"; done
SERVICE=$WORK/service.sock
if ! start_pages "$SERVICE"; then
    not_ok "a web server starts" "$WORK/nginx.err"
    finish
fi
WEB=$PORT

start_bound home home --allow-listen '*' --allow-listen "$WORK/home.sock" --keepalive 1
HOME_PID=$PID
start_connected away home -R "0:127.0.0.1:$WEB" -R "0:127.0.0.1:1" -R 0 -R "$WORK/home.sock:$SERVICE"
AWAY_PID=$PID
R=$(listens away "127.0.0.1:$WEB" home)
CLOSED=$(listens away "127.0.0.1:1" home)
SOCKS=$(listens away "any target here" home)
if [ -z "$R" ] || [ -z "$CLOSED" ] || [ -z "$SOCKS" ]; then
    not_ok "the connecting side says where the other one listens" "$WORK/away.err" "$WORK/home.err"
    finish
fi
check "the other side listens on loopback alone" grep -Exq "'home' listens on $HERE for 127\.0\.0\.1:$WEB" "$WORK/away.err"
check "the binding side says so, too, and for whom" \
    await_line "$WORK/home.err" "^peer - at [^ ]+ key=-: listening on .*127\.0\.0\.1:$R.* for 127\.0\.0\.1:$WEB$"
check "a file of the connecting side's service comes" get -o "$WORK/got" "http://127.0.0.1:$R/big"
check "and is whole" same "$WORK/got" "$WORK/www/big"
urls=()
for i in {1..50}; do urls+=("http://127.0.0.1:$R/page$i" -o "$WORK/page$i"); done
check "50 small requests at once come through" get -Z --parallel-max 50 --parallel-immediate "${urls[@]}"
check "each with its own answer" bash -c "for i in {1..50}; do cmp '$WORK/page'\$i '$WORK/www/page'\$i || exit 1; done"
await_line "$WORK/away.err" "^'home' listens on $WORK/home.sock for $SERVICE$" >/dev/null
check "Unix sockets serve at both ends" get --unix-socket "$WORK/home.sock" -o "$WORK/got" http://docker/big
check "with whole answers" same "$WORK/got" "$WORK/www/big"

curl -sS --max-time 60 "http://127.0.0.1:$CLOSED/" >"$WORK/denied" 2>&1
rc=$?
check "a service that is not there is a connection that is reset" grep -Eqx "7|52|55|56" <<<"$rc"
check "which the connecting side explains" await_line "$WORK/away.err" "^no connection to 127\.0\.0\.1:1: it refused"
check "and the binding side, too" await_line "$WORK/home.err" "^no connection to 127\.0\.0\.1:1: connection refused"
socks() { get --socks5-hostname "127.0.0.1:$SOCKS" "$@"; }
check "SOCKS at the binding side reaches what the connecting one reaches" socks -o "$WORK/got" "http://localhost:$WEB/big"
check "whole" same "$WORK/got" "$WORK/www/big"
socks "http://127.0.0.1:1/" >"$WORK/denied" 2>&1
check "and says what is refused there" [ "$?" = 97 ]
check "in the words of the protocol" grep -q '(5)' "$WORK/denied"

kill "$HOME_PID"
await_exit "$HOME_PID"
check "a file of a socket goes with the listener" [ ! -e "$WORK/home.sock" ]
start_bound home home --allow-listen "$R" --allow-listen "$WORK/home.sock" --keepalive 1
HOME_PID=$PID
start_connected fixed home -R "$R:127.0.0.1:$WEB"
check "a port of choice can be had, and is had again" await_line "$WORK/fixed.err" "^'home' listens on .*127\.0\.0\.1:$R"
FIXED_PID=$PID
await_exit "$AWAY_PID"
check "who is no longer permitted what he had ends" [ "$?" = 1 ]
check "and says why" grep -qF -- "--allow-listen '*'" "$WORK/away.err"
check "another's listeners live on" get -o "$WORK/got" "http://127.0.0.1:$R/page1"

kill "$HOME_PID"
await_exit "$HOME_PID"
start_bound home home --allow-listen "$R" --keepalive 1
HOME_PID=$PID
# It finds the way back by itself.
check "the listener is back when the other side is" \
    await_true $((30 * SLOW)) get -o "$WORK/got" "http://127.0.0.1:$R/page2"

check "what is not permitted is refused, with the way out" refused "hx bind --allow-listen 1" -R 1:127.0.0.1:1
check "the binding side says so" await_line "$WORK/home.err" "^refused to listen on 1: it is not permitted"
check "a permitted port is one on loopback alone" refused "--allow-listen '*:$R'" -R "*:$R:127.0.0.1:1"
check "nor is it any path" refused "--allow-listen $WORK/x.sock" -R "$WORK/x.sock:127.0.0.1:1"

kill -9 "$FIXED_PID"
await_exit "$FIXED_PID"
start_connected after home -R "$R:127.0.0.1:$WEB"
check "whose predecessor was killed waits for its place" await_line "$WORK/after.err" "^'home' listens on .*127\.0\.0\.1:$R" $((40 * SLOW))
check "and has it" get -o "$WORK/got" "http://127.0.0.1:$R/page3"
kill "$PID"
await_exit "$PID"
check "who is interrupted ends with success" [ "$?" = 0 ]
gone() { ! { : <>"/dev/tcp/127.0.0.1/$R"; } 2>/dev/null; }
check "and nobody listens any more" await_true $((10 * SLOW)) gone
finish
