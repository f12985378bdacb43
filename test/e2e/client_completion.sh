#!/usr/bin/env bash
# The completion for bash offers what hx understands: commands, their own options, files where files belong.
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
finish
