#include "client/parts.h"
#include <string.h>

void parts_init(struct parts *p, const char *host_id, const char *own_name)
{
    *p = (struct parts){.host_id = host_id, .own_name = own_name};
}

static enum part_kind kind_of(const struct parts *p, const struct multipart_part *part)
{
    bool is_target = strcmp(part->name, p->host_id) == 0;
    bool is_own = strcmp(part->name, p->own_name) == 0;
    if (is_target && is_own) {
        if (!p->target_seen)
            return PART_TARGET;
        if (p->own.family == AF_UNSPEC || endpoint_equal(&p->own, &part->peer.at[0]))
            return PART_OWN;
        return PART_TARGET;
    }
    if (is_target)
        return PART_TARGET;
    return is_own ? PART_OWN : PART_OTHER;
}

enum part_kind parts_take(struct parts *p, const struct multipart_part *part)
{
    enum part_kind kind = kind_of(p, part);
    if (kind == PART_TARGET)
        p->target_seen = true;
    else if (kind == PART_OWN)
        p->own = part->peer.at[0];
    return kind;
}

bool parts_punchable(const struct endpoint *peer)
{
    static const uint8_t zeros[16];
    static const uint8_t ones[4] = {255, 255, 255, 255};
    if (peer->port == 0)
        return false;
    if (peer->family == AF_INET) /* 0.0.0.0/8, then 224.0.0.0/4 (RFC 6890; RFC 5771) */
        return peer->address[0] != 0 && (peer->address[0] & 0xf0) != 0xe0 &&
               memcmp(peer->address, ones, sizeof ones) != 0;
    if (peer->family == AF_INET6) /* ::, then ff00::/8 (RFC 4291, 2.5.2 and 2.7) */
        return memcmp(peer->address, zeros, sizeof zeros) != 0 && peer->address[0] != 0xff;
    return false;
}
