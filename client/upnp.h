/* client/upnp.h: the texts of UPnP's Internet Gateway Device (UDA 1.1, WANIPConnection:1), written and read.
 * No sockets.
 *
 * libminiupnpc reads the XML. Its own fetching is not used: it takes as many bytes as a device sends, begins
 * its 5 s anew with each piece, goes on with its search as long as answers come, resolves the names that a
 * device gives, and prints to standard error. Here a URL is of interest only if it names the gateway's own
 * address. */
#ifndef HX_CLIENT_UPNP_H
#define HX_CLIENT_UPNP_H

#include "base/buf.h"
#include "proto/endpoint.h"
#include <stdbool.h>
#include <stddef.h>

#define UPNP_SSDP_PORT       1900  /* UDA 1.1, 1.3 */
#define UPNP_PATH_MAX        256   /* bytes of a URL's path and query, with the NUL */
#define UPNP_TYPE_MAX        64    /* of "urn:schemas-upnp-org:service:WANIPConnection:1", with the NUL */
#define UPNP_VALUE_MAX       64    /* of a value that is of interest, with the NUL */
#define UPNP_DESCRIPTION_MAX 65536 /* bytes; those of routers have 2 to 20 KB */
#define UPNP_REPLY_MAX       8192

/* UPnP's codes (WANIPConnection:1, 2.4.16): another host has that external port; only mappings without an
 * end. */
enum { UPNP_CONFLICT = 718, UPNP_ONLY_PERMANENT = 725 };

struct upnp_url {
    struct endpoint at;
    char path[UPNP_PATH_MAX]; /* begins with '/'; no blank and no control character in it */
};

struct upnp_service { /* of the connection that has the external address */
    struct upnp_url control;
    char type[UPNP_TYPE_MAX];
};

struct upnp_argument {
    const char *name, *value;
};

/* The search for a gateway, as sent to `to` (SSDP). Returns the length. */
size_t upnp_write_search(char *out, size_t size, const struct endpoint *to);
/* An answer to it: where the description is. HX_EPROTO: none, or not at the address of `gateway`. */
int upnp_read_search(struct upnp_url *out, const char *data, size_t len, const struct endpoint *gateway);
int upnp_write_get(struct buf *out, const struct upnp_url *url); /* errors of buf_printf() */
/* The description that was at `from`. HX_EPROTO: no such service in it, or not at the same address. */
int upnp_read_description(struct upnp_service *out, const char *data, size_t len,
                          const struct upnp_url *from);
/* A call of `action`; `arguments` end with a name of NULL, none holds what XML would have escaped. */
int upnp_write_action(struct buf *out, const struct upnp_service *service, const char *action,
                      const struct upnp_argument *arguments);
/* A value of the answer, or of the error ("errorCode"). False: not there, or too long. */
bool upnp_read_value(const char *data, size_t len, const char *name, char value[UPNP_VALUE_MAX]);

#endif
