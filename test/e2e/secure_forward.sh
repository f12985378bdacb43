#!/usr/bin/env bash
# hx connect -L, -D and --to: a web server and an sshd of the other side, reached as if they were here.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
CURL=(curl -sS --fail --noproxy '' --max-time 60)

# On a port that is free now, below those that the kernel gives to clients; each sets PORT.
start_httpd() {
    for _ in {1..10}; do
        PORT=$((20000 + RANDOM % 12000))
        start httpd busybox httpd -f -p "127.0.0.1:$PORT" -h "$WORK/www"
        # It says nothing; only ours may be what listens there.
        for _ in {1..100}; do
            curl -sS --noproxy '' --max-time 5 -o /dev/null "http://127.0.0.1:$PORT/" 2>/dev/null && kill -0 "$PID" 2>/dev/null && return
            kill -0 "$PID" 2>/dev/null || break
        done
    done
    return 1
}
# sshd will not serve as a root that cannot become others, nor as one without its directory in /run: so it runs as
# a user of its own, "guest", whom only its own /etc/passwd knows. The package is only unpacked (test/deps.sh).
start_sshd() { # with OPTION...
    # shellcheck disable=SC2016 # for that shell to expand
    local run='mount --bind "$0" /etc/passwd && exec unshare -U --map-user=1000 --map-group=1000 "$@"'
    { cat /etc/passwd && echo "guest:x:1000:1000::$WORK:/bin/sh"; } >"$WORK/passwd"
    for _ in {1..10}; do
        PORT=$((20000 + RANDOM % 12000))
        start sshd unshare -Ur -m sh -c "$run" "$WORK/passwd" "$TOP/build/deb/usr/sbin/sshd" -D -e -f /dev/null \
            -o "ListenAddress=127.0.0.1:$PORT" "$@"
        await_line "$WORK/sshd.err" "Server listening|Cannot bind" | grep -q listening && return
    done
    return 1
}

start_nameserver_with_key

mkdir "$WORK/www"
head -c 20000000 /dev/urandom >"$WORK/www/big"
for i in {1..50}; do echo "page $i: $RANDOM" >"$WORK/www/page$i"; done
start_httpd || {
    not_ok "a web server starts" "$WORK/httpd.err"
    finish
}
WEB=$PORT

start_bound home home --allow "127.0.0.1:$WEB" --allow "localhost:$WEB"
HOME_PID=$PID
start_connected forward home -L "0:127.0.0.1:$WEB" -L "0:127.0.0.1:1" -D 0
L=$(listens forward "127.0.0.1:$WEB")
CLOSED=$(listens forward "127.0.0.1:1")
D=$(listens forward "any target")
check "each forward says where it listens" [ -n "$L" -a -n "$CLOSED" -a -n "$D" ]

