# shellcheck shell=bash
# Completion of hx for bash. Commands and options are those that `hx --help` and `hx COMMAND --help` show: this file does
# not know them.

_hx() {
    local program=$1 word=$2 before=$3 command=${COMP_WORDS[1]-} help value=
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_hx_commands "$program") help --help --version" -- "$word")
        return
    fi
    help=$("$program" "$command" --help 2>/dev/null) || return 0
    # What stands after the option before this word, in the help: "HOST[:PORT]", or nothing.
    if [[ $before =~ ^--?[A-Za-z-]+$ ]]; then
        value=$(sed -nE "s/^ +(-[A-Za-z], )?$before(, --[a-z-]+)? ([A-Z[][^ ]*).*/\3/p" <<<"$help")
    fi
    case $before:$value in
    -*:FILE) _hx_paths -f "$word" ;;
    -*:DIR*) _hx_paths -d "$word" ;;
    help:*) mapfile -t COMPREPLY < <(compgen -W "$(_hx_commands "$program")" -- "$word") ;;
    config:*) mapfile -t COMPREPLY < <(compgen -W check -- "$word") ;;
    -*:?*) ;; # hosts, ports and numbers: nobody knows
    *)
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(sed -nE \
                's/^ +((-[A-Za-z0-9]), )?(--?[A-Za-z0-9][a-z-]*).*/\2 \3/p' <<<"$help")" -- "$word")
        elif [[ $command == @(cp|send|config|key) ]]; then
            _hx_paths -f "$word"
        elif [ "$command" = recv ] && [ "$COMP_CWORD" -gt 2 ]; then
            _hx_paths -d "$word" # the code comes first
        fi
        ;;
    esac
}

_hx_commands() {
    "$1" --help 2>/dev/null | sed -nE 's/^(Usage:|      ) hx ([a-z]+) .*/\2/p'
}

_hx_paths() {
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
    compopt -o filenames 2>/dev/null # a '/' after directories, and blanks quoted
    return 0
}

complete -F _hx hx
