# shellcheck shell=bash
# Completion for bash of programs without commands. The options are those that `PROGRAM --help` shows.

_hx_options() {
    local word=$2 before=$3 program=$1
    COMPREPLY=()
    # In bash the '=' of --config=FILE is a word of its own.
    if [ "$word" = = ]; then word=; elif [ "$before" = = ]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
    case $program:$before in
    *hx-nameserver:-c | *hx-nameserver:--config | *udtcurl:-o | *udtcurl:--output | *udtcurl:--device-key | *udtcurl:--replay)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null || return 0
        ;;
    *)
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$("$program" --help 2>/dev/null | sed -nE \
                's/^ +((-[A-Za-z0-9]), )?(--?[A-Za-z0-9][a-z0-9-]*).*/\2 \3/p')" -- "$word" | sort -u)
        fi
        ;;
    esac
}

complete -F _hx_options hx-nameserver udtcurl
