# shellcheck shell=bash
# test/web.sh: after test/lib.sh: a web server with TLS (Debian's nginx) and HTTP proxies (Debian's tinyproxy and squid), on
# loopback. The packages are only unpacked (test/deps.sh).
NGINX=$TOP/build/deb/usr/sbin/nginx
TINYPROXY=$TOP/build/deb/usr/bin/tinyproxy
SQUID=$TOP/build/deb/usr/sbin/squid

# make_certificates: an authority of the test's own, $WORK/ca.pem, and what it says of "localhost", $WORK/localhost.{pem,key}
make_certificates() {
    local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
    openssl req -x509 "${key[@]}" -subj "/CN=an authority" -addext basicConstraints=critical,CA:TRUE \
        -keyout "$WORK/ca.key" -out "$WORK/ca.pem" &&
        openssl req -x509 "${key[@]}" -subj "/CN=a server" -addext subjectAltName=DNS:localhost -addext basicConstraints=CA:FALSE \
            -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -keyout "$WORK/localhost.key" -out "$WORK/localhost.pem"
} 2>"$WORK/openssl.err"

# at_free_port NAME COMMAND...: starts it with PORT, which is free as far as one can tell, and awaits that it listens there.
at_free_port() {
    for _ in {1..10}; do
        PORT=$((20000 + RANDOM % 12000))
        ! { : <>"/dev/tcp/127.0.0.1/$PORT"; } 2>/dev/null || continue
        start "$@"
        await_port && return
    done
    return 1
}
await_port() { # PORT is listened at; false: PID has ended before
    local end=$((SECONDS + 60))
    until { : <>"/dev/tcp/127.0.0.1/$PORT"; } 2>/dev/null; do
        kill -0 "$PID" 2>/dev/null && [ "$SECONDS" -lt "$end" ] || return 1
        nap 0.02
    done
    return 0 # that of an until is what its last wait said
}

run_nginx() { # run_nginx SERVER: what the configuration says of that
    cat >"$WORK/nginx.conf" <<EOF
daemon off;
master_process off;
pid $WORK/nginx.pid;
error_log stderr;
events {}
http {
    access_log $WORK/nginx.log;
    client_body_temp_path $WORK/nginx.body;
    proxy_temp_path $WORK/nginx.proxy;
    fastcgi_temp_path $WORK/nginx.fastcgi;
    uwsgi_temp_path $WORK/nginx.uwsgi;
    scgi_temp_path $WORK/nginx.scgi;
    server {
        $1
    }
}
EOF
    exec "$NGINX" -p "$WORK" -e stderr -c "$WORK/nginx.conf"
}
run_tls() { # run_tls NAMESERVER_PORT
    # shellcheck disable=SC2016 # nginx's own variable
    run_nginx "listen 127.0.0.1:$PORT ssl;
        ssl_certificate $WORK/localhost.pem;
        ssl_certificate_key $WORK/localhost.key;
        location / {
            proxy_pass http://127.0.0.1:$1;
            proxy_http_version 1.1;
            proxy_set_header Upgrade "'$http_upgrade'";
            proxy_set_header Connection upgrade;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }"
}
start_nginx() { # start_nginx NAMESERVER_PORT: TLS at localhost:PORT before a nameserver's TCP port
    at_free_port nginx run_tls "$1"
}
run_pages() { # run_pages SOCKET
    run_nginx "listen 127.0.0.1:$PORT;
        listen unix:$1;
        root $WORK/www;"
}
start_pages() { # start_pages SOCKET: what is in $WORK/www, at 127.0.0.1:PORT and at a Unix socket
    at_free_port nginx run_pages "$1"
}

run_tinyproxy() {
    cat >"$WORK/tinyproxy.conf" <<EOF
Port $PORT
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 600
MaxClients 20
BasicAuth anna se-cret
ConnectPort $1
LogFile "$WORK/tinyproxy.log"
EOF
    exec "$TINYPROXY" -d -c "$WORK/tinyproxy.conf"
}
start_tinyproxy() { # start_tinyproxy ALLOWED_PORT: a proxy at 127.0.0.1:PORT that lets anna (se-cret) through to that port
    at_free_port tinyproxy run_tinyproxy "$1"
}

# It will not be root: a user namespace makes it nobody, who may still read and write here.
run_squid() { # run_squid ALLOWED_PORT
    local deb=$TOP/build/deb nobody=() libraries
    [ "$(id -u)" != 0 ] || nobody=(unshare -U)
    libraries=$(find "$deb/usr/lib" -name 'libecap.so.3' -printf '%h')
    printf 'anna:%s\n' "$(openssl passwd -1 se-cret)" >"$WORK/squid.passwords"
    cat >"$WORK/squid.conf" <<EOF
http_port 127.0.0.1:$PORT
auth_param basic program $deb/usr/lib/squid/basic_ncsa_auth $WORK/squid.passwords
acl known proxy_auth REQUIRED
acl allowed port $1
http_access allow CONNECT known allowed
cache deny all
cache_mem 0
netdb_filename none
pid_filename none
pinger_enable off
visible_hostname localhost
shutdown_lifetime 1 seconds
access_log stdio:$WORK/squid.log
cache_log $WORK/squid.messages
mime_table $deb/usr/share/squid/mime.conf
icon_directory $deb/usr/share/squid/icons
logfile_daemon $deb/usr/lib/squid/log_file_daemon
unlinkd_program $deb/usr/lib/squid/unlinkd
EOF
    exec "${nobody[@]}" env "LD_LIBRARY_PATH=$libraries" "$SQUID" -N -f "$WORK/squid.conf"
}
start_squid() { # start_squid ALLOWED_PORT: as start_tinyproxy
    at_free_port squid run_squid "$1"
}
