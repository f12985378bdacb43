#!/usr/bin/env bash
# The README shows what is true: its transcripts are the golden ones, its program is the one that the tests run. The man
# pages of hx leave nothing out.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"

README=$(sed 's/^    //' "$TOP/README.md")
shows() { # shows FILE: the README has all of it, line ends aside
    local text
    text=$(tr -d '\r' <"$1")
    [[ $README == *"$text"* ]]
}
for transcript in bind.request bind.response connect.request connect.response join.request join.response unauthorized.response authorized.request; do
    check "the README shows $transcript as test/spec has it" shows "$TOP/test/spec/$transcript.txt"
done
README=$(cat "$TOP/README.md")
check "the README shows the example program as it is" shows "$TOP/client/example.c"
targets_exist() {
    local target
    while read -r target; do
        grep -qE "^$target:" "$TOP/Makefile" || { echo "no target $target"; return 1; }
    done < <(grep -oE 'make [a-z-]+' "$TOP/README.md" | cut -d' ' -f2 | sort -u)
}
check "every make target that the README names exists" targets_exist
man_has_every_option() {
    local page command option
    for command in bind config connect cp info key ls nat ping recv send; do
        page=$(sed 's/\\//g' "$TOP/client/tool/man/hx-${command/recv/send}.1")
        for option in $("$B/hx" "$command" --help | sed -nE 's/^ +((-[A-Za-z]), )?(--?[A-Za-z][a-z-]*).*/\2 \3/p'); do
            grep -qE -- "(^|[ \"])$option([ ,\"]|$)" <<<"$page" || { echo "hx $command $option" && return 1; }
        done
    done
}
check "every option of a command is in the man page of that command" man_has_every_option
finish
