#compdef hx
# Completion of hx for zsh. Commands and options are those that `hx --help` and `hx COMMAND --help` show: this file does
# not know them.

local program=${words[1]} command=${words[2]} before=${words[CURRENT - 1]} line value=
local -a help offered

_hx_commands() {
    local line
    local -a names
    for line in ${(f)"$(_call_program commands $1 --help 2>/dev/null)"}; do
        [[ $line =~ '^(Usage:|      ) hx ([a-z]+) ' ]] && names+=($match[2])
    done
    print -l -- $names
}

if ((CURRENT == 2)); then
    offered=($(_hx_commands $program) help --help --version)
    _describe command offered
    return
fi
help=(${(f)"$(_call_program options $program $command --help 2>/dev/null)"})
for line in $help; do
    [[ $line =~ '^ +((-[A-Za-z0-9]), )?(--?[A-Za-z0-9][a-z0-9-]*)( ([A-Z[][^ ]*))?( +(.*))?$' ]] || continue
    [[ -z $match[2] ]] || offered+=("${match[2]}:$match[7]")
    offered+=("${match[3]}:$match[7]")
    [[ -z $before || ($before != $match[2] && $before != $match[3]) ]] || value=$match[5]
done
((CURRENT > 3)) || [[ $command != (help|config) ]] || before=$command
case $before:$value in
-*:FILE) _files ;;
-*:DIR*) _files -/ ;;
help:*)
    offered=($(_hx_commands $program))
    _describe command offered
    ;;
config:*)
    offered=(check)
    _describe command offered
    ;;
-*:?*) return 1 ;; # hosts, ports and numbers: nobody knows
*)
    if [[ ${words[CURRENT]} == -* ]]; then
        _describe -o option offered
    elif [[ $command == (cp|send|config|key) ]]; then
        _files
    elif [[ $command == recv ]] && ((CURRENT > 3)); then
        _files -/ # the code comes first
    else
        return 1
    fi
    ;;
esac
