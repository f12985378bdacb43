#!/bin/sh
# server/admin/embed.sh FILE...: the status page's files as C, so that they are in the program itself. Each is served
# under its name, index.html as "/". Their bytes alone make the text: the same from the same, and for any machine.
set -eu

type_of() {
    case $1 in
    *.html) echo "text/html; charset=utf-8" ;;
    *.css) echo "text/css; charset=utf-8" ;;
    *.js) echo "text/javascript; charset=utf-8" ;;
    *.svg) echo "image/svg+xml" ;;
    *)
        echo "embed.sh: $1: of which type is it?" >&2
        exit 1
        ;;
    esac
}

echo '#include "server/admin/page.h"'
n=0
for file in "$@"; do
    echo "static const unsigned char file_${n}[] = {"
    od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo "};"
    n=$((n + 1))
done
echo "const struct page_file page_files[] = {"
n=0
for file in "$@"; do
    type=$(type_of "$file")
    path=/${file##*/}
    [ "$path" != /index.html ] || path=/
    sum=$(sha256sum "$file")
    printf '    {"%s", "%s", "\\"%.16s\\"", (const char *)file_%d, sizeof file_%d},\n' "$path" "$type" "$sum" $n $n
    n=$((n + 1))
done
echo "};"
echo "const size_t page_files_count = sizeof page_files / sizeof *page_files;"
