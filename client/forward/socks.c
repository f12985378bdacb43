#include "client/forward/socks.h"
#include <arpa/inet.h>
#include <string.h>

/* RFC 1928, sections 3 to 5 */
#define VERSION         5
#define NO_AUTH         0x00
#define NO_METHOD       0xff
#define COMMAND_CONNECT 1
#define COMMAND_UDP     3
#define PORT_BYTES      2

static void enter(struct socks *s, enum socks_state next, size_t need)
{
    s->state = next;
    s->need = need;
    s->have = 0;
}

void socks_init(struct socks *s)
{
    *s = (struct socks){.reason = ""};
    enter(s, SOCKS_VERSION, 1);
}

size_t socks_want(const struct socks *s)
{
    return s->need - s->have;
}

static void fail(struct socks *s, const char *reason)
{
    enter(s, SOCKS_FAILED, 0);
    s->reason = reason;
}

void socks_answer(struct socks *s, enum socks_reply reply)
{
    socks_answer_at(s, reply, &(struct endpoint){.family = AF_INET});
}

void socks_answer_at(struct socks *s, enum socks_reply reply, const struct endpoint *at)
{
    size_t len = at->family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
    s->out[0] = VERSION;
    s->out[1] = (uint8_t)reply;
    s->out[2] = 0;
    s->out[3] = at->family == AF_INET6 ? SOCKS_TYPE_IPV6 : SOCKS_TYPE_IPV4;
    memcpy(s->out + 4, at->address, len);
    s->out[4 + len] = (uint8_t)(at->port >> 8);
    s->out[5 + len] = (uint8_t)at->port;
    s->out_len = 6 + len;
}

static void refuse(struct socks *s, enum socks_reply reply, const char *reason)
{
    socks_answer(s, reply);
    fail(s, reason);
}

/* The first byte alone, so that one who speaks something else is never waited for. */
static void take_version(struct socks *s)
{
    if (s->field[0] == VERSION) {
        s->state = SOCKS_METHODS;
        s->need = 2;
    } else if (s->field[0] == 4) {
        fail(s, "it speaks SOCKS4: only SOCKS5 is served here");
    } else if (s->field[0] >= 'A' && s->field[0] <= 'Z') {
        fail(s, "it speaks HTTP: this is a SOCKS5 proxy (socks5h://)");
    } else {
        fail(s, "it does not speak SOCKS5");
    }
}

static void take_methods(struct socks *s)
{
    size_t count = s->field[1];
    if (s->need < 2 + count) {
        s->need = 2 + count;
        return;
    }
    bool offered = memchr(s->field + 2, NO_AUTH, count) != NULL;
    s->out[0] = VERSION;
    s->out[1] = offered ? NO_AUTH : NO_METHOD;
    s->out_len = 2;
    if (offered)
        enter(s, SOCKS_REQUEST, 4);
    else
        fail(s, "it insists on authentication");
}

static void take_request(struct socks *s)
{
    s->type = s->field[3];
    s->udp = s->field[1] == COMMAND_UDP;
    if (s->field[0] != VERSION)
        fail(s, "its request is not SOCKS5");
    else if (s->field[1] != COMMAND_CONNECT && !s->udp)
        refuse(s, SOCKS_COMMAND_NOT_SUPPORTED, "it asks for something else than CONNECT or UDP ASSOCIATE");
    else if (s->type == SOCKS_TYPE_IPV4)
        enter(s, SOCKS_ADDRESS, sizeof(struct in_addr) + PORT_BYTES);
    else if (s->type == SOCKS_TYPE_IPV6)
        enter(s, SOCKS_ADDRESS, sizeof(struct in6_addr) + PORT_BYTES);
    else if (s->type == SOCKS_TYPE_NAME)
        enter(s, SOCKS_NAME_LENGTH, 1);
    else
        refuse(s, SOCKS_TYPE_NOT_SUPPORTED, "it asks for an unknown type of address");
}

int socks_read_address(struct authority *out, uint8_t type, const uint8_t *bytes, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    const char *host = (const char *)bytes;
    uint16_t port = (uint16_t)(bytes[len] << 8 | bytes[len + 1]);
    if (type != SOCKS_TYPE_NAME) {
        host = inet_ntop(type == SOCKS_TYPE_IPV4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
        len = strlen(text);
    }
    return authority_from_host(out, host, len, port);
}

/* Of UDP it is where the client is going to send from, or zeros if it does not know: a hint. */
static void take_address(struct socks *s)
{
    bool is_host = socks_read_address(&s->target, s->type, s->field, s->need - PORT_BYTES) == HX_OK;
    if (!is_host && s->udp)
        s->target = (struct authority){.kind = AUTHORITY_ANY};
    if (s->udp || (is_host && s->target.port != 0))
        enter(s, SOCKS_DONE, 0);
    else
        refuse(s, SOCKS_GENERAL_FAILURE, "it asks for a host that cannot be one");
}

void socks_feed(struct socks *s, const uint8_t *data, size_t len)
{
    s->out_len = 0;
    memcpy(s->field + s->have, data, len);
    s->have += len;
    if (s->have < s->need)
        return;
    switch (s->state) {
    case SOCKS_VERSION:
        take_version(s);
        break;
    case SOCKS_METHODS:
        take_methods(s);
        break;
    case SOCKS_REQUEST:
        take_request(s);
        break;
    case SOCKS_NAME_LENGTH:
        enter(s, SOCKS_ADDRESS, s->field[0] + (size_t)PORT_BYTES);
        break;
    case SOCKS_ADDRESS:
        take_address(s);
        break;
    case SOCKS_DONE:
    case SOCKS_FAILED:
        break;
    }
}
