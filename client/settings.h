/* client/settings.h: hx_config, judged once, with its defaults filled in. */
#ifndef HX_CLIENT_SETTINGS_H
#define HX_CLIENT_SETTINGS_H

#include "base/host_port.h"
#include "client/credentials.h"
#include "client/report.h"
#include "client/trace.h"
#include "client/tunnel.h"
#include "proto/nameserver_name.h"
#include "secure/key.h"

#define STUNS_MAX 4

struct settings {
    struct host_port nameservers[NAMESERVERS_MAX]; /* tried one after the other */
    int nameserver_count;                          /* at least 1 */
    struct tunnel_place places[NAMESERVERS_MAX];   /* of the same: where TCP is */
    int transports;                                /* TRANSPORT_* of client/approach.h */
    struct host_port stuns[STUNS_MAX];             /* STUN servers besides */
    int stun_count;
    int families; /* FAMILY_* of client/race.h */
    struct reporter reporter;
    struct tracer tracer;
    struct reporter path_reporter;   /* of changes of a stream's path; zeroed: not wanted */
    char name[HX_NAME_MAX + 1];      /* the name to bind or to connect to; a group's session */
    char own_name[HX_NAME_MAX + 1];  /* "" for none */
    int expect;                      /* a group's: members, ourselves counted. 0: it is no group */
    struct keyring keys;             /* empty: none */
    struct credentials *credentials; /* NULL: none */
    uint16_t local_port;
    bool port_mapping;    /* a listener's port: the router is asked */
    bool host_candidates; /* peers are told this host's own addresses */
    int relay_after_ms;   /* -1: never */
    int wait_s, punch_ms, linger_ms, backlog;
    int timeout_ms; /* -1: none */
};

/* Copies what *config says, of which the program has `size` bytes. Does not block. HX_OK; HX_EINVAL;
 * HX_ENOMEM. */
int settings_init(struct settings *s, const struct hx_config *config, size_t size, const char *name);
/* The same for what needs no name. */
int settings_init_unnamed(struct settings *s, const struct hx_config *config, size_t size);
/* config->state_dir, the program's own text, of what settings_init() has taken; NULL: none. */
const char *settings_state_dir(const struct hx_config *config, size_t size);
/* Also after an error of the above. */
void settings_free(struct settings *s);

#endif
