#!/usr/bin/env bash
# The completions for bash and zsh offer what the programs understand: commands, their own options, files where files belong.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

PATH=$B:$PATH
# shellcheck source=client/tool/hx.bash
. "$TOP/client/tool/hx.bash"

offers() { # offers WORD...: what is offered for the last word, sorted, in one line
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _hx "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}
offered() { # offered EXPECTED WORD...
    local got
    got=$(offers "${@:2}")
    [ "$got" = "$1 " ] || { echo "offered '$got', expected '$1 '" && false; }
}
refuses() { # refuses WORD...: nothing is offered
    offered "" "$@"
}
understands() { # understands COMMAND: takes each option that is offered for it
    local option count=0
    for option in $(offers hx "$1" -); do
        count=$((count + 1))
        (cd "$WORK" && "$B/hx" "$1" "$option" 1 2>&1 >/dev/null) |
            grep -E 'unknown option|is no option of' && return 1
    done
    echo "$count options"
    [ "$count" -ge 6 ]
}

check "bash knows how to complete hx" [ "$(complete -p hx)" = "complete -F _hx hx" ]
check "the commands are offered" offered "--help --version bind config connect cp help info key ls meet nat ping recv send" hx ""
check "a command is offered for hx help" offered "config connect cp" hx help c
check "a beginning of a command is completed" offered "config connect cp" hx c
for command in bind connect cp info ls meet ping nat key recv send; do
    check "every option offered for hx $command is one" understands "$command"
done
check "an option without a letter is offered" offered "--allow --allow-listen" hx bind --al
check "an option that is a letter is offered" offered "-L" hx connect -L
check "options of other commands are not" refuses hx connect --al
check "an option is offered after the name, too" offered "--share" hx bind home --sh
check "a command that does not exist has no options" refuses hx fly -

cd "$WORK" || exit 1
mkdir files files/sub "files/two words"
echo >files/one
cd files || exit 1
check "files are offered for hx cp" offered "one sub two words" hx cp ""
check "and on its other side" offered "one" hx cp home:x o
check "files are offered for hx send" offered "one sub two words" hx send ""
check "and more than one" offered "one" hx send sub o
check "the word after hx config is offered" offered "check" hx config ""
check "and files behind it" offered "one" hx config check o
check "no code is offered for hx recv" refuses hx recv ""
check "but where it comes to" offered "sub two words" hx recv CODE ""
check "files are offered for the key's file" offered "one" hx connect home --key-file o
check "directories alone are offered for --share" offered "sub two words" hx bind home --share ""
check "nothing is offered where a host belongs" refuses hx ping home --nameserver ""
check "nor after a letter that takes a value" refuses hx connect -n ""
check "a flag before it does not stop a file" offered "one" hx cp -v o
check "no file is offered where a name belongs" refuses hx ping ""
cd "$TOP" || exit 1

if ! command -v zsh >/dev/null; then
    skip "zsh offers the same" "no zsh on this machine"
    finish
fi
zsh_offers() { # zsh_offers FILE WORD...: sorted, in one line
    zsh -f "$TOP/test/completion.zsh" "$@" 2>&1 | sort | tr '\n' ' '
}
zsh_offered() { # zsh_offered EXPECTED WORD...
    local got
    got=$(zsh_offers client/tool/hx.zsh "${@:2}")
    [ "$got" = "$1" ] || { echo "offered '$got', expected '$1'" && false; }
}
same_options() { # same_options COMMAND...: as bash
    local command expected
    for command; do
        expected=$(offers hx "$command" -)
        zsh_offered "$expected" hx "$command" - || return
    done
}
check "zsh offers the same commands" zsh_offered "$(offers hx "")" hx ""
check "and for hx help" zsh_offered "$(offers hx help "")" hx help ""
check "and the same options" same_options bind connect cp info ls meet ping nat key recv send
check "zsh offers files for hx cp" zsh_offered "files " hx cp home:x ""
check "and for the key's file" zsh_offered "files " hx connect home --key-file ""
check "directories alone for --share" zsh_offered "directories " hx bind home --share ""
check "and where a received file goes" zsh_offered "directories " hx recv CODE ""
check "nothing where a host belongs" zsh_offered "" hx ping home --nameserver ""
check "and where a name does" zsh_offered "" hx ping ""
check "the word after hx config" zsh_offered "check " hx config ""

# shellcheck source=packaging/completion/options.bash
. packaging/completion/options.bash
manual() { # manual FILE REGEX: the long options that a man page has
    sed 's/\\//g' "$1" | grep -E "$2" | grep -oE '(Fl -|--)[a-z][a-z0-9-]+' | sed 's/^Fl -/--/' | sort -u
}
# all_options PROGRAM FILE REGEX: both shells offer each long option of the man page, and the same
all_options() {
    manual "$2" "$3" >"$WORK/manual"
    COMP_WORDS=("$1" -) COMP_CWORD=1
    _hx_options "$1" - "$1"
    printf '%s\n' "${COMPREPLY[@]}" | sort >"$WORK/offered"
    echo "$(wc -l <"$WORK/manual") options"
    [ "$(wc -l <"$WORK/manual")" -ge 10 ] && ! comm -23 "$WORK/manual" "$WORK/offered" | grep . &&
        [ "$(zsh_offers packaging/completion/options.zsh "$1" -)" = "$(tr '\n' ' ' <"$WORK/offered")" ]
}
check "every option of hx-nameserver is offered, by both" all_options hx-nameserver server/hx-nameserver.8 '^\.It Fl'
check "every option of udtcurl is offered, by both" all_options udtcurl test/udtcurl/udtcurl.1 '^\.B'
file_for_config() { # in both forms
    COMP_WORDS=(hx-nameserver --config "=" LIC) COMP_CWORD=3
    _hx_options hx-nameserver LIC = && [ "${COMPREPLY[*]}" = LICENSE ] &&
        _hx_options hx-nameserver LIC -c && [ "${COMPREPLY[*]}" = LICENSE ]
}
# both_take WHAT WORD BASH PROGRAM OPTION...: what both offer behind each OPTION: zsh WHAT, bash for WORD what BASH says
both_take() {
    local what=$1 word=$2 expected=$3 program=$4 option got
    for option in "${@:5}"; do
        COMP_WORDS=("$program" "$option" "$word") COMP_CWORD=2
        _hx_options "$program" "$word" "$option"
        got=$(zsh_offers packaging/completion/options.zsh "$program" "$option" "")
        [ "${COMPREPLY[*]} $got" = "$expected $what" ] || { echo "$option: '${COMPREPLY[*]}', '$got'" && return 1; }
    done
}
check "files are offered for the nameserver's configuration" file_for_config
check "and for whatever else is a file" both_take "files " LIC LICENSE hx-nameserver -c --auth --auth-db --admin-token
check "for udtcurl, too" both_take "files " LIC LICENSE udtcurl -o --output --device-key --replay
check "directories for transcripts" both_take "directories " packag packaging hx-nameserver --transcripts
check "nothing where an address, a name or a number belongs" both_take "" L "" hx-nameserver -l --listen --user --drain
finish
