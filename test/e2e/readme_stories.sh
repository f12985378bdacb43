#!/usr/bin/env bash
# The README's everyday stories, word for word as it prints them, between two hosts behind NATs.
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

# "H1$ COMMAND" and "H2$ COMMAND" of that section, in their order.
mapfile -t LINES_SHOWN < <(sed -n '/^## Everyday stories/,/^## What/s/^    \(H[12]\$ \)/\1/p' "$TOP/README.md")
said() { # said NUMBER HOST: the command of that line, which must be one of that host
    local line=${LINES_SHOWN[$1]-}
    [ "${line%% *}" = "$2\$" ] || { echo "line $1 of the stories is '$line', no command of $2" >&2 && return 1; }
    printf '%s' "${line#* }"
}
# A command as it is typed on HN: at_end NAME N NUMBER [INPUT] waits for its end, begin NAME N NUMBER does not.
typed() { # typed N NUMBER: sets TYPED
    local command
    command=$(said "$2" "H$1") || return
    TYPED=(env "HOME=$WORK/home$1" "PATH=$WORK/bin:$B:$PATH" "HX_NAMESERVER=$LAB_NS" bash -c "cd; $command")
}
at_end() {
    typed "$2" "$3" && lab_exec "h$2" timeout 60 "${TYPED[@]}" >"$WORK/$1.out" 2>"$WORK/$1.err" <"${4:-/dev/null}"
}
begin() {
    typed "$2" "$3" && lab_start "$1" "h$2" "${TYPED[@]}"
}

set_up() {
    local file
    unset HX_KEY XDG_CONFIG_HOME
    mkdir -p "$WORK/bin" "$WORK"/home{1,2} "$WORK/home1/public" "$WORK/www"
    for file in home1/public/photo.jpg home1/holiday.mp4 www/page; do head -c 2000000 /dev/urandom >"$WORK/$file"; done
    lab_begin && lab_up port-restricted port-restricted && start_s && ssh_begin || return
    # Whom ssh trusts, and as whom it logs in, is the reader's own affair: that is all that is added.
    printf '#!/bin/sh\nexec /usr/bin/ssh -l lab%s "$@"\n' "$(printf ' %q' "${SSH_OPTIONS[@]}")" >"$WORK/bin/ssh"
    chmod +x "$WORK/bin/ssh"
    lab_exec h1 sh -c "echo $SSHD_PORT >/proc/sys/net/ipv4/ip_unprivileged_port_start" && ssh_serve h1 127.0.0.1 &&
        lab_start www h1 busybox httpd -f -p 127.0.0.1:8000 -h "$WORK/www" &&
        lab_start dns h1 socat UDP4-RECVFROM:53,bind=127.0.0.1,fork EXEC:cat &&
        lab_start www2 h2 busybox httpd -f -p 127.0.0.1:3000 -h "$WORK/www"
}
key_passes() {
    at_end key 1 0 && at_end key2 2 1 "$WORK/key.out" && cmp "$WORK"/home{1,2}/.config/hx/key
}
h1_serves() { # h1_serves NUMBER: H1's hx bind, once it is bound
    local before # a name may be bound more than once: what its holder has to tell changes
    before=$(grep -c 'event=bound .*name=home' "$WORK/nameserver.err")
    begin bind 1 "$1" || return
    H1_PID=$PID
    await_bound 5 $((before + 1)) home
}
ssh_home() {
    # shellcheck disable=SC2016 # for the other host's shell
    echo 'echo "at home: $(id -u)"; exit 7' >"$WORK/typed"
    h1_serves 2 || return
    at_end ssh 2 3 "$WORK/typed"
    [ $? = 7 ] && grep -qx "at home: $SSHD_UID" "$WORK/ssh.out" && ! grep '^hx: ' "$WORK/ssh.err"
}
a_web_service() {
    h1_serves 4 && begin forward 2 5 || return
    lab_exec h2 curl -sS --retry 40 --retry-connrefused --retry-delay 0 --max-time 30 -o "$WORK/page" \
        http://127.0.0.1:8000/page && same "$WORK/page" "$WORK/www/page"
}
a_file() {
    h1_serves 6 && at_end cp 2 7 && same "$WORK/home2/photo.jpg" "$WORK/home1/public/photo.jpg"
}
another_way_round() {
    h1_serves 8 && begin remote 2 9 || return
    lab_exec h1 curl -sS --retry 40 --retry-connrefused --retry-delay 0 --max-time 30 -o "$WORK/page" \
        http://127.0.0.1:8080/page && same "$WORK/page" "$WORK/www/page"
}
# Whatever answers over UDP: what it is asked comes back.
over_udp() {
    local i
    h1_serves 10 && begin udp 2 11 || return
    for i in {1..30}; do # the first may be sent before anybody listens
        [ "$(echo "question $i" | lab_exec h2 timeout 10 socat -t1 - UDP4:127.0.0.1:5353)" = "question $i" ] && return
    done
    return 1
}
# What the friend is told stands in the place of CODE, and is typed on a terminal, where it is asked for a yes.
a_friend() {
    local line
    begin send 1 12 && H1_PID=$PID || return
    line=$(await_line "$WORK/send.out" '^hx recv ') && typed 2 13 && [[ ${TYPED[-1]} = *"hx recv CODE" ]] || return
    TYPED[-1]=${TYPED[-1]/hx recv CODE/$line}
    printf 'y\n' | lab_exec h2 timeout 60 script -qefc "$(printf '%q ' "${TYPED[@]}")" /dev/null >"$WORK/recv.out" &&
        same "$WORK/home2/holiday.mp4" "$WORK/home1/holiday.mp4" && await_exit "$H1_PID" 20 || return
    H1_PID=
}
a_shell() {
    printf '%s\n' 'type stty size; id -u; exit 6\r' "expect 40 120\\r\\n$(id -u)\\r\\n" 'status 6' >"$WORK/steps"
    h1_serves 14 && typed 2 15 || return
    lab_exec h2 timeout 60 python3 "$TOP/test/terminal.py" 120x40 "$WORK/steps" "${TYPED[@]}"
}
story() { # story SENTENCE FUNCTION: then H1's program ends
    if "$2" >"$WORK/story.out" 2>&1; then ok "$1"; else not_ok "$1" "$WORK"/*.out "$WORK"/*.err; fi
    [ -z "${H1_PID:-}" ] || end_now "$H1_PID"
    H1_PID=
}

check "the README shows a key and seven stories, each in two commands" [ ${#LINES_SHOWN[@]} = 16 ]
story "the lab, an ssh server and a web server are there" set_up
story "the key gets from H1 to H2" key_passes
story "ssh home" ssh_home
story "a web service at home" a_web_service
story "a file from home" a_file
story "a web service to home" another_way_round
story "a service over UDP at home" over_udp
story "a file to a friend" a_friend
story "a shell at home, at a terminal" a_shell
lab_down
finish
