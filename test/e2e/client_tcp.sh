#!/usr/bin/env bash
# TCP to a nameserver, where UDP does not pass: with TLS by a web server before it (Debian's nginx), and by way of an HTTP
# proxy that wants a password (Debian's tinyproxy). What stands in the way is said in one sentence.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../web.sh"
NOBODY=1 # a UDP port where nothing listens: it is known at once that UDP does not pass

start_nameserver --listen-tcp 127.0.0.1:0 || exit 1
TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ' | sed 's/.*://')
make_certificates && start_nginx "$TCP" || exit 1
WEB=$PORT
start_tinyproxy "$WEB" || exit 1
PROXY=127.0.0.1:$PORT
export SSL_CERT_FILE=$WORK/ca.pem HX_KEY=hx-aaaq-eaye-auda-ocaj-bifq-ydio-b4ib-ceqt-46xl

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
LOCAL=https://localhost:$WEB
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
finish
