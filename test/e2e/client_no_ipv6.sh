#!/usr/bin/env bash
# Kernels without IPv6, on any of the three hosts: by UDP, and by UDP through TCP. What is relayed: test/natlab/tunnel.sh.
. "$(dirname "$0")/../lib.sh"
NO_IPV6=$B/test/no_ipv6
export HX_KEY=hx-aaaq-eaye-auda-ocaj-bifq-ydio-b4ib-ceqt-46xl
[ -x "$NO_IPV6" ] || {
    not_ok "test/no_ipv6 is there (make tools)"
    finish
}
mkdir "$WORK/shared"
head -c 3000000 /dev/urandom >"$WORK/shared/bytes"

# meets WHERE HOSTS: HOSTS of S, H1 and H2 have no IPv6; by UDP, or, where WHERE is tcp, through TCP. A line comes back from
# H1, and a file comes whole.
meets() {
    local where=$1 hosts=" $2 " s=() h1=() h2=() line url n=$((++COUNT))
    [[ $hosts != *' S '* ]] || s=("$NO_IPV6")
    [[ $hosts != *' H1 '* ]] || h1=("$NO_IPV6")
    [[ $hosts != *' H2 '* ]] || h2=("$NO_IPV6")
    start "s$n" "${s[@]}" "$B/hx-nameserver" --listen 127.0.0.1:0 --listen-tcp 127.0.0.1:0
    line=$(await_line "$WORK/s$n.out" 'listening on 127') && url=${line##* } || return
    if [ "$where" = tcp ]; then
        line=$(await_line "$WORK/s$n.out" '^listening on tcp ') && url="http://${line##* }?udp=${url##*:}" || return
    fi
    start "bind$n" "${h1[@]}" "$B/hx" bind lab -v --echo --share "$WORK/shared" -n "$url" ${MODE[$where]:+"${MODE[$where]}"}
    await_line "$WORK/bind$n.err" '^bound lab' >/dev/null &&
        [ "$(echo hello | timeout $((20 * SLOW)) "${h2[@]}" "$B/hx" connect lab -n "$url" ${MODE[$where]:+"${MODE[$where]}"})" = hello ] &&
        timeout $((20 * SLOW)) "${h2[@]}" "$B/hx" cp lab:bytes "$WORK/bytes$n" --nameserver "$url" ${MODE[$where]:+"${MODE[$where]}"} &&
        cmp "$WORK/shared/bytes" "$WORK/bytes$n" && return
    cat "$WORK"/{s,bind}"$n".err
    return 1
}
COUNT=0
declare -A MODE=([tcp]=--tcp-only)
for hosts in S H1 H2 'S H1 H2'; do
    check "$hosts without IPv6: two meet by UDP" meets udp "$hosts"
    check "and through TCP" meets tcp "$hosts"
done
finish
