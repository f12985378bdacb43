#!/usr/bin/env bash
# Unix sockets at either end of a forward: a web server that listens at one, as Docker's does.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/web.sh
. "$TOP/test/web.sh"

HX=$B/hx
curl_at() { curl -sS --fail --noproxy '' --max-time 60 --unix-socket "$@"; }

start_nameserver_with_key

mkdir "$WORK/www"
head -c 20000000 /dev/urandom >"$WORK/www/big"
echo "page one" >"$WORK/www/one"
SERVICE=$WORK/service.sock
if ! start_pages "$SERVICE"; then
    not_ok "a web server listens at a Unix socket" "$WORK/nginx.err"
    finish
fi

start_bound home home --allow "$SERVICE" --allow "$WORK/none.sock"
start_connected forward home -L "0:$SERVICE" -L "$WORK/local.sock:$SERVICE" -L "$WORK/dead.sock:$WORK/none.sock" \
    -L "$WORK/denied.sock:$WORK/other.sock" -D "$WORK/socks.sock"
FORWARD_PID=$PID
PORT=$(listens forward "$SERVICE")
check "where a path listens is said as well" grep -q "^listening on $WORK/local.sock for $SERVICE$" "$WORK/forward.err"
check "a port here reaches a Unix socket there" \
    curl -sS --fail --noproxy '' --max-time 60 -o "$WORK/got" "http://127.0.0.1:$PORT/big"
check "and 20 MB of it are whole" same "$WORK/got" "$WORK/www/big"
check "a Unix socket here reaches one there" curl_at "$WORK/local.sock" -o "$WORK/got" http://docker/big
check "and 20 MB of it are whole, too" same "$WORK/got" "$WORK/www/big"
check "it is for its owner alone" [ "$(stat -c %a "$WORK/local.sock")" = 600 ]
printf 'GET /one HTTP/1.0\r\n\r\n' | timeout 60 "$HX" connect home --to "$SERVICE" >"$WORK/got"
check "--to reaches it" grep -qx "page one" "$WORK/got"
check "the binding side says what was connected to" await_line "$WORK/home.err" "connection to $SERVICE$"

curl_at "$WORK/dead.sock" http://x/ >"$WORK/denied" 2>&1
rc=$?
check "a socket that is not there is no service" grep -Eqx "7|52|55|56" <<<"$rc" # as it connects, sends, or waits
check "which the connecting side says" \
    await_line "$WORK/forward.err" "^no connection to $WORK/none.sock: the peer has no such socket"
curl_at "$WORK/denied.sock" http://x/ >"$WORK/denied" 2>&1
check "a path that is not allowed is refused" \
    await_line "$WORK/forward.err" "^no connection to $WORK/other.sock: the peer does not allow it"
check "the binding side says so" await_line "$WORK/home.err" "^refused a connection: $WORK/other.sock is not allowed"
"$HX" connect home --to "$WORK/other.sock" </dev/null >"$WORK/denied" 2>"$WORK/denied.err"
check "with --to, too, with the way out" grep -q -- "--allow $WORK/other.sock" "$WORK/denied.err"

check "a path where somebody listens is not taken" [ "$("$HX" connect home -L "$SERVICE:h:1" 2>&1 | grep -c 'somebody listens')" = 1 ]
check "and goes on" curl_at "$SERVICE" -o "$WORK/got" http://x/one
kill -9 "$FORWARD_PID"
await_exit "$FORWARD_PID"
check "who is killed leaves a file" [ -S "$WORK/local.sock" ]
start_connected again home -L "$WORK/local.sock:$SERVICE"
check "the next one takes its place" curl_at "$WORK/local.sock" -o "$WORK/got" http://x/one
kill "$PID"
await_exit "$PID"
check "and ends with success" [ "$?" = 0 ]
check "without leaving one" [ ! -e "$WORK/local.sock" ]
"$HX" connect home -L "$WORK/$(printf '%0200d' 0):h:1" >"$WORK/denied" 2>"$WORK/denied.err"
check "a path that is too long is wrong usage" [ "$?" = 2 ]
check "which says how long it may be" grep -q "107 bytes" "$WORK/denied.err"
finish
