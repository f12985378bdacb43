/* bench_auth: clients over TCP that prove their keys to a nameserver, each proof in one round trip with the
 * nonce of the answer before (Authentication-Info).
 *
 *   bench_auth rules ed25519|psk     the lines that it needs (--auth)
 *   bench_auth proofs PORT SECONDS AT_ONCE RATE ed25519|psk PID
 *       RATE proofs a second at most; 0: as many as it lets them. Prints one line of "key=value" pairs; CPU
 *       is that of the nameserver, process PID */
#include "proto/authorization.h"
#include "secure/identity.h"
#include "test/bench/local_socket.h"
#include "test/bench/measure.h"
#include <poll.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define AT_ONCE_MAX 512
#define ANSWER_MAX  4096

struct client {
    char target[64];
    char nonce[AUTHORIZATION_NONCE_MAX + 1];
    char answer[ANSWER_MAX]; /* NUL-terminated */
    size_t len;
    double asked_us;
    bool proves; /* its last request had a proof */
    bool due;    /* it shall ask again */
};

static struct {
    struct client clients[AT_ONCE_MAX];
    struct pollfd fds[AT_ONCE_MAX];
    struct identity identity;
    uint8_t hash[IDENTITY_HASH_BYTES];
    bool shared;
    struct samples us;
    size_t failed;
    double asked; /* requests so far */
} run;

/* Whose secret everybody may know. */
static void take_key(const char *kind)
{
    char text[IDENTITY_TEXT_MAX];

    run.shared = strcmp(kind, "psk") == 0;
    memset(run.hash, 7, sizeof run.hash);
    memset(run.identity.secret, 7, sizeof run.identity.secret);
    identity_write(text, &run.identity);
    if (identity_parse(&run.identity, text, strlen(text)) < 0)
        die("no key");
}

static void print_rules(void)
{
    char text[BASE64URL_SIZE(IDENTITY_HASH_BYTES)];

    base64url_encode(text, run.shared ? run.hash : run.identity.public_key, IDENTITY_HASH_BYTES);
    printf("bench-* bind %s:%s\n", run.shared ? "psk" : "ed25519", text);
}

/* As libsodium does it, in a fraction of the time: who proves has one processor as well. Its secret key is the seed
 * and the public key. */
static int sign(const void *data, size_t len, uint8_t signature[IDENTITY_SIGNATURE_BYTES])
{
    uint8_t key[crypto_sign_SECRETKEYBYTES];

    memcpy(key, run.identity.secret, IDENTITY_SECRET_BYTES);
    memcpy(key + IDENTITY_SECRET_BYTES, run.identity.public_key, IDENTITY_PUBLIC_BYTES);
    return crypto_sign_detached(signature, NULL, data, len, key);
}

static void write_proof(char text[AUTHORIZATION_TEXT_MAX], const struct client *c)
{
    struct authorization a;
    char message[AUTHORIZATION_MESSAGE_MAX];
    ssize_t len = authorization_message(message, c->nonce, "HEAD", c->target, "");
    int err;

    memset(&a, 0, sizeof a);
    if (run.shared) {
        a.key.kind = AUTHORIZATION_PSK;
        err = identity_psk_id(run.hash, a.key.bytes);
        if (err == HX_OK)
            err = identity_psk_sign(run.hash, message, (size_t)len, a.proof);
    } else {
        memcpy(a.key.bytes, run.identity.public_key, sizeof run.identity.public_key);
        err = sign(message, (size_t)len, a.proof);
    }
    if (err < 0)
        die("cannot sign");
    authorization_format(text, &a);
}

static void ask(size_t i)
{
    struct client *c = &run.clients[i];
    char proof[AUTHORIZATION_TEXT_MAX], text[512];

    c->proves = c->nonce[0] != '\0';
    if (c->proves)
        write_proof(proof, c);
    int len = snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\n%s%s%s\r\n", c->target,
                       c->proves ? "Authorization: " : "", c->proves ? proof : "", c->proves ? "\r\n" : "");
    c->len = 0;
    c->due = false;
    run.asked++;
    c->asked_us = now_us();
    if (send(run.fds[i].fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        die("the nameserver has gone");
}

static void take_answer(size_t i)
{
    struct client *c = &run.clients[i];
    ssize_t n = recv(run.fds[i].fd, c->answer + c->len, ANSWER_MAX - 1 - c->len, 0);

    if (n <= 0)
        die("the nameserver has ended a connection");
    c->len += (size_t)n;
    c->answer[c->len] = '\0';
    if (!strstr(c->answer, "\r\n\r\n"))
        return;
    const char *nonce = strstr(c->answer, "nonce=\"");
    if (nonce)
        snprintf(c->nonce, sizeof c->nonce, "%.*s", (int)strcspn(nonce + 7, "\""), nonce + 7);
    else
        die("no nonce in %s", c->answer);
    if (c->proves && strncmp(c->answer, "HTTP/1.1 200", 12) == 0)
        samples_add(&run.us, now_us() - c->asked_us);
    else
        run.failed += c->proves;
    c->due = true;
}

static void prove_for(const char *port, double seconds, size_t at_once, double rate, int pid)
{
    if (at_once == 0 || at_once > AT_ONCE_MAX)
        die("AT_ONCE is from 1 to %d", AT_ONCE_MAX);
    for (size_t i = 0; i < at_once; i++) {
        run.fds[i] = (struct pollfd){.fd = local_socket_to(SOCK_STREAM, port), .events = POLLIN};
        snprintf(run.clients[i].target, sizeof run.clients[i].target, "/bind?host_id=bench-%zu", i);
        ask(i);
    }
    double cpu = process_cpu_seconds(pid), begun_us = now_us(), end_us = begun_us + seconds * 1e6;
    while (now_us() < end_us && poll(run.fds, at_once, 1) >= 0)
        for (size_t i = 0; i < at_once; i++) {
            if (run.fds[i].revents)
                take_answer(i);
            if (run.clients[i].due && (rate == 0 || run.asked < (now_us() - begun_us) / 1e6 * rate))
                ask(i);
        }
    cpu = process_cpu_seconds(pid) - cpu;
    printf("proofs=%zu failed=%zu per_second=%.0f per_cpu_second=%.0f p50_ms=%.3f p99_ms=%.3f\n",
           run.us.count, run.failed, (double)run.us.count / (now_us() - begun_us) * 1e6,
           (double)run.us.count / cpu, samples_percentile(&run.us, 0.5) / 1e3,
           samples_percentile(&run.us, 0.99) / 1e3);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "rules") == 0) {
        take_key(argv[2]);
        print_rules();
    } else if (argc == 8 && strcmp(argv[1], "proofs") == 0) {
        take_key(argv[6]);
        prove_for(argv[2], atof(argv[3]), (size_t)atoi(argv[4]), atof(argv[5]), atoi(argv[7]));
    } else {
        die("usage: see the head of test/bench/bench_auth.c");
    }
    return 0;
}
