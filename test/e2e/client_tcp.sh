#!/usr/bin/env bash
# TCP to a nameserver, where UDP does not pass: with TLS by a web server before it (Debian's nginx), and by way of an HTTP
# proxy that wants a password (Debian's tinyproxy and squid). What stands in the way is said in one sentence.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../web.sh"
NOBODY=1 # a UDP port where nothing listens: it is known at once that UDP does not pass

start_nameserver --listen-tcp 127.0.0.1:0 || exit 1
TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ' | sed 's/.*://')
make_certificates && start_nginx "$TCP" || exit 1
WEB=$PORT NGINX_PID=$PID
start_tinyproxy "$WEB" || exit 1
PROXY=127.0.0.1:$PORT
export SSL_CERT_FILE=$WORK/ca.pem HX_KEY=hx-aaaq-eaye-auda-ocaj-bifq-ydio-b4ib-ceqt-46xl

# ---- two that only TCP leads to the nameserver ----

LOCAL=https://localhost:$WEB
UDP=${NS##*:}
URL="$LOCAL?udp=$UDP"
# meets [VARIABLE=VALUE]...: bytes pass both ways, to the one who is bound and back.
# shellcheck disable=SC2120 # check gives them
meets() {
    local got
    got=$(echo hello | timeout $((20 * SLOW)) env "$@" "$B/hx" connect lab --tcp-only -n "$URL" 2>"$WORK/meets.err") &&
        [ "$got" = hello ] && return
    cat "$WORK/meets.err"
    return 1
}
upgrades() { grep -c '"GET /.well-known/masque/udp/localhost/'"$UDP"'/ HTTP/1.1" 101 ' "$WORK/nginx.log"; }
proxied() { grep -c "Request .* CONNECT localhost:$WEB HTTP/1.1" "$WORK/tinyproxy.log"; }
start bind "$B/hx" bind --echo lab -v --tcp-only -n "$URL"
await_line "$WORK/bind.err" '^bound lab through TCP' $((10 * SLOW)) >/dev/null
check "two meet whom a web server's TLS leads to the nameserver" meets
check "by way of a proxy, too, with a password that is percent-encoded" meets https_proxy="http://anna:s%65-cret@$PROXY"
check "the proxy was asked for it" test "$(proxied)" = 1
start_squid "$WEB" || not_ok "squid starts" "$WORK"/squid.{err,messages}
check "by way of a squid as well" meets https_proxy="http://anna:se-cret@127.0.0.1:$PORT"
check "which was asked for it" grep -q " TCP_TUNNEL/200 .* CONNECT localhost:$WEB anna " "$WORK/squid.log"
check "a host that no_proxy names is reached without the proxy" meets https_proxy=127.0.0.1:$NOBODY no_proxy=localhost
before=$(upgrades)
check "each went through the web server by an upgrade" test "$before" -ge 3
udp_passes() { # without --tcp-only
    [ "$(echo hello | timeout $((20 * SLOW)) "$B/hx" connect lab -n "$URL" 2>"$WORK/udp.err")" = hello ] && [ "$(upgrades)" = "$before" ]
}
check "where UDP passes, the same URL leads there by UDP" udp_passes

kill "$NGINX_PID"
await_line "$WORK/bind.err" '^nameserver lost' $((10 * SLOW)) >/dev/null
PORT=$WEB
start nginx run_tls "$TCP"
await_port
bound_twice() { [ "$(grep -c '^bound lab through TCP' "$WORK/bind.err")" -ge 2 ]; }
bound_again() { await_true $((30 * SLOW)) bound_twice && meets; }
check "when the web server comes back the name is bound anew" bound_again

# ---- what stands in the way ----

# Of a nameserver whose UDP port nobody listens at hx bind says, in one sentence, why TCP does not lead to it either, and
# goes on waiting: says SENTENCE REGEX URL [VARIABLE=VALUE]... All of them wait side by side.
COUNT=0
SENTENCES=() REGEXES=()
says() {
    SENTENCES+=("$1")
    REGEXES+=("^hx: waiting for the nameserver $3[?]udp=$NOBODY: $2\$")
    local url=$3
    shift 3
    start "says$COUNT" env "$@" "$B/hx" bind --echo lab -n "$url?udp=$NOBODY"
    COUNT=$((COUNT + 1))
}
says "a proxy that wants a password is said to want one, and where to write it" \
    "the proxy $PROXY wants a name and a password: write them into https_proxy, http://USER:PASSWORD@HOST:PORT" \
    "$LOCAL" https_proxy="http://$PROXY"
says "a wrong password is told apart from none" \
    "the proxy $PROXY does not accept the name and the password in HTTPS_PROXY" "$LOCAL" HTTPS_PROXY="http://anna:secret@$PROXY"
says "a proxy that allows another port alone is said to" \
    "the proxy $PROXY lets nobody through to localhost:$TCP .403.: many allow port 443 alone, that of https://HOST" \
    "http://localhost:$TCP" http_proxy="anna:s%65-cret@$PROXY"
says "a proxy that is not there is named with its variable" \
    "the proxy 127.0.0.1:$NOBODY: connection refused: check all_proxy" "$LOCAL" all_proxy=127.0.0.1:$NOBODY
says "a proxy of another kind is not taken" \
    "https_proxy is no http://.*: proxies of other kinds are not used" "$LOCAL" https_proxy=socks5h://127.0.0.1:1080
says "a certificate of an authority that is not trusted is refused" \
    "the certificate of localhost is signed by nobody whom this host trusts: .* SSL_CERT_FILE" "$LOCAL" -u SSL_CERT_FILE
says "a certificate for another name is refused" \
    "the certificate of 127.0.0.1 is for another name: is that the right one.*" "https://127.0.0.1:$WEB"
says "a certificate is looked at beyond a proxy, too" \
    "the certificate of localhost is signed by nobody .*" "$LOCAL" -u SSL_CERT_FILE https_proxy="http://anna:s%65-cret@$PROXY"
says "a port without TLS is told" \
    "what answers at localhost, port $TCP, does not speak TLS as we do" "https://localhost:$TCP"
for i in "${!SENTENCES[@]}"; do
    if await_line "$WORK/says$i.err" "${REGEXES[i]}" $((10 * SLOW)) >/dev/null; then
        ok "${SENTENCES[i]}"
    else
        not_ok "${SENTENCES[i]}" "$WORK/says$i.err"
    fi
done
check "who gives up after its time says so, too" \
    ended 12000 1 "^hx: nameserver .*: what answers at localhost, port $TCP, does not speak TLS as we do\$" \
    "$B/hx" connect lab -q --timeout 4 -n "https://localhost:$TCP?udp=$NOBODY"
finish
