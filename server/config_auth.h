/* server/config_auth.h: the options of hx-nameserver that say who may bind, connect and join. */
#ifndef HX_SERVER_CONFIG_AUTH_H
#define HX_SERVER_CONFIG_AUTH_H

#include "server/config.h"

/* A file of rules, or "tofu"; a file of that name is ./tofu. HX_OK; HX_EINVAL: there has been one. */
int config_auth_parse(struct server_config *c, const char *value);
/* HX_OK; HX_EINVAL: it is no value of a Host field. */
int config_auth_parse_host(struct server_config *c, const char *value);

#endif
