#include "shim/udt/kept.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct kept *kept_make(const struct net_address *from, const uint8_t *head, const uint8_t *body,
                       size_t body_len)
{
    struct kept *k = calloc(1, sizeof *k + body_len);

    if (!k)
        return NULL;
    k->from = *from;
    memcpy(k->head, head, PACKET_HEAD);
    memcpy(k->body, body, body_len);
    k->body_len = body_len;
    return k;
}

void kept_free_all(struct kept **list)
{
    struct kept *k, *next;

    DL_FOREACH_SAFE(*list, k, next)
    {
        free(k);
    }
    *list = NULL;
}
