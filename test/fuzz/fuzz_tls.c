/* Any bytes to the accepting side, cut anywhere: nobody without the key gets in or gets anything out. An
 * input that begins with 1 is said to a side that is proven already, behind its peer's own bytes. That every
 * handshake has other random numbers does no harm: none is finished by chance. */
#include "secure/tls.h"
#include "test/fuzz/fuzz.h"
#include <openssl/err.h>

#define KEYRING "hx-aaaq-eaye-auda-ocaj-bifq-ydio-b4ib-ceqt-46xl anna\n"
/* Bytes of an answer: an alert, or, to a hello that is replayed, our part of a handshake. */
#define OUT_MAX   4096
#define TURNS_MAX 100000

struct wire {
    const uint8_t *data;
    size_t len, at;
    size_t step; /* bytes of one read */
    bool paused; /* the next read says HX_EAGAIN */
    bool ended;
    uint8_t out[65536];
    size_t out_len;
};

static ssize_t wire_read(void *user, void *buf, size_t len)
{
    struct wire *w = user;
    if (w->at == w->len)
        return w->ended ? HX_EEOF : HX_EAGAIN;
    w->paused = !w->paused;
    if (w->paused)
        return HX_EAGAIN;
    if (len > w->len - w->at)
        len = w->len - w->at;
    if (len > w->step)
        len = w->step;
    memcpy(buf, w->data + w->at, len);
    w->at += len;
    return (ssize_t)len;
}

static ssize_t wire_write(void *user, const void *buf, size_t len)
{
    struct wire *w = user;
    FUZZ_CHECK(len <= sizeof w->out - w->out_len);
    memcpy(w->out + w->out_len, buf, len);
    w->out_len += len;
    return (ssize_t)len;
}

static struct tls *begin(struct wire *w, bool connecting)
{
    struct tls_transport io = {.read = wire_read, .write = wire_write, .user = w};
    struct keyring ring;
    struct tls *t;
    int line;
    FUZZ_CHECK(keyring_parse(&ring, KEYRING, strlen(KEYRING), &line) == HX_OK);
    FUZZ_CHECK(tls_create(&t, &ring, connecting, &io) == HX_OK);
    keyring_free(&ring);
    return t;
}

static void feed(struct wire *w, const uint8_t *data, size_t len, size_t step)
{
    w->data = data;
    w->len = len;
    w->at = 0;
    w->step = step;
    w->ended = true;
}

/* Reads until it fails for good. */
static ssize_t drain(struct tls *t)
{
    uint8_t buf[4096];
    ssize_t got = HX_EAGAIN;
    for (int i = 0; i < TURNS_MAX && got == HX_EAGAIN; i++)
        got = tls_read(t, buf, sizeof buf);
    FUZZ_CHECK(got < 0 && got != HX_EEOF); /* no byte, and no orderly end, by chance */
    FUZZ_CHECK(tls_read(t, buf, sizeof buf) == got);
    return got;
}

/* Both sides proven, each other's bytes carried whole. */
static void prove(struct tls *client, struct wire *c, struct tls *server, struct wire *s)
{
    static uint8_t hello[65536], answer[65536];
    FUZZ_CHECK(tls_handshake(client) == HX_EAGAIN);
    memcpy(hello, c->out, c->out_len);
    feed(s, hello, c->out_len, SIZE_MAX);
    s->ended = false;
    while (tls_handshake(server) == HX_EAGAIN && s->at < s->len)
        ;
    memcpy(answer, s->out, s->out_len);
    feed(c, answer, s->out_len, SIZE_MAX);
    c->ended = false;
    c->out_len = 0;
    while (tls_handshake(client) == HX_EAGAIN)
        FUZZ_CHECK(c->at < c->len || !c->paused);
    memcpy(hello, c->out, c->out_len);
    feed(s, hello, c->out_len, SIZE_MAX);
    s->ended = false;
    while (tls_handshake(server) == HX_EAGAIN)
        FUZZ_CHECK(s->at < s->len || !s->paused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wire client_wire, server_wire;
    if (size < 2)
        return 0;
    memset(&server_wire, 0, sizeof server_wire);
    struct tls *server = begin(&server_wire, false), *client = NULL;
    if (data[0] == 1) {
        memset(&client_wire, 0, sizeof client_wire);
        client = begin(&client_wire, true);
        prove(client, &client_wire, server, &server_wire);
    }
    server_wire.out_len = 0;
    feed(&server_wire, data + 2, size - 2, data[1] + 1U);
    ssize_t err = drain(server);
    FUZZ_CHECK(err == HX_EPROTO || err == HX_EAUTH || err == HX_ECLOSED);
    FUZZ_CHECK(client || tls_label(server)[0] == '\0');
    FUZZ_CHECK(tls_write(server, "secret", 6) == err);
    FUZZ_CHECK(server_wire.out_len <= OUT_MAX && !memmem(server_wire.out, server_wire.out_len, "secret", 6));
    tls_destroy(server);
    tls_destroy(client);
    ERR_clear_error();
    return 0;
}
