# shellcheck shell=bash disable=SC2317,SC2034 # tests are called through story; it prints NOTE
# test/natlab/kinds.sh: the groups "kinds" and "weather" of test/natlab/run: the lab itself is what it says.

# --- kinds: each one is what it says --------------------------------------------------------------------------------

behaves() { # behaves HOST MAPPING FILTERING TRANSLATED HAIRPIN STABLE PORTS
    local seen
    seen=$(lab_exec "$1" "$PROBE" nat "${LAB_REFLECTOR[@]}")
    expect "$seen" "^mapping=$2 filtering=$3 hairpin=$5 stable=$6 translated=$4 ports=$7 "
}
kind_is() { # kind_is KIND MAPPING FILTERING...: on both accesses
    lab_up "$1" "$1" && start_reflector && behaves h1 "${@:2}" && behaves h2 "${@:2}"
}
box_is() { # box_is OPTIONS MAPPING FILTERING...
    lab_up "box,$1" none && start_reflector && behaves h1 "${@:2}"
}
blocked_blocks() {
    lab_up blocked none && start_reflector || return 1
    expect "$(lab_exec h1 "$PROBE" count "$LAB_S" 3478 20)" '^answers=0$'
}
# outside_after KIND COMMAND...: one socket on H1 asks S for its external address before and after that command on us. Sets
# BEFORE and AFTER.
outside_after() {
    local in
    lab_up "$1" none && start_reflector || return 1
    mkfifo "$WORK/again"
    lab_start hold h1 bash -c "exec '$PROBE' hold $LAB_S 3478 <'$WORK/again'"
    exec {in}>"$WORK/again"
    rm "$WORK/again"
    BEFORE=$(await_line "$WORK/hold.out" '^outside=')
    "${@:2}"
    (echo again >&"$in") # which would end this script, too, if nobody read there any more
    exec {in}>&-
    await_exit "$PID"
    AFTER=$(tail -n 1 "$WORK/hold.out")
    echo "before $BEFORE after $AFTER"
    [ -n "$BEFORE" ]
}
mappings_drop() { # mappings_drop KIND
    outside_after "$1" lab_drop_mappings && [ "$AFTER" != "$BEFORE" ] && expect "$AFTER" '^outside=198\.51\.100\.10:[0-9]+$'
}
knocked() { # knocked KIND RESULT: S sends to a port of the NAT that nobody has
    lab_up "$1" none || return 1
    for _ in 1 2 3 4 5; do # what is refused may come later than the probe waits
        expect "$(lab_exec s "$PROBE" knock "${LAB_PUBLIC[1]}" 4444)" "^$2$" && return
    done
    return 1
}
# The first one's packet makes a connection at the other's router, whose own then leaves from another port: to the
# first one's router that is a stranger. Two that left in the same moment pass each other, so they may try again.
masquerades_collide() {
    pair_cannot masquerade masquerade || pair_cannot masquerade masquerade || pair_cannot masquerade masquerade
}
masquerades_meet() {
    lab_up masquerade-closed masquerade-closed && start_reflector && punches
}
carrier_separates() { # carrier_separates CARRIER PUNCHED: two homes behind one carrier's NAT
    lab_up_carrier port-restricted "$1" && start_reflector || return 1
    if [ "$2" = yes ]; then punches; else cannot_punch; fi
}
neighbours_talk() { # both behind one NAT, whatever it does to others: by their inner addresses they reach each other
    lab_up_shared "$1" || return 1
    lab_start echo h2 socat -d -d "UDP4-RECVFROM:3478,fork" EXEC:cat
    await_line "$WORK/echo.err" 'receiving on' >/dev/null
    [ "$(lab_exec h1 bash -c "exec {fd}<>/dev/udp/${LAB_INSIDE[2]}/3478; echo hello >&\$fd; timeout 60 head -n 1 <&\$fd")" = hello ]
}
counts_of_box() {
    lab_up box,filtering=apd,reject=yes none && start_reflector && answers_between 50 50 50 || return 1
    lab_exec s "$PROBE" knock "${LAB_PUBLIC[1]}" 1
    expect "$(lab_box_counts n1)" '^out=5[1-9] in=5[1-9] hairpinned=0 filtered=1 fragments=0 unsent=0 mappings=1$'
}
asks_many() { # twenty destinations, each a mapping of its own
    local port
    for ((port = 4001; port <= 4020; port++)); do lab_exec h1 bash -c "echo >/dev/udp/$LAB_S/$port"; done
    lab_box_counts n1
}
has_a_block() { # of four ports
    lab_up box,mapping=apd,filtering=apd,ports=random,block=4 none || return 1
    expect "$(asks_many)" '^out=4 in=0 .* unsent=16 mappings=4$'
}
makes_few() { # two mappings at once, and two a second
    local begun=$EPOCHREALTIME counts
    lab_up box,mapping=apd,filtering=apd,ports=random,rate=2 none && counts=$(asks_many) || return 1
    expect "$counts" '^out=([0-9]+) in=0 .* unsent=([0-9]+) mappings=([0-9]+)$' || return 1
    [ "${BASH_REMATCH[1]}" -ge 2 ] && [ "${BASH_REMATCH[1]}" -le $((3 + $(ms_between "$begun" "$EPOCHREALTIME") / 500)) ] &&
        [ $((BASH_REMATCH[1] + BASH_REMATCH[2])) = 20 ]
}
drops_first() {
    lab_up box,filtering=apd,first=drop none && start_reflector && answers_between 49 49 50
}
group_kinds() {
    local ei=endpoint-independent ad=address-dependent apd=address-and-port-dependent
    story 'a host without NAT has its own address outside' kind_is none "$ei" "$ei" no yes yes preserving
    story 'full-cone maps and filters endpoint-independently' kind_is full-cone "$ei" "$ei" yes yes yes random
    story 'address-restricted filters by address' kind_is address-restricted "$ei" "$ad" yes yes yes random
    story 'port-restricted filters by address and port' kind_is port-restricted "$ei" "$apd" yes yes yes random
    story 'no-hairpin is port-restricted and does not hairpin' kind_is no-hairpin "$ei" "$apd" yes no yes random
    story 'rejecting filters as port-restricted does' kind_is rejecting "$ei" "$apd" yes yes yes random
    story 'symmetric maps each destination to another port' kind_is symmetric "$apd" "$apd" yes no no random
    story 'symmetric-random is the same, by our own NAT' kind_is symmetric-random "$apd" "$apd" yes no no random
    story 'symmetric-sequential gives one port after the other' kind_is symmetric-sequential "$apd" "$apd" yes no no sequential:1
    story 'masquerade keeps ports, and moves one where somebody has knocked' kind_is masquerade "$ei" "$apd" yes no no preserving
    story 'masquerade-closed keeps ports' kind_is masquerade-closed "$ei" "$apd" yes no yes preserving
    story 'double is port-restricted seen from outside' kind_is double "$ei" "$apd" yes yes yes random
    story 'our own NAT preserves ports and lets everybody in' box_is filtering=ei "$ei" "$ei" yes yes yes preserving
    story 'our own NAT filters by address, without a hairpin' box_is filtering=ad,hairpin=no "$ei" "$ad" yes no yes preserving
    story 'our own NAT maps by address, with steps of 4' \
        box_is mapping=ad,filtering=apd,ports=sequential:4 "$ad" "$apd" yes no no sequential:4
    story 'our own NAT has ports that other hosts take meanwhile' \
        box_is mapping=apd,filtering=apd,ports=sequential,others=20000000 "$apd" "$apd" yes no no random
    story 'our own NAT counts what it does' counts_of_box
    story 'our own NAT gives a host its block of ports, and no more' has_a_block
    story 'our own NAT makes so many mappings a second' makes_few
    story 'our own NAT loses the first packet to each destination' drops_first
    story 'blocked lets no UDP through' blocked_blocks
    story 'rejecting answers with ICMP what nobody has asked for' knocked rejecting refused
    story 'port-restricted drops it' knocked port-restricted lost
    story 'our own NAT rejects it' knocked box,reject=yes refused
    story 'two plain masquerades collide: plain sockets do not meet' masquerades_collide
    story 'two masquerades with INPUT closed meet' masquerades_meet
    story 'two homes behind a carrier that hairpins meet' carrier_separates port-restricted yes
    story 'two homes behind a carrier that does not hairpin do not' carrier_separates no-hairpin no
    story 'two behind one NAT reach each other by their inner addresses' neighbours_talk no-hairpin
    story 'two behind one NAT of our own do so, too' neighbours_talk symmetric-sequential
    story 'a port-restricted NAT that forgets its mappings gives another port' mappings_drop port-restricted
    story 'a symmetric NAT that forgets its mappings gives another port' mappings_drop symmetric
    story 'our own NAT that forgets its mappings gives another port' mappings_drop symmetric-sequential
    story 'two NATs in a row that forget their mappings give another port' mappings_drop double
}

