# shellcheck shell=bash disable=SC2317 # tests are called through story
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
mappings_drop() { # mappings_drop KIND
    local in out before after
    lab_up "$1" none && start_reflector || return 1
    mkfifo "$WORK/again"
    lab_start hold h1 bash -c "exec '$PROBE' hold $LAB_S 3478 <'$WORK/again'"
    exec {in}>"$WORK/again"
    before=$(await_line "$WORK/hold.out" '^outside=' 5)
    lab_drop_mappings
    echo again >&"$in"
    exec {in}>&-
    rm "$WORK/again"
    await_exit "$PID" 5
    out=$(<"$WORK/hold.out")
    after=${out##*$'\n'}
    echo "before $before after $after"
    [ -n "$before" ] && [ "$after" != "$before" ] && expect "$after" '^outside=198\.51\.100\.10:[0-9]+$'
}
knocked() { # knocked KIND RESULT: S sends to a port of the NAT that nobody has
    lab_up "$1" none || return 1
    expect "$(lab_exec s "$PROBE" knock "${LAB_PUBLIC[1]}" 4444)" "^$2$"
}
# The first one's packet makes a connection at the other's router, whose own then leaves from another port: to the
# first one's router that is a stranger.
masquerades_collide() {
    pair_cannot masquerade masquerade
}
masquerades_meet() {
    lab_up masquerade-closed masquerade-closed && start_reflector && { sockets_punch || sockets_punch; }
}
carrier_separates() { # carrier_separates CARRIER PUNCHED: two homes behind one carrier's NAT
    lab_up_carrier port-restricted "$1" && start_reflector || return 1
    if [ "$2" = yes ]; then sockets_punch || sockets_punch; else expect "$(sockets_punch)" '^punched=no .*punched=no '; fi
}
neighbours_talk() { # both behind one NAT, whatever it does to others: by their inner addresses they reach each other
    lab_up_shared "$1" || return 1
    lab_start echo h2 socat -d -d "UDP4-RECVFROM:3478,fork" EXEC:cat
    await_line "$WORK/echo.err" 'receiving on' 5 >/dev/null
    [ "$(lab_exec h1 socat -t0.5 - "UDP4:${LAB_INSIDE[2]}:3478" <<<hello)" = hello ]
}
counts_of_box() {
    lab_up box,filtering=apd,reject=yes none && start_reflector && answers_between 50 50 50 || return 1
    lab_exec s "$PROBE" knock "${LAB_PUBLIC[1]}" 1
    expect "$(lab_box_counts n1)" '^out=50 in=50 hairpinned=0 filtered=1 fragments=0 unsent=0 mappings=1$'
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
    story 'our own NAT counts what it does' counts_of_box
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
group_weather() {
    story 'a loss of 20 % takes that many datagrams each way' loses
    story 'a cut access passes nothing until it is mended' cuts
}