check "a file comes through -L" "${CURL[@]}" -o "$WORK/got" "http://127.0.0.1:$L/big"
check "and is whole" same "$WORK/got" "$WORK/www/big"
check "what the web server says is passed on, too" \
    grep -q 404 <(curl -sS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$L/none")

urls=()
for i in {1..50}; do urls+=("http://127.0.0.1:$L/page$i" -o "$WORK/page$i"); done
check "50 small requests at once come through" "${CURL[@]}" -Z --parallel-max 50 --parallel-immediate "${urls[@]}"
check "each with its own answer" bash -c "for i in {1..50}; do cmp '$WORK/page'\$i '$WORK/www/page'\$i || exit 1; done"

exec 8<>"/dev/tcp/127.0.0.1/$L"
printf 'GET /big HTTP/1.0\r\n\r\n' >&8
read -rN 12 -t 10 line <&8 || line=none
check "a download begins" [ "$line" = "HTTP/1.0 200" -o "$line" = "HTTP/1.1 200" ]
check "while nobody reads it, others come through" "${CURL[@]}" -Z --parallel-max 50 --parallel-immediate "${urls[@]}"
check "and so do 20 MB beside it" "${CURL[@]}" -o "$WORK/got" "http://127.0.0.1:$L/big"
check "which are whole" same "$WORK/got" "$WORK/www/big"
cat <&8 >"$WORK/got"
exec 8>&-
tail -c 20000000 "$WORK/got" >"$WORK/rest"
check "the stalled download goes on where it was" same "$WORK/rest" "$WORK/www/big"

socks() { "${CURL[@]}" --socks5-hostname "127.0.0.1:$D" "$@"; }
check "SOCKS reaches an address" socks -o "$WORK/got" "http://127.0.0.1:$WEB/page7"
check "with the right answer" same "$WORK/got" "$WORK/www/page7"
check "SOCKS reaches a name, which the other side resolves" socks -o "$WORK/got" "http://localhost:$WEB/big"
check "and 20 MB of it are whole" same "$WORK/got" "$WORK/www/big"
check "without regard to its case" socks -o "$WORK/got" "http://LOCALHOST:$WEB/page8"

socks "http://127.0.0.2:$WEB/page1" >"$WORK/denied" 2>&1
check "SOCKS says what is not allowed" [ "$?" = 97 ]
check "in the words of the protocol" grep -q '(2)' "$WORK/denied"
check "the connecting side says so" \
    await_line "$WORK/forward.err" "^no connection to 127\.0\.0\.2:$WEB: the peer does not allow it"
check "the binding side says so" await_line "$WORK/home.err" "^refused a connection: 127\.0\.0\.2:$WEB is not allowed"
curl -sS --max-time 60 "http://127.0.0.1:$CLOSED/" >"$WORK/denied" 2>&1
rc=$?
check "what is not allowed is reset in -L" grep -Eqx "7|55|56" <<<"$rc" # as it connects, sends, or waits
curl -sS --max-time 60 "http://127.0.0.1:$D/" >"$WORK/denied" 2>&1
rc=$?
check "who speaks HTTP to the SOCKS port gets nothing" [ "$rc" = 52 -o "$rc" = 56 ]
check "and the reason is told" await_line "$WORK/forward.err" 'turned away .* HTTP'

"$HX" connect home -v --to 127.0.0.1:1 </dev/null >"$WORK/denied" 2>"$WORK/denied.err"
check "--to is refused what is not allowed, too" [ "$?" = 1 ]
check "with the way out" grep -q -- '--allow 127.0.0.1:1' "$WORK/denied.err"

kill "$HOME_PID"
await_exit "$HOME_PID"
check "hx bind ends with success when it is terminated" [ "$?" = 0 ]
start late "${CURL[@]}" -o "$WORK/got" "http://127.0.0.1:$L/page9"
LATE_PID=$PID
start_bound home home --allow "127.0.0.1:$WEB"
await_exit "$LATE_PID"
check "a connection waits while the other side is away" [ "$?" = 0 ]
check "and comes through when it is back" same "$WORK/got" "$WORK/www/page9"
check "the forward listens where it did" "${CURL[@]}" -o "$WORK/got" "http://127.0.0.1:$L/big"
check "with whole answers" same "$WORK/got" "$WORK/www/big"

ssh-keygen -q -t ed25519 -N '' -f "$WORK/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$WORK/user_key"
if ! start_sshd -h "$WORK/host_key" -o UsePAM=no -o StrictModes=no -o PidFile=none \
    -o "AuthorizedKeysFile=$WORK/user_key.pub"; then
    not_ok "sshd starts" "$WORK/sshd.err"
    finish
fi
start_bound shell shell --allow "127.0.0.1:$PORT"
ssh=(ssh -F /dev/null -i "$WORK/user_key" -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no
    -o LogLevel=ERROR -o UserKnownHostsFile=/dev/null -l guest -o "ProxyCommand='$HX' connect shell --to 127.0.0.1:$PORT" home)
timeout 60 "${ssh[@]}" 'echo hello; exit 3' >"$WORK/got" 2>"$WORK/ssh.err"
check "ssh runs a command at the other side, whose exit status comes back" [ "$?" = 3 ]
check "and its output" grep -qx hello "$WORK/got"
timeout 60 "${ssh[@]}" cat <"$WORK/www/big" >"$WORK/got" 2>>"$WORK/ssh.err"
check "20 MB go there and back at once" same "$WORK/got" "$WORK/www/big"
check "without a word on standard error" diff /dev/null "$WORK/ssh.err"
finish
