/* client/parts.h: what the parts of a /connect stream mean for the one who asked. Pure. */
#ifndef HX_CLIENT_PARTS_H
#define HX_CLIENT_PARTS_H

#include "proto/multipart.h"
#include <stdbool.h>

enum part_kind {
    PART_TARGET, /* where to punch; replaces an earlier target */
    PART_OWN,    /* our own external address */
    PART_OTHER   /* neither; ignored */
};

struct parts {
    const char *host_id;  /* the name asked for */
    const char *own_name; /* the name given along, or "" */
    struct endpoint own;  /* our external address; AF_UNSPEC while unknown */
    bool target_seen;
};

/* Keeps the addresses of the strings. */
void parts_init(struct parts *p, const char *host_id, const char *own_name);
/* Judges the next part and keeps our own address if it is told. Names decide; where both hosts have one
 * name, the first part is the target and the next our own (DESIGN, section 3: the order on the stream). */
enum part_kind parts_take(struct parts *p, const struct multipart_part *part);

#endif
