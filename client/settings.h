/* client/settings.h: hx_config, judged once, with its defaults filled in. */
#ifndef HX_CLIENT_SETTINGS_H
#define HX_CLIENT_SETTINGS_H

#include "client/report.h"
#include "client/resolve.h"
#include "secure/key.h"

struct settings {
    struct resolve_list addresses; /* of the nameserver */
    struct reporter reporter;
    char name[HX_NAME_MAX + 1];     /* the name to bind or to connect to */
    char own_name[HX_NAME_MAX + 1]; /* "" for none */
    struct keyring keys;            /* empty: none */
    uint16_t local_port;
    int wait_s, timeout_ms, punch_ms, linger_ms, backlog;
};

/* Copies what *config says; resolves the nameserver, which may block. HX_OK; HX_EINVAL; HX_ERESOLVE;
 * HX_ENOMEM. */
int settings_init(struct settings *s, const struct hx_config *config, const char *name);
/* Also after an error of the above. */
void settings_free(struct settings *s);

#endif
