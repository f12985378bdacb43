#include "server/log_address.h"
#include "base/error.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [LOG_ADDRESSES_FULL] = "full", [LOG_ADDRESSES_PREFIX] = "prefix", [LOG_ADDRESSES_NONE] = "none"};

static enum log_addresses shown = LOG_ADDRESSES_FULL;

int log_addresses_parse(enum log_addresses *out, const char *text)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum log_addresses)i;
            return HX_OK;
        }
    return HX_EINVAL;
}

void log_set_addresses(enum log_addresses addresses)
{
    shown = addresses;
}

const char *log_network(char text[ENDPOINT_TEXT_MAX], const struct endpoint *peer, size_t bytes)
{
    uint8_t network[sizeof peer->address] = {0};
    size_t most = (peer->family == AF_INET ? LOG_PREFIX_IPV4 : LOG_PREFIX_IPV6) / 8;
    char address[INET6_ADDRSTRLEN];

    if (shown == LOG_ADDRESSES_NONE)
        return NULL;
    if (shown == LOG_ADDRESSES_PREFIX && bytes > most)
        bytes = most;
    memcpy(network, peer->address, bytes);
    if (!inet_ntop(peer->family, network, address, sizeof address))
        return NULL;
    if (bytes == (peer->family == AF_INET ? 4 : 16))
        snprintf(text, ENDPOINT_TEXT_MAX, "%s", address);
    else
        snprintf(text, ENDPOINT_TEXT_MAX, "%s/%d", address, (int)bytes * 8);
    return text;
}

const char *log_address(char text[ENDPOINT_TEXT_MAX], const struct endpoint *peer)
{
    if (shown == LOG_ADDRESSES_NONE)
        return NULL;
    if (shown == LOG_ADDRESSES_PREFIX && peer->family != AF_UNSPEC)
        return log_network(text, peer, sizeof peer->address);
    endpoint_format(peer, text);
    return text;
}
