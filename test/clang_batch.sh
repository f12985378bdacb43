#!/bin/bash
# test/clang_batch.sh B OBJECT... -- CLANG OPTION...: those objects of B's that are not there yet, many in one process:
# a start of clang takes 25 ms, a third of what it takes for a file. The driver has no word for that, but what it runs takes
# many files, and leaves each object beside its file: so a file in B stands for each, which includes it. What an object
# depends on is what it depends on in the release build; without that, and where anything fails, it is left to make, which
# tells why.
set -u
B=$1 files=()
shift
while [ "$1" != -- ]; do
    object=$1
    shift
    name=${object#"$B/"} name=${name%.o}
    if [ -e "$object" ] || [ ! -e "build/release/$name.d" ]; then continue; fi
    mkdir -p "${object%/*}"
    case $name in
    test/unit/*) printf '#define TEST_MAIN %s_main\n#include "test/unit/main.h"\n' "${name##*/}" ;;
    esac >"$B/$name.c"
    printf '#include "%s"\n' "$name.c" >>"$B/$name.c"
    depends=$(<"build/release/$name.d")
    printf '%s\n' "${depends//"build/release/"/"$B/"}" >"$B/$name.d"
    files+=("$B/$name.c")
done
[ ${#files[@]} -gt 0 ] || exit 0
shift
run=$("$@" -c -### -o "$B/x.o" -x c /dev/null 2>&1 | grep -e ' "-cc1" ') || exit 0
# What is of that one file, and what leaves all of a file's memory to the end of the process.
run=$(sed -E 's/ "-(o|x|main-file-name|dependency-file|MT)" "[^"]*"/ /g; s/ "-(MP|disable-free|clear-ast-before-backend|sys-header-deps)"//g; s/ "[^"]*"$//' <<<"$run")
printf '%s\n' "${files[@]}" | xargs -n 40 bash -c "$run"' -x c "$@"' _ 2>/dev/null
exit 0
