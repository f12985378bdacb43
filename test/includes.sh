#!/usr/bin/env bash
# test/includes.sh: includes point one way (README, "The rooms"). Prints every line that points the other way.
cd "$(dirname "$0")/.." || exit 1
{
    grep -nE '#include "(shim|server|secure|client|mux|tool|test)/' proto/*
    grep -nE '#include "(server|secure|client|mux|tool|test)/' shim/*
    grep -nE '#include "proto/' shim/* secure/* mux/* | grep -vE '"proto/(error|buf)\.h"'
    grep -nE '#include "(secure|client|mux|tool|test)/' server/*
    grep -nE '#include "(shim|server|client|mux|tool|test)/' secure/*
    grep -nE '#include "(server|mux|tool|test)/' client/*
    grep -nE '#include "(shim|server|secure|client|tool|test)/' mux/*
    grep -nE '#include "(shim|server|test)/' tool/*
    grep -nE '#include "(server|secure|client|mux|tool)/' test/udtcurl/*
    grep -nE '#include <udt/' proto/* server/* secure/* client/* mux/* tool/*
    grep -nE '#include <openssl/' proto/* shim/* server/* client/* mux/* tool/*
    grep -nE '#include <nghttp2/' proto/* shim/* server/* secure/* client/* tool/*
} | if grep .; then exit 1; fi
