#!/usr/bin/env bash
# test/e2e/secure_ls.sh: hx ls against a real hx bind --share: names, details, JSON, and what is not there.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"

start_nameserver_with_home
export TZ=UTC LC_ALL=C.UTF-8
mkdir -p share/sub/deeper share/many

bind() { start_bound "bind-$1" "$@"; } # bind NAME OPTION...
ls_() { timeout 60 "$B/hx" ls "$@" >ls.out 2>ls.err; }
lists() { # lists EXPECTED ARGUMENT...
    ls_ "${@:2}" && diff <(printf '%b' "$1") ls.out
}
refused() { # refused STATUS MESSAGE ARGUMENT...
    ls_ "${@:3}"
    [ $? = "$1" ] && grep -q -- "$2" ls.err
}
late() { # a reader that takes its time gets all of it
    timeout 120 "$B/hx" ls home:many 2>ls.err | { read -r first && sleep 1 && echo "$first" && cat; } | sort >late.out
    diff <(find share/many -mindepth 1 -printf '%f\n' | sort) late.out
}

human() { # names and sizes
    ls_ -lh home:ages && diff <(cd share/ages && stat -c %n -- * | xargs ls -lh | awk '{ print $5, $NF }') \
        <(awk '{ print $2, $NF }' ls.out)
}
left() {
    timeout 60 "$B/hx" ls home:many 2>ls.err | head -n 1 >head.out
    [ "${PIPESTATUS[0]}" = 1 ] && grep -q -- -of-more-than-a-pipe-holds head.out && [ ! -s ls.err ]
}

printf 12345 >share/file
printf x >share/$'esc\e[31m'
: >share/$'turned\u202e'
ln -s file share/link
: >share/sub/inside
mkdir -p share/tree/real share/ages
: >share/tree/real/inside
ln -s real share/tree/link
ln -s /etc share/tree/out
ln -s nothing share/tree/nowhere
truncate -s 1 share/ages/old && truncate -s 12345678 share/ages/middle && truncate -s 2000 share/ages/new
touch -d '2001-01-01' share/ages/old && touch -d '2002-01-01' share/ages/middle && touch -d '2003-01-01' share/ages/new
touch -d '2001-02-03 04:05:06.5' share/file
chmod 640 share/file
seq -f 'share/many/%.0f-of-more-than-a-pipe-holds' 12000 | xargs touch
bind home --share "$WORK/share" || exit 1
bind bare --echo || exit 1

check "names are sorted, quoted, and those of one directory" \
    lists "ages\n'esc'\$'\\\\033''[31m'\nfile\nlink\nmany\nsub\ntree\n'turned'\$'\\\\342\\\\200\\\\256'\n" home
check "so are those of a directory in it" lists "deeper\ninside\n" home:sub
check "a '/' at its end says nothing" lists "deeper\ninside\n" home:sub/
check "an empty one has none" lists "" home:sub/deeper
check "a file is listed by its name" lists "inside\n" home:sub/inside
check "-l has permissions, size and time" lists "-rw-r----- 5 2001-02-03 04:05 file\n" -l home:file
check "a link is listed, and not followed" eval 'ls_ -l home && grep -Eq "^lrwxrwxrwx +4 [0-9: -]{16} link -> file$" ls.out'
check "so is one that is named" eval 'ls_ -l home:link && grep -Eq "^lrwxrwxrwx 4 [0-9: -]{16} link -> file$" ls.out'
check "without -l what it leads to is" lists "inside\n" home:tree/link
check "and with a '/' behind it" eval 'ls_ -l home:tree/link/ && grep -q "^-rw.* inside$" ls.out'
check "one that leads out, or nowhere, is shown itself" eval 'lists "out\n" home:tree/out && lists "nowhere\n" home:tree/nowhere'
check "-d shows a directory itself" eval 'lists "sub\n" -d home:sub && lists ".\n" -d home && ls_ -ld home:sub && grep -q ^d ls.out'
check "-R shows what is deeper, each by its path" lists "link\nnowhere\nout\nreal\nreal/inside\n" -R home:tree
check "-t has the newest first" lists "new\nmiddle\nold\n" -t home:ages
check "with -r the oldest" lists "old\nmiddle\nnew\n" -tr home:ages
check "-S has the largest first" lists "middle\nnew\nold\n" -S home:ages
check "sizes are those of ls with -h, too" human
check "--json tells where links lead" eval 'ls_ --json home:tree && grep -q "\"name\":\"out\",\"type\":\"link\",\"target\":\"/etc\"" ls.out'
check "--json has the same" lists '[\n{"name":"file","type":"file","mode":"640","size":5,"mtime":981173106.500000000}\n]\n' \
    --json home:file
check "and is JSON" eval 'ls_ --json home && python3 -m json.tool ls.out >json.out && grep -q "u202e" ls.out'
check "of an empty directory, too" lists '[]\n' --json home:sub/deeper
check "what is not there is said" refused 1 'home:nothing: does not exist' home:nothing
check "and where a link leads to nothing that is shared" refused 1 'home:tree/out' home:tree/out/
check "a path that leads out is wrong usage" refused 2 'no path beneath the shared directory' home:../x
check "who shares nothing is told of" refused 1 'bare shares no directory' bare
check "12,000 names come whole to a slow reader" late
check "whoever reads no more ends it, without a word" left
finish
