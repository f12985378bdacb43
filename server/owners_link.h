/* server/owners_link.h: the owners of names (server/owners.h) and the store that keeps them (server/store.h)
 * know of each other. */
#ifndef HX_SERVER_OWNERS_LINK_H
#define HX_SERVER_OWNERS_LINK_H

struct owners;
struct store;

/* Before store_load(), which tells of all that are owned. Both must live as long as they are used. HX_OK or
 * HX_ENOMEM; *link is to be free()d after both. */
struct owners_link;
int owners_link(struct owners_link **link, struct owners *owners, struct store *store);

#endif
