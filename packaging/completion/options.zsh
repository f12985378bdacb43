#compdef hx-nameserver udtcurl
# Completion for zsh of programs without commands. The options are those that `PROGRAM --help` shows, and so is what they
# take.

local before=${words[CURRENT - 1]} line value=
local -a offered

for line in ${(f)"$(_call_program options ${words[1]} --help 2>/dev/null)"}; do
    # One that has two meanings has a line for each: the other one is a word, as in --auth=tofu.
    [[ $line =~ '^ +((-[A-Za-z0-9]), )?(--?[A-Za-z0-9][a-z0-9-]*)([ =]([A-Z[][^ ]*))?( +(.*))?$' ]] || continue
    [[ -z $match[2] ]] || offered+=("${match[2]}:$match[7]")
    offered+=("${match[3]}:$match[7]")
    [[ $before != $match[2] && $before != $match[3] ]] || value=$match[5]
done
case $value in
FILE) _files ;;
DIR) _files -/ ;;
?*) return 1 ;; # hosts, ports and numbers: nobody knows
*)
    [[ ${words[CURRENT]} == -* ]] || return 1
    _describe -o option offered
    ;;
esac