# --- weather: losses and cuts ---------------------------------------------------------------------------------------

answers_between() { # answers_between LEAST MOST [COUNT]: of COUNT datagrams from H1 to S and back
    local n
    n=$(lab_exec h1 "$PROBE" count "$LAB_S" 3478 "${3:-1000}")
    echo "$n, expected $1 to $2"
    n=${n#answers=}
    [ "$n" -ge "$1" ] && [ "$n" -le "$2" ]
}
loses() { # both ways over one access: (1 - 0.2)^2 is 640 of 1000, standard deviation 15
    lab_up port-restricted none && start_reflector && answers_between 200 200 200 || return 1
    lab_loss 20 && answers_between 540 740 && lab_loss 0 && answers_between 200 200 200
}
cuts() {
    lab_up port-restricted none && start_reflector && lab_cut 1 && answers_between 0 0 200 || return 1
    lab_mend 1 && answers_between 200 200 200
}
delays() { # 20 ms each way is a round trip of 40, and what a busy machine adds
    local rtt
    lab_delay 1 20
    lab_up port-restricted none && start_reflector && rtt=$(lab_exec h1 "$PROBE" rtt "$LAB_S" 3478 5)
    lab_delay 1 0
    NOTE=$rtt
    [ "${rtt#rtt_us=}" -ge 40000 ] && [ "${rtt#rtt_us=}" -lt 200000 ]
}
# A datagram is 31 bytes, 45 with Ethernet's header, 5.6 ms at 64 kbit/s, once the bucket is empty after 71 of them. A busy
# machine needs longer for all of them, and fills the bucket meanwhile.
narrows() {
    local begun
    lab_up port-restricted none && start_reflector && lab_bottleneck 1 64kbit || return 1
    begun=$EPOCHREALTIME
    lab_exec h1 "$PROBE" rtt "$LAB_S" 3478 200 >/dev/null || return 1
    NOTE="200 datagrams in $(ms_between "$begun" "$EPOCHREALTIME") ms"
    [ "$(ms_between "$begun" "$EPOCHREALTIME")" -ge 700 ]
}
mtu_is() { # what fits passes, what does not is lost, and nothing is told
    local size
    lab_up port-restricted none && start_reflector || return 1
    for size in 1280 1380 1492; do
        lab_mtu 1 $size
        expect "$(lab_exec h1 "$PROBE" knock "$LAB_S" 3478 $size)" '^answered$' || return 1
        expect "$(lab_exec h1 "$PROBE" knock "$LAB_S" 3478 $((size + 1)))" '^lost$' || return 1
    done
    lab_mtu 1 1500
    expect "$(lab_exec h1 "$PROBE" knock "$LAB_S" 3478 1500)" '^answered$'
}
mappings_die() { # mappings_die KIND: after a second without a packet
    local rc
    lab_lifetime 1
    outside_after "$1" sleep 1.2
    rc=$?
    lab_lifetime 120
    [ $rc = 0 ] && [ "$AFTER" != "$BEFORE" ]
}
forgets() { # a mapping would live for minutes
    has_forgotten() { [ "$(lab_box_counts n1 | sed 's/.*mappings=//')" = 0 ]; }
    outside_after symmetric-sequential lab_forgetful 1 && await_true 60 has_forgotten
}
renumbers() { # renumbers KIND
    outside_after "$1" lab_renumber 1 198.51.100.20 && expect "$AFTER" '^outside=198\.51\.100\.20:[0-9]+$'
}
roams() { # to the second uplink; the first one is pulled
    go() { lab_second 1 symmetric-sequential && lab_roam 1 eth1 && lab_unplug 1 eth0; }
    outside_after port-restricted go && expect "$AFTER" "^outside=${LAB_PUBLIC[3]//./\\.}:[0-9]+$"
}
group_weather() {
    story 'a loss of 20 % takes that many datagrams each way' loses
    story 'a cut access passes nothing until it is mended' cuts
    story 'a delay of 20 ms each way takes 40 ms' delays
    story 'a bottleneck passes its rate' narrows
    story 'an access with a smaller MTU loses what is longer, and says nothing' mtu_is
    story 'a mapping of our own NAT dies after its lifetime' mappings_die symmetric-sequential
    story 'a mapping of connection tracking does so' mappings_die symmetric
    story 'NATs that are forgetful forget by themselves' forgets
    story 'a public address changes, at a NAT by rules' renumbers port-restricted
    story 'a public address changes, at our own NAT' renumbers symmetric-sequential
    story 'a public address changes, at a plain masquerade' renumbers masquerade
    story 'a public address changes, at a host' renumbers none
    story 'a host that roams is at another address' roams
}
