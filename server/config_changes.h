/* server/config_changes.h: what another configuration changes in a server that runs, and what it cannot. */
#ifndef HX_SERVER_CONFIG_CHANGES_H
#define HX_SERVER_CONFIG_CHANGES_H

#include "server/config.h"

#define CONFIG_NAMES_MAX 512 /* bytes of a list of options' names with its NUL */

struct config_changes {            /* options by their names, with blanks between; "": none */
    char made[CONFIG_NAMES_MAX];   /* that are others now */
    char missed[CONFIG_NAMES_MAX]; /* that would be, and take effect with the next start alone */
};

/* *running becomes *wanted as far as it can. */
void config_change(struct server_config *running, const struct server_config *wanted,
                   struct config_changes *changes);

#endif
