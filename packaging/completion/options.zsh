#compdef hx-nameserver udtcurl
# Completion for zsh of programs without commands. The options are those that `PROGRAM --help` shows.

local line
local -a offered

case ${words[1]:t}:${words[CURRENT - 1]} in
hx-nameserver:(-c|--config) | udtcurl:(-o|--output|--device-key|--replay))
    _files
    return
    ;;
esac
[[ ${words[CURRENT]} == -* ]] || return 1
for line in ${(f)"$(_call_program options ${words[1]} --help 2>/dev/null)"}; do
    [[ $line =~ '^ +((-[A-Za-z0-9]), )?(--?[A-Za-z0-9][a-z0-9-]*)([ =][A-Z[][^ ]*)?( +(.*))?$' ]] || continue
    [[ -z $match[2] ]] || offered+=("${match[2]}:$match[6]")
    # One that has two meanings has a line for each.
    [[ -n ${(M)offered:#${match[3]}:*} ]] || offered+=("${match[3]}:$match[6]")
done
_describe -o option offered
