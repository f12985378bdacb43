#include "server/stun_address.h"
#include "base/error.h"
#include "server/config.h"
#include <arpa/inet.h>
#include <string.h>

static int parse_one(struct endpoint *out, const char *text, size_t len)
{
    static const struct endpoint any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};
    char copy[INET6_ADDRSTRLEN];
    struct endpoint e = {.family = AF_UNSPEC};

    if (len >= sizeof copy)
        return HX_EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, e.address) == 1)
        e.family = AF_INET;
    else if (inet_pton(AF_INET6, copy, e.address) == 1)
        e.family = AF_INET6;
    if (e.family == AF_UNSPEC || endpoint_same_host(&e, &any4) || endpoint_same_host(&e, &any6))
        return HX_EINVAL;
    *out = e;
    return HX_OK;
}

int stun_address_parse(struct stun_address *out, const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct stun_address a;

    if (parse_one(&a.local, text, len) < 0)
        return HX_EINVAL;
    a.printed = a.local;
    if (slash &&
        (parse_one(&a.printed, slash + 1, strlen(slash + 1)) < 0 || a.printed.family != a.local.family))
        return HX_EINVAL;
    *out = a;
    return HX_OK;
}

/* Of an address that is not every one of its family. */
static bool listens_at(const struct server_listen *l, int family, struct endpoint *address, uint16_t *port)
{
    static const uint8_t any[sizeof address->address];

    if (endpoint_from_sockaddr(address, (const struct sockaddr *)&l->address, l->len) < 0)
        return false;
    *port = address->port;
    address->port = 0;
    return address->family == family && memcmp(address->address, any, sizeof any) != 0;
}

/* The first address of --listen with the main port that is none of `taken`. */
static bool first_listen(const struct server_config *c, int family, const struct stun_pair *taken,
                         size_t taken_count, struct stun_address *out)
{
    struct endpoint main_address, address;
    uint16_t main_port = 0, port;

    if (c->listen_count > 0)
        (void)listens_at(&c->listen[0], family, &main_address, &main_port);
    for (size_t i = 0; i < c->listen_count; i++) {
        bool known = !listens_at(&c->listen[i], family, &address, &port) || port != main_port;

        for (size_t k = 0; k < taken_count && !known; k++)
            known = endpoint_same_host(&taken->of[k].local, &address);
        if (!known) {
            *out = (struct stun_address){.local = address, .printed = address};
            return true;
        }
    }
    return false;
}

int stun_pair_of(const struct server_config *c, int family, struct stun_pair *out)
{
    struct stun_pair p;
    size_t given = 0, count;

    for (size_t i = 0; i < c->stun_address_count; i++) {
        const struct stun_address *a = &c->stun_addresses[i];

        if (a->local.family != family)
            continue;
        if (given == 2 || (given == 1 && endpoint_same_host(&p.of[0].local, &a->local)))
            return HX_EINVAL;
        p.of[given++] = *a;
    }
    for (count = given; count < 2; count++)
        if (!first_listen(c, family, &p, count, &p.of[count]))
            return given > 0 ? HX_EINVAL : HX_ENOTFOUND;
    *out = p;
    return HX_OK;
}
