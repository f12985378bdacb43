#!/usr/bin/env bash
# hx bind --insecure and hx connect --insecure: what holds for the pipe with a key holds for the bare stream.
HX_PIPE=raw exec "$(dirname "$0")/client_pipe.sh"
