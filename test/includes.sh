#!/usr/bin/env bash
# test/includes.sh: includes point one way (README, "The rooms"). Prints every line that points the other way.
cd "$(dirname "$0")/.." || exit 1
{
    grep -nE '#include "(shim|server|client|test)/' proto/*
    grep -nE '#include "(server|client|test)/' shim/*
    grep -nE '#include "proto/' shim/* | grep -v '"proto/error.h"'
    grep -nE '#include "(client|test)/' server/*
    grep -nE '#include "(server|test)/' client/*
    grep -nE '#include "(server|client)/' test/udtcurl/*
    grep -nE '#include <udt/' proto/* server/* client/*
} | if grep .; then exit 1; fi
