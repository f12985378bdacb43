/* test/unit/scripted_names.h: a name service that knows the scripted nameserver. A test that has it replaces the
 * system's. */
#ifndef HX_TEST_SCRIPTED_NAMES_H
#define HX_TEST_SCRIPTED_NAMES_H

#include "test/unit/scripted_nameserver.h"
#include <arpa/inet.h>
#include <netdb.h>

/* "both.test" has a loopback address of each family, "ipv4.test" and "ipv6.test" one,
 * "hole.test" besides two IPv6 addresses that nobody answers from. */

void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;

        free(list);
        list = next;
    }
}

static inline struct addrinfo *scripted_address(int family, const char *address, const char *port,
                                                struct addrinfo *next)
{
    struct whole {
        struct addrinfo info;
        struct sockaddr_in6 sa;
    } *w = calloc(1, sizeof *w);

    if (!w)
        abort();
    w->info = (struct addrinfo){.ai_family = family,
                                .ai_addr = (struct sockaddr *)&w->sa,
                                .ai_addrlen = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof w->sa,
                                .ai_next = next};
    w->sa.sin6_family = (sa_family_t)family;
    w->sa.sin6_port = htons((uint16_t)atoi(port));
    inet_pton(family, address,
              family == AF_INET ? (void *)&((struct sockaddr_in *)&w->sa)->sin_addr : &w->sa.sin6_addr);
    return &w->info;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    bool both = strcmp(host, "both.test") == 0 || strcmp(host, "hole.test") == 0;
    bool four = hints->ai_family == AF_INET && (both || strcmp(host, "ipv4.test") == 0);
    bool six = hints->ai_family == AF_INET6 && (both || strcmp(host, "ipv6.test") == 0);

    if ((hints->ai_flags & AI_NUMERICHOST) || (!four && !six))
        return EAI_NONAME;
    if (strcmp(host, "hole.test") == 0 &&
        six) /* ports of loopback that nobody has: silence, as UDT sees it */
        *out = scripted_address(AF_INET6, "::1", "1", scripted_address(AF_INET6, "::1", "2", NULL));
    else
        *out = scripted_address(four ? AF_INET : AF_INET6, four ? "127.0.0.1" : "::1", port, NULL);
    return 0;
}

#endif
