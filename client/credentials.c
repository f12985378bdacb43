#include "client/credentials.h"
#include "base/percent.h"
#include "proto/authorization.h"
#include "proto/field.h"
#include "proto/host_id.h"
#include "secure/code.h"
#include "secure/identity.h"
#include "secure/secret.h"
#include "shim/udt/udt.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_END "\r\n" /* the empty line */
#define CODE_NAMES  CODE_NAME_PREFIX "*"

struct credentials {
    atomic_int users;
    bool has_device, has_psk;
    struct identity device;
    uint8_t psk[IDENTITY_HASH_BYTES];
};

int credentials_create(struct credentials **out, const char *device_key, const struct keyring *keys)
{
    int err = HX_OK;
    *out = NULL;
    if (!device_key && keys->count == 0)
        return HX_OK;
    struct credentials *c = secret_alloc(sizeof *c);
    if (!c)
        return HX_ENOMEM;
    atomic_init(&c->users, 1);
    c->has_device = device_key != NULL;
    c->has_psk = keys->count > 0;
    if (c->has_device)
        err = identity_parse(&c->device, device_key, strlen(device_key));
    if (c->has_psk)
        memcpy(c->psk, keys->keys[0].auth, sizeof c->psk);
    if (err < 0)
        credentials_release(c);
    else
        *out = c;
    return err;
}

struct credentials *credentials_keep(struct credentials *c)
{
    if (c)
        atomic_fetch_add(&c->users, 1);
    return c;
}

void credentials_release(struct credentials *c)
{
    if (c && atomic_fetch_sub(&c->users, 1) == 1)
        secret_free(c, sizeof *c);
}

int credentials_count(const struct credentials *c)
{
    return c ? c->has_device + c->has_psk : 0;
}

static bool is_device(const struct credentials *c, int which)
{
    return c->has_device && which == 0;
}

/* The second word of the request line. */
static struct field_piece target_of(const struct buf *request)
{
    const char *line = buf_data(request), *end = line + request->len;
    const char *at = memchr(line, ' ', request->len);
    at = at ? at + 1 : end;
    const char *behind = memchr(at, ' ', (size_t)(end - at));
    return (struct field_piece){at, (size_t)((behind ? behind : end) - at)};
}

/* As a person gives it, without the port that is meant in any case. */
static void write_host(char out[HOST_PORT_TEXT_MAX], const struct host_port *server)
{
    host_port_format(server, out);
    if (server->port == UDT_DEFAULT_PORT)
        *strrchr(out, ':') = '\0';
}

static int prove(const struct credentials *c, int which, const char *message, size_t len,
                 struct authorization *out)
{
    memset(out, 0, sizeof *out);
    if (is_device(c, which)) {
        out->key.kind = AUTHORIZATION_ED25519;
        memcpy(out->key.bytes, c->device.public_key, sizeof c->device.public_key);
        return identity_sign(&c->device, message, len, out->proof);
    }
    out->key.kind = AUTHORIZATION_PSK;
    int err = identity_psk_id(c->psk, out->key.bytes);
    return err < 0 ? err : identity_psk_sign(c->psk, message, len, out->proof);
}

int credentials_sign(const struct credentials *c, int which, struct buf *out, const struct buf *request,
                     const struct host_port *server, const char *nonce)
{
    char message[AUTHORIZATION_MESSAGE_MAX], host[HOST_PORT_TEXT_MAX], text[AUTHORIZATION_TEXT_MAX];
    struct field_piece piece = target_of(request);
    char target[AUTHORIZATION_MESSAGE_MAX];
    struct authorization proof;
    if (piece.len >= sizeof target)
        return HX_ETOOBIG;
    memcpy(target, piece.at, piece.len);
    target[piece.len] = '\0';
    write_host(host, server);
    ssize_t len = authorization_message(message, nonce, "GET", target, host);
    int err = len < 0 ? (int)len : prove(c, which, message, (size_t)len, &proof);
    if (err < 0)
        return err;
    authorization_format(text, &proof);
    err = buf_append(out, buf_data(request), request->len - strlen(REQUEST_END));
    if (err == HX_OK)
        err = buf_printf(out, "Host: %s\r\nAuthorization: %s\r\n" REQUEST_END, host, text);
    return err;
}

/* ---- what is said of a refusal ---- */

/* "NAME ACTION", as a line of --auth begins; false: no such line can be written. The next code has another
 * name: it is a line for all of them. */
static bool write_line(char *out, size_t size, const struct buf *request)
{
    static const char *const keys[] = {"host_id=", "session="};
    char name[HOST_ID_MAX * 3 + 1];
    struct field_piece target = target_of(request);
    const char *end = target.at + target.len, *query = memchr(target.at, '?', target.len);
    if (!query || target.at[0] != '/')
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *at = query + 1;
        size_t key_len = strlen(keys[i]);
        if ((size_t)(end - at) <= key_len || memcmp(at, keys[i], key_len) != 0)
            continue;
        at += key_len;
        const char *behind = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((behind ? behind : end) - at);
        if (len >= sizeof name || percent_decode(name, at, len) <= 0 || strpbrk(name, "*#"))
            return false;
        snprintf(out, size, "%.*s %.*s", HOST_ID_MAX, code_is_name(name) ? CODE_NAMES : name,
                 (int)(query - target.at - 1), target.at + 1);
        return true;
    }
    return false;
}

void credentials_explain(char out[CREDENTIALS_TEXT_MAX], const struct credentials *c,
                         const struct buf *request, const char *said)
{
    char line[HOST_ID_MAX + sizeof " connect "], key[AUTHORIZATION_KEY_TEXT_MAX];
    struct authorization_key device = {.kind = AUTHORIZATION_ED25519};
    const char *why = said[0] ? said : "the nameserver does not allow it";
    if (strstr(said, "--")) { /* it names an option, or a command, that mends it */
        snprintf(out, CREDENTIALS_TEXT_MAX, "%s", said);
        return;
    }
    if (!c) {
        snprintf(out, CREDENTIALS_TEXT_MAX, "%s; this host has no key to prove: `hx key --device` makes one",
                 why);
        return;
    }
    if (!write_line(line, sizeof line, request))
        snprintf(line, sizeof line, "NAME ACTION");
    if (!c->has_device && strncmp(line, CODE_NAMES " ", sizeof CODE_NAMES) == 0) {
        /* its key, too, is of this code alone */
        snprintf(out, CREDENTIALS_TEXT_MAX, "%s; its --auth FILE needs a line `%s any`", why, line);
        return;
    }
    if (!c->has_device) {
        snprintf(out, CREDENTIALS_TEXT_MAX,
                 "%s; its --auth FILE needs a line `%s psk:HASH`, with what `hx key --auth` prints", why,
                 line);
        return;
    }
    memcpy(device.bytes, c->device.public_key, sizeof device.bytes);
    authorization_key_format(key, &device);
    snprintf(out, CREDENTIALS_TEXT_MAX, "%s; its --auth FILE needs a line `%s %s`", why, line, key);
}
