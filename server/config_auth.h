/* server/config_auth.h: the options of hx-nameserver that say who may bind, connect and join. */
#ifndef HX_SERVER_CONFIG_AUTH_H
#define HX_SERVER_CONFIG_AUTH_H

#include "server/config.h"

/* A file of rules, or "tofu"; a file of that name is ./tofu. HX_OK; HX_EINVAL: there has been one. */
int config_auth_parse(struct server_config *c, const char *value);
/* The owners' database. HX_OK; HX_EINVAL: it is no file's name. */
int config_auth_parse_db(struct server_config *c, const char *value);
/* HX_OK; HX_EINVAL: it is no value of a Host field, or one too many. */
int config_auth_parse_host(struct server_config *c, const char *value);

/* Owners need a database: that of --auth-db, or one in systemd's StateDirectory=. HX_OK or HX_EINVAL, with
 * `error` set. */
int config_auth_check(struct server_config *c, char error[CONFIG_ERROR_MAX]);

#endif
