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
        if (p->own.family == AF_UNSPEC || endpoint_equal(&p->own, &part->peer.list[0].at))
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
        p->own = part->peer.list[0].at;
    return kind;
}
