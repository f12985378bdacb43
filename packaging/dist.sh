#!/bin/sh
# packaging/dist.sh FOLDER VERSION: the sources as FOLDER/hx-VERSION.tar.gz: the files that git knows, as they are here.
# The same files are the same bytes, whoever packs them, when, with which umask, and from a clone or from what such an
# archive has unpacked: all times are SOURCE_DATE_EPOCH, or else the last commit's.
set -e
umask 022
root=hx-$2
list=$1/files
mkdir -p "$1"
if [ "$(git rev-parse --show-prefix 2>/dev/null || echo none)" = "" ]; then
    git ls-files >"$list"
    epoch=$(git log -1 --format=%ct)
else
    find . -type f ! -path './build/*' ! -path './debian/*' ! -path '*/__pycache__/*' ! -path '*/.mypy_cache/*' -printf '%P\n' >"$list"
    epoch=$(stat -c %Y Makefile)
fi
LC_ALL=C sort -o "$list" "$list"
tar -c --format=ustar --mtime="@${SOURCE_DATE_EPOCH:-$epoch}" --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --transform="s|^|$root/|" --verbatim-files-from --files-from="$list" -f "$1/$root.tar"
gzip -9nf "$1/$root.tar"
rm "$list"
echo "$1/$root.tar.gz"
