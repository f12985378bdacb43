#!/usr/bin/env bash
# hx connect -L udp: between programs that people have: a DNS server and dig, HTTP/3 over QUIC, TLS over UDP.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

DEB=$TOP/build/deb
LIBRARIES=$(find "$DEB/usr/lib" -name 'libnetfilter_conntrack.so.3' -printf '%h' 2>/dev/null)

# Nobody may have a port that was free a moment ago: a server that cannot have it is started again at another one.
free_port() {
    python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# is_there NAME: a server that was started has a socket at PORT, or has ended
is_there() {
    local end=$((SECONDS + 60))
    until ss -Huln "sport = :$PORT" | grep -q .; do
        kill -0 "$PID" 2>/dev/null && [ "$SECONDS" -lt "$end" ] || return
        nap 0.02
    done
    return 0 # that of an until is what its last wait said
}
at_free_port() { # at_free_port NAME FUNCTION: sets PORT
    local _
    for _ in {1..5}; do
        PORT=$(free_port)
        start "$1" "$2"
        if is_there && kill -0 "$PID" 2>/dev/null; then return; fi
    done
    return 1
}
need() { # need WHAT COMMAND...: a server that cannot start is a test that fails
    "${@:2}" || {
        not_ok "$1 starts" "$WORK"/*.err
        finish
    }
}

# --- DNS ---------------------------------------------------------------------------------------------------------------
LONG=$(printf 'x%.0s' {1..200})
run_dnsmasq() {
    local i
    {
        printf '%s\n' "port=$PORT" listen-address=127.0.0.1 bind-interfaces no-resolv no-hosts keep-in-foreground pid-file= \
            log-facility=- "user=$(id -un)" "group=$(id -gn)" edns-packet-max=4096 address=/host.test/192.0.2.7
        for i in 1 2 3 4 5; do echo "txt-record=long.test,$i$LONG"; done
    } >"$WORK/dnsmasq.conf"
    exec env "LD_LIBRARY_PATH=$LIBRARIES" "$DEB/usr/sbin/dnsmasq" -C "$WORK/dnsmasq.conf"
}
ask() { # ask NAME TYPE: through the forward; its first question may be lost, as may any
    dig @127.0.0.1 -p "$DNS_HERE" +notcp +ignore +bufsize=1400 +time=5 +tries=4 +short "$1" "$2"
}
short_answer() {
    [ "$(ask host.test A)" = 192.0.2.7 ]
}
long_answer() {
    ask long.test TXT | tee "$WORK/long"
    [ "$(sort "$WORK/long" | tr -d '"' | sha256sum)" = "$(for i in 1 2 3 4 5; do echo "$i$LONG"; done | sha256sum)" ]
}
many_questions() {
    local i
    for i in {1..200}; do echo "host.test A"; done >"$WORK/questions"
    dig @127.0.0.1 -p "$DNS_HERE" +notcp +time=5 +tries=4 +short -f "$WORK/questions" >"$WORK/answers" &&
        [ "$(grep -cx 192.0.2.7 "$WORK/answers")" = 200 ]
}

# --- QUIC --------------------------------------------------------------------------------------------------------------
run_quic() {
    exec "$DEB/usr/sbin/gtlsserver" -q -d "$WORK/www" 127.0.0.1 "$PORT" "$WORK/tls.key" "$WORK/tls.pem"
}
http3() {
    mkdir -p "$WORK/quic" && rm -f "$WORK/quic/page"
    timeout 60 gtlsclient -q --exit-on-all-streams-close "--download=$WORK/quic" 127.0.0.1 "$QUIC_HERE" \
        "https://localhost:$QUIC_HERE/page" && same "$WORK/quic/page" "$WORK/www/page"
}

# --- TLS over UDP --------------------------------------------------------------------------------------------------------
run_dtls() { # what stands in the fifo is said to the client
    exec openssl s_server -dtls1_2 -quiet -accept "127.0.0.1:$PORT" -key "$WORK/tls.key" -cert "$WORK/tls.pem" <>"$WORK/said"
}
dtls() {
    local fd
    mkfifo "$WORK/asks"
    exec {fd}<>"$WORK/asks"
    # shellcheck disable=SC2016 # the inner shell expands it
    start dtls_client bash -c 'exec "${@:2}" <"$1"' _ "$WORK/asks" openssl s_client -dtls1_2 -mtu 1400 -quiet \
        -connect "127.0.0.1:$DTLS_HERE" -CAfile "$WORK/tls.pem" -verify_return_error
    echo 'a question' >&"$fd"
    await_line "$WORK/dtls.out" '^a question$' && echo 'an answer' >"$WORK/said" &&
        await_line "$WORK/dtls_client.out" '^an answer$'
}

mkdir "$WORK/www" && head -c 5000000 /dev/urandom >"$WORK/www/page" && mkfifo "$WORK/said"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -keyout "$WORK/tls.key" -out "$WORK/tls.pem" 2>"$WORK/openssl.err"
start_nameserver_with_key
need "a DNS server" at_free_port dns run_dnsmasq
DNS=$PORT
need "an HTTP/3 server" at_free_port quic run_quic
QUIC=$PORT
need "a server of TLS over UDP" at_free_port dtls run_dtls
DTLS=$PORT
start_bound home home --allow "udp:127.0.0.1:$DNS" --allow "udp:127.0.0.1:$QUIC" --allow "udp:127.0.0.1:$DTLS"
start_connected out home -L "udp:0:127.0.0.1:$DNS" -L "udp:0:127.0.0.1:$QUIC" -L "udp:0:127.0.0.1:$DTLS"
DNS_HERE=$(listens out "127.0.0.1:$DNS") QUIC_HERE=$(listens out "127.0.0.1:$QUIC") DTLS_HERE=$(listens out "127.0.0.1:$DTLS")

check "dig has the answer of a DNS server at the other side" short_answer
check "and one of a thousand bytes, whole" long_answer
check "and those to 200 questions, each by a socket of its own" many_questions
check "a file of an HTTP/3 server comes by QUIC, and is whole" http3
check "TLS over UDP shakes hands, and says something both ways" dtls
finish
