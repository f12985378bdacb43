# shellcheck shell=bash
# Completion for bash of programs without commands. The options are those that `PROGRAM --help` shows, and so is what they
# take.

_hx_options() {
    local word=$2 before=$3 program=$1 help value=
    COMPREPLY=()
    # In bash the '=' of --config=FILE is a word of its own.
    if [ "$word" = = ]; then word=; elif [ "$before" = = ]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
    help=$("$program" --help 2>/dev/null) || return 0
    if [[ $before =~ ^--?[A-Za-z0-9-]+$ ]]; then
        value=$(sed -nE "s/^ +(-[A-Za-z0-9], )?$before(, --[a-z0-9-]+)?[ =]([A-Z[][^ ]*).*/\3/p" <<<"$help")
    fi
    case $value in
    FILE) _hx_options_paths -f "$word" ;;
    DIR) _hx_options_paths -d "$word" ;;
    ?*) ;; # hosts, ports and numbers: nobody knows
    *)
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(sed -nE \
                's/^ +((-[A-Za-z0-9]), )?(--?[A-Za-z0-9][a-z0-9-]*).*/\2 \3/p' <<<"$help")" -- "$word" | sort -u)
        fi
        ;;
    esac
}

_hx_options_paths() {
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
    compopt -o filenames 2>/dev/null # a '/' after directories, and blanks quoted
    return 0
}

complete -F _hx_options hx-nameserver udtcurl
