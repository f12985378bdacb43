#!/bin/sh
# test/go.sh ARGUMENT...: go, which finds hx.h and libhx as they are built here, in bindings/go, or in the module in $MODULE.
# It asks no network.
top=$(cd "$(dirname "$0")/.." && pwd) || exit 1
B=${B:-$top/build/release}
case $B in /*) ;; *) B=$top/$B ;; esac
command -v go >/dev/null || PATH=$PATH:/usr/lib/go-1.19/bin
export GOCACHE="${GOCACHE:-$top/build/go-cache}" GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local
# The compiler's own variables: with those of cgo all of Go's packages that have C in them were built anew.
export C_INCLUDE_PATH="$top/client" LIBRARY_PATH="$B" LD_LIBRARY_PATH="$B"
cd "${MODULE:-$top/bindings/go}" && exec "${COMMAND:-go}" "$@"
