#!/usr/bin/env bash
# The README's commands to try it by hand and its everyday stories, word for word as it prints them, between two hosts behind
# NATs.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
# shellcheck source=test/natlab/sshd.sh
. "$TOP/test/natlab/sshd.sh"
SSHD_PORT=22

lab_or_skip "the README's stories between two hosts behind NATs" "$0" "$@"

# The commands of the README: those to try it by hand, then each block of the stories, in their order. One story types one
# block, from its first line to its last.
# shellcheck disable=SC2016 # that is README's
mapfile -t BLOCKS < <(sed -nE '/^By hand, on three/,/^`hx key`/p; /^## Everyday stories/,/^## What is proven/p' "$TOP/README.md" |
    awk '/^    / { block = block (block == "" ? "" : "\t") substr($0, 5); next } block != "" { print block; block = "" }')
BLOCK=-1 LINES_SHOWN=() NEXT=0
next_line() { # next_line HOST: the next one must be typed there; sets COMMAND
    local line=${LINES_SHOWN[NEXT]-}
    [[ $line =~ ^"$1\$"\ +(.*)$ ]] || { echo "the next line of the story is '$line', no command of $1" && return 1; }
    COMMAND=${BASH_REMATCH[1]}
    NEXT=$((NEXT + 1))
}
# The story's next command as it is typed on a host, by somebody whose home has the host's name. What a host was told to export
# it goes on to have.
typed() { # typed HOST: sets TYPED
    local home=$WORK/home.$1
    next_line "$1" || return
    TYPED=(env "HOME=$home" "PATH=$WORK/bin:$B:$PATH" bash -c "cd; . ./exported; $COMMAND")
    if [[ $COMMAND = export\ * ]]; then echo "$COMMAND" >>"$home/exported"; fi
}
node_of() { echo "${1,,}"; } # the lab's name of a host
at_end() { # at_end NAME HOST [INPUT]: waits for the command's end
    typed "$2" && lab_exec "$(node_of "$2")" timeout 60 "${TYPED[@]}" >"$WORK/$1.out" 2>"$WORK/$1.err" <"${3:-/dev/null}"
}
begin() { # begin NAME HOST: does not
    typed "$2" && lab_start "$1" "$(node_of "$2")" "${TYPED[@]}"
}

