# test/completion.zsh FILE WORD...: what the completion in FILE offers for the last word, an option or a word a line, or
# "files", "directories". zsh itself would then leave out what does not begin as the word does.
_describe() {
    [[ $1 != -o ]] || shift
    local -a list=("${(@P)2}")
    print -l -- ${list%%:*}
}
_files() { [[ $1 == -/ ]] && print directories || print files; }
_call_program() { "${@:2}"; }
file=$1
shift
words=("$@")
CURRENT=$#
complete_it() { source $file; }
complete_it || true
