# shellcheck shell=bash disable=SC2317 # tests are called through story
# test/natlab/nat_words.sh: the group "nat" of test/natlab/run: hx nat tells what a NAT is.

start_stun() { # the nameserver on S with all that RFC 5780 wants, over both families
    lab_start nameserver s bash -c \
        "exec '$B/hx-nameserver' --listen [::]:7000 --stun-address $LAB_S --stun-address $LAB_S_OTHER >&2"
    await_line "$WORK/nameserver.err" 'listening on' >/dev/null
}
ask_nat() { # ask_nat HOST [OPTION...]: hx nat there; its output in HOST.json
    lab_start "$1" "$1" "$B/hx" nat -n "$LAB_NS" --json "${@:2}"
}
told() { # told HOST FAMILY KEY=VALUE...: the JSON says so
    local pair value
    for pair in "${@:3}"; do
        value=$(sed -E "s/.*\"$2\":\\{([^}]*)\\}.*/\\1/; s/.*\"${pair%%=*}\":(\"[^\"]*\"|\\[[^]]*\\]|[^,]*).*/\\1/; s/\"//g" \
            "$WORK/$1.out")
        expect "$1: ${pair%%=*}=$value" "^$1: ${pair%%=*}=${pair#*=}$" || { cat "$WORK/$1.out" && return 1; }
    done
}
# nats_are KIND1 'KEY=VALUE...' KIND2 'KEY=VALUE...': hx nat says so on both hosts, at the same time.
nats_are() {
    local one two
    lab_up "$1" "$3" && start_stun && ask_nat h1 -4 || return 1
    one=$PID
    ask_nat h2 -4
    two=$PID
    await_exit "$one" && await_exit "$two" || return 1
    # shellcheck disable=SC2086 # the words are told's arguments
    told h1 ipv4 nat=true external="${LAB_PUBLIC[1]}:[0-9]+" local="${LAB_INSIDE[1]}:[0-9]+" $2 &&
        told h2 ipv4 external="${LAB_PUBLIC[2]}:[0-9]+" second_address=true $4
}
both_families() { # behind a NAT and a firewall
    lab_up port-restricted none && lab_ipv6 1 && start_stun || return 1
    for _ in 1 2 3 4 5; do # the routers look for their neighbours
        if lab_exec h1 "$B/hx" nat -6 -n "$LAB_NS6" >/dev/null 2>&1; then break; fi
    done
    printf '%s s.test\n' "$LAB_S" "$LAB_S6" >"$WORK/hosts"
    # shellcheck disable=SC2016 # the inner shell expands it
    lab_start h1 h1 unshare -m bash -c 'mount --bind "$1" /etc/hosts && exec "${@:2}"' _ "$WORK/hosts" \
        "$B/hx" nat -n s.test:7000 --json
    await_exit "$PID" || return 1
    told h1 ipv4 nat=true mapping=endpoint-independent verdict=easy &&
        told h1 ipv6 nat=false external="\\[${LAB_INSIDE6[1]}\\]:[0-9]+" verdict=easy second_address=false \
            filtering=address-and-port-dependent # with one address of S the worst can be known, and is the truth
}
mtu_is_told() { # what one access carries, and the other one
    lab_up none port-restricted && lab_ipv6 2 && start_stun && lab_mtu 1 1420 && lab_mtu 2 1380 && ask_nat h1 -4 || return 1
    await_exit "$PID" && told h1 ipv4 mtu=1420 || return 1
    lab_start h2 h2 "$B/hx" nat -6 -n "$LAB_NS6" --json
    await_exit "$PID" && told h2 ipv6 mtu=1380
}
blocked_in_time() { # blocked_in_time KIND REGEX
    local begin=$EPOCHREALTIME rc ms
    lab_up none "$1" && start_stun || return 1
    begin=$EPOCHREALTIME
    lab_exec h2 timeout 60 "$B/hx" nat -n "$LAB_NS" >"$WORK/h2.out" 2>&1
    rc=$?
    ms=$(ms_between "$begin" "$EPOCHREALTIME")
    NOTE="exit status $rc after $ms ms: $(tail -n 1 "$WORK/h2.out")"
    echo "$NOTE"
    [ "$rc" = 1 ] && [ "$ms" -lt 3000 ] && grep -q "$2" "$WORK/h2.out"
}
lossy() { # what is lost is asked again
    lab_up port-restricted symmetric && start_stun && lab_loss 10 && ask_nat h1 -4 || return 1
    await_exit "$PID" && told h1 ipv4 nat=true mapping=endpoint-independent filtering=address-and-port-dependent verdict=easy
}
lifetime_is() { # lifetime_is KIND SECONDS ALIVE DEAD: of a mapping that lives so long
    # shellcheck disable=SC2034 # nats.sh reads it
    local LAB_MAPPING_S=$2
    lab_up "$1" none && start_stun && ask_nat h1 -4 --lifetime || return 1
    await_exit "$PID" 120 || return 1
    cat "$WORK/h1.out"
    grep "\"lifetime\":{\"alive_s\":$3,\"dead_s\":$4}" "$WORK/h1.out"
}
group_nat() {
    local ei=mapping=endpoint-independent apd=mapping=address-and-port-dependent
    local fei=filtering=endpoint-independent fad=filtering=address-dependent fapd=filtering=address-and-port-dependent
    story 'hx nat: full-cone, and a host without NAT' \
        nats_are full-cone "$ei $fei hairpin=true verdict=easy mtu=1500" none "nat=false $ei $fei verdict=easy hairpin=null"
    story 'hx nat: address-restricted, and port-restricted' \
        nats_are address-restricted "$ei $fad hairpin=true verdict=easy" port-restricted "$ei $fapd hairpin=true verdict=easy"
    story 'hx nat: no hairpin, and two NATs in a row' \
        nats_are no-hairpin "$ei $fapd hairpin=false verdict=easy" double "$ei $fapd hairpin=true verdict=easy"
    story 'hx nat: symmetric with random ports, and with ports in sequence' \
        nats_are symmetric-random "$apd $fapd ports=random verdict=hard" \
        symmetric-sequential "$apd $fapd ports=sequential port_step=1 verdict=predictable"
    story 'hx nat: mapping that depends on the address, and ports in steps of 2' \
        nats_are box,mapping=ad,ports=random "mapping=address-dependent ports=random verdict=hard" \
        box,mapping=apd,ports=sequential:2 "$apd ports=sequential port_step=2 verdict=predictable"
    story 'hx nat: plain Linux masquerade keeps the port, and with "fully-random" it is symmetric' \
        nats_are masquerade "$ei $fapd ports=preserving hairpin=false verdict=easy" symmetric "$apd $fapd ports=random verdict=hard"
    story 'hx nat: both families are asked at once, a firewall for IPv6 filters' both_families
    story 'hx nat: with 10 % loss on both accesses it says the same' lossy
    story 'hx nat: an access that carries 1420 bytes, and one of 1380, over IPv6' mtu_is_told
    story 'hx nat: where UDP is blocked it says so within 3 s' blocked_in_time blocked 'UDP is blocked: nothing came back'
    if [ -n "${LAB_LONG:-}" ]; then
        story 'hx nat --lifetime: a mapping of 30 s, by other ports' lifetime_is symmetric-random 30 28 40
        story 'hx nat --lifetime: a mapping of 60 s, by hairpin' lifetime_is port-restricted 60 55 65
    fi
}