set_up() {
    local file host
    unset HX_KEY HX_NAMESERVER XDG_CONFIG_HOME
    for host in S H1 H2; do mkdir -p "$WORK/home.$host" && : >"$WORK/home.$host/exported"; done
    mkdir -p "$WORK/bin" "$WORK/home.H1/public" "$WORK/www"
    for file in home.H1/public/photo.jpg home.H1/holiday.mp4 www/page; do head -c 2000000 /dev/urandom >"$WORK/$file"; done
    lab_begin && lab_up port-restricted port-restricted && ssh_begin || return
    # The host that the README calls S has that name.
    echo "$LAB_S S" >"$WORK/hosts" && mount --bind "$WORK/hosts" /etc/hosts || return
    # Whom ssh trusts, and as whom it logs in, is the reader's own affair: that is all that is added.
    printf '#!/bin/sh\nexec /usr/bin/ssh -l lab%s "$@"\n' "$(printf ' %q' "${SSH_OPTIONS[@]}")" >"$WORK/bin/ssh"
    chmod +x "$WORK/bin/ssh"
    lab_exec h1 sh -c "echo $SSHD_PORT >/proc/sys/net/ipv4/ip_unprivileged_port_start" && ssh_serve h1 127.0.0.1 &&
        lab_start www h1 busybox httpd -f -p 127.0.0.1:8000 -h "$WORK/www" &&
        lab_start game h1 socat UDP4-RECVFROM:30000,bind=127.0.0.1,fork EXEC:cat &&
        lab_start www2 h2 busybox httpd -f -p 127.0.0.1:3000 -h "$WORK/www"
}
h1_serves() { # H1's hx bind, once it is bound
    local before # a name may be bound more than once: what its holder has to tell changes
    before=$(grep -c 'event=bound .*name=home' "$WORK/nameserver.err")
    begin bind H1 || return
    H1_PID=$PID
    await_nth $((before + 1)) "$WORK/nameserver.err" 'event=bound .*name=home( |$)'
}
# The nameserver goes on for the stories; keys are what the README has H1 show and H2 take.
by_hand() {
    begin nameserver S && await_line "$WORK/nameserver.out" "^listening on tcp" || return
    echo 'what H2 says' >"$WORK/typed"
    at_end key H1 && at_end key2 H2 "$WORK/key.out" && h1_serves && at_end talk H2 "$WORK/typed" && await_exit "$H1_PID" &&
        same "$WORK/typed" "$WORK/bind.out"
}
both_know_s() {
    at_end export H1 && at_end export H2
}
key_passes() {
    rm -r "$WORK"/home.H{1,2}/.config
    at_end key H1 && at_end key2 H2 "$WORK/key.out" && cmp "$WORK"/home.H{1,2}/.config/hx/key
}
ssh_home() {
    # shellcheck disable=SC2016 # for the other host's shell
    echo 'echo "at home: $(id -u)"; exit 7' >"$WORK/typed"
    h1_serves || return
    at_end ssh H2 "$WORK/typed"
    [ $? = 7 ] && grep -qx "at home: $SSHD_UID" "$WORK/ssh.out" && ! grep '^hx: ' "$WORK/ssh.err"
}
page_comes() { # page_comes HOST PORT: the web server's there
    lab_exec "$1" curl -sS --retry 40 --retry-connrefused --retry-delay 0 --max-time 30 -o "$WORK/page" \
        "http://127.0.0.1:$2/page" && same "$WORK/page" "$WORK/www/page"
}
a_web_service() {
    h1_serves && begin forward H2 && page_comes h2 8000
}
another_way_round() {
    h1_serves && begin remote H2 && page_comes h1 8080
}
a_file() {
    h1_serves && at_end ls H2 && grep -q ' photo.jpg$' "$WORK/ls.out" && at_end cp H2 &&
        same "$WORK/home.H2/photo.jpg" "$WORK/home.H1/public/photo.jpg"
}
# Whatever answers over UDP: what it is asked comes back.
over_udp() {
    local i
    h1_serves && begin udp H2 || return
    for i in {1..30}; do # the first may be sent before anybody listens
        [ "$(echo "question $i" | lab_exec h2 timeout 60 socat -t1 - UDP4:127.0.0.1:30000)" = "question $i" ] && return
    done
    return 1
}
# What the friend is told stands in the place of CODE, and is typed on a terminal, where it is asked for a yes.
a_friend() {
    local line
    begin send H1 && H1_PID=$PID || return
    line=$(await_line "$WORK/send.out" '^hx recv ') && typed H2 && [[ ${TYPED[-1]} = *"hx recv CODE" ]] || return
    TYPED[-1]=${TYPED[-1]/hx recv CODE/$line}
    printf 'y\n' | lab_exec h2 timeout 60 script -qefc "$(printf '%q ' "${TYPED[@]}")" /dev/null >"$WORK/recv.out" &&
        same "$WORK/home.H2/holiday.mp4" "$WORK/home.H1/holiday.mp4" && await_exit "$H1_PID" || return
    H1_PID=
}
a_shell() {
    printf '%s\n' 'type stty size; id -u; exit 6\r' "expect 40 120\\r\\n$(id -u)\\r\\n" 'status 6' >"$WORK/steps"
    h1_serves && typed H2 || return
    lab_exec h2 timeout 60 python3 "$TOP/test/terminal.py" 120x40 "$WORK/steps" "${TYPED[@]}"
}
# What H2 says is at H1 when both have ended.
a_meeting() {
    echo 'what bob says' >"$WORK/typed"
    begin alice H1 && H1_PID=$PID && at_end bob H2 "$WORK/typed" && await_exit "$H1_PID" || return
    H1_PID=
    echo "bob: what bob says" | diff - "$WORK/alice.out"
}
# story SENTENCE FUNCTION: it types the next block, all of it; then H1's program ends
story() {
    BLOCK=$((BLOCK + 1)) NEXT=0
    IFS=$'\t' read -ra LINES_SHOWN <<<"${BLOCKS[BLOCK]-}"
    if "$2" >"$WORK/story.out" 2>&1 && all_typed >>"$WORK/story.out"; then
        ok "$1"
    else
        not_ok "$1" "$WORK"/*.out "$WORK"/*.err
    fi
    [ -z "${H1_PID:-}" ] || end_now "$H1_PID"
    H1_PID=
}
each_block_has_one() {
    printf '%s\n' "${BLOCKS[@]}"
    [ "$(grep -c '^story "' "$TOP/test/e2e/readme_stories.sh")" = ${#BLOCKS[@]} ]
}
all_typed() {
    [ $NEXT = ${#LINES_SHOWN[@]} ] || { echo "nobody has typed '${LINES_SHOWN[NEXT]}'" && return 1; }
}

check "there is a story for each block of commands that the README's have" each_block_has_one
[ "$TAP_FAILED" = 0 ] || finish
check "the lab, an ssh server, web servers and a game server are there" set_up
story "what the README shows to try it by hand" by_hand
story "both hosts are told of the nameserver" both_know_s
story "a file to a friend" a_friend
story "the key gets from H1 to H2" key_passes
story "ssh home" ssh_home
story "a web service at home" a_web_service
story "a web service to home" another_way_round
story "a shell at home, at a terminal" a_shell
story "a game over UDP" over_udp
story "a file from home" a_file
story "two who meet" a_meeting
lab_down
finish
