#!/bin/bash
# test/natlab/demo.sh: what `make demo` shows: two hosts behind two NATs find each other through the nameserver and
# talk, encrypted. Where user namespaces are forbidden the same three programs run on loopback. Exit 0 only if both sides have
# received what the other one said.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"

REFUSED=${HX_DEMO_REFUSED:-} # set it to see what a machine without user namespaces shows
if [ "${HX_LAB:-}" != inside ]; then
    REFUSED=${REFUSED:-$(lab_refused)}
    if [ -z "$REFUSED" ]; then lab_enter "$0" "$@"; fi
fi

step() { printf '\n%s\n' "$*"; }
show() { sed "s/^/    $1 | /" "$2"; } # show WHO FILE
fail() {
    step "The demo failed: $*"
    for who in nameserver bind connect; do [ ! -f "$WORK/$who.err" ] || show "$who" "$WORK/$who.err"; done
    exit 1
}
begin() { # begin NAME HOST STDIN COMMAND...: on HOST of the lab, or here; sets PID
    local name=$1 where=(nsenter --net="/run/netns/$2") from=$3
    if [ -n "$REFUSED" ]; then where=(); fi
    # shellcheck disable=SC2016
    start "$name" "${where[@]}" bash -c 'exec "${@:2}" <"$1"' bash "$from" "${@:4}"
}
inside_address() { # inside_address N: address and UDP port that the hx on HN has bound
    local port
    port=$(lab_exec "h$1" ss -Hua | sed -nE 's/.*:([0-9]+) +[^ ]+:\*.*/\1/p' | head -n 1)
    echo "${LAB_INSIDE[$1]}:$port"
}
field() { # field EVENT KEY: of the nameserver's last log line of that event
    sed -nE "s/.*event=$1 .*$2=([^ ]+).*/\1/p" "$WORK/nameserver.err" | tail -n 1
}

set_up() {
    if [ -n "$REFUSED" ]; then
        step "1. No NAT lab on this machine ($REFUSED):"
        echo "   the same three programs on loopback instead, without NATs between them."
        start_nameserver --listen-tcp 127.0.0.1:0 || fail 'the nameserver did not start'
        TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ' | sed 's/.* //')
        return
    fi
    if ! lab_begin || ! lab_up port-restricted port-restricted; then fail 'the lab could not be set up'; fi
    step '1. A small internet in network namespaces; both NATs are port-restricted: nobody gets in who was not asked.'
    cat <<EOF
       H1 ${LAB_INSIDE[1]} -- NAT ${LAB_PUBLIC[1]} --.
                                              internet -- S $LAB_S
       H2 ${LAB_INSIDE[2]} -- NAT ${LAB_PUBLIC[2]} --'
EOF
    start_s "$LAB_NS" --listen-tcp "$LAB_NS" || fail 'the nameserver did not start'
    NS=$LAB_NS TCP=$LAB_NS
}
share_key() {
    local key
    unset HX_KEY XDG_CONFIG_HOME
    mkdir "$WORK/home1" "$WORK/home2"
    step '2. Both get the same key, once. On H1:  hx key     On H2:  hx key --set'
    key=$(HOME=$WORK/home1 "$B/hx" key -q) || fail 'H1 could not make a key'
    HOME=$WORK/home2 "$B/hx" key --set -q <<<"$key" || fail 'H2 could not store the key'
    echo "   $key"
    echo "   It goes from H1 to H2 by hand. S never sees it; who lacks it can neither read along nor pose as H1 or H2."
}
bind_home() {
    step "3. The nameserver S is at $NS. On H1:  hx bind home --nameserver $NS"
    begin bind h1 "$WORK/h1.says" env HOME="$WORK/home1" "$B/hx" bind home --nameserver "$NS" -v
    BIND=$PID
    await_line "$WORK/nameserver.err" 'event=bound .*name=home' 10 >/dev/null || fail 'H1 could not bind its name'
    H1_INSIDE=$(field bound peer)
    [ -n "$REFUSED" ] || H1_INSIDE=$(inside_address 1)
    echo "   H1 has $H1_INSIDE inside; S sees it as $(field bound peer) and keeps that under the name 'home'."
}
look_home() { # a person; H1 hears nothing of it
    step "   S speaks the same over TCP, for a look from anywhere:  curl -N 'http://$TCP/connect?host_id=home'"
    begin look net /dev/null curl -s -N "http://$TCP/connect?host_id=home"
    await_line "$WORK/look.out" '^: ' 10 >/dev/null || fail 'curl was told nothing'
    kill "$PID"
    show 'curl' "$WORK/look.out"
}
connect_home() {
    step "4. On H2:  hx connect home --nameserver $NS"
    begin connect h2 "$WORK/h2.says" env HOME="$WORK/home2" "$B/hx" connect home --nameserver "$NS" -v --timeout 10
    CONNECT=$PID
    await_line "$WORK/nameserver.err" 'event=connected .*name=home' 10 >/dev/null || fail 'H2 did not reach S'
    echo "   S tells H2 that 'home' is at $(field connected h1), and H1 that H2 is at $(field connected h2)."
    echo '   Both send to these addresses at once, from the UDP ports that S saw.'
    [ -n "$REFUSED" ] || echo "   Each NAT lets the other side's packets in: it takes them for answers."
    await_exit "$CONNECT" 20 || fail "hx connect ended with $?"
    await_exit "$BIND" 20 || fail "hx bind ended with $?"
}

printf '%s\n' 'Hello H2, this is H1: you have come through two NATs.' 'Nobody carries this for us.' >"$WORK/h1.says"
printf '%s\n' 'Hello H1, this is H2.' 'We have never heard of each other before.' 'Goodbye.' >"$WORK/h2.says"
if [ -n "$REFUSED" ]; then
    sed -i 's/ you have come through two NATs/ you have come over loopback/' "$WORK/h1.says"
fi
set_up
share_key
bind_home
look_home
connect_home
step '5. What the three said meanwhile:'
show 'S ' "$WORK/nameserver.err"
show 'H1' "$WORK/bind.err"
show 'H2' "$WORK/connect.err"
step '6. What was exchanged, directly between H1 and H2:'
show 'H1 received' "$WORK/bind.out"
show 'H2 received' "$WORK/connect.out"
cmp "$WORK/h2.says" "$WORK/bind.out" || fail 'H1 did not receive what H2 said'
cmp "$WORK/h1.says" "$WORK/connect.out" || fail 'H2 did not receive what H1 said'
step 'Each side received all that the other one said; nobody on the way could read it.'
