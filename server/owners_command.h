/* server/owners_command.h: --owners and --forget: who owns which name, looked at and changed from outside,
 * also while a nameserver serves. */
#ifndef HX_SERVER_OWNERS_COMMAND_H
#define HX_SERVER_OWNERS_COMMAND_H

#include <stdbool.h>

struct server_config;

/* Whether one of them was given. */
bool owners_command_given(const struct server_config *config);
/* Does it; returns the exit status. */
int owners_command(const struct server_config *config);

#endif
