/* client/tool/left_links.h: the symbolic links that a copy leaves out, of which one line tells in the end. */
#ifndef HX_CLIENT_TOOL_LEFT_LINKS_H
#define HX_CLIENT_TOOL_LEFT_LINKS_H

#include "client/forward/say.h"
#include <stddef.h>

#define LEFT_LINKS_SHOWN 3

struct left_links { /* zeroed: none */
    size_t count;
    char names[LEFT_LINKS_SHOWN][SAY_NAME_MAX]; /* of the first ones, for a terminal */
};

void left_links_add(struct left_links *l, const char *path);
/* `why`: what stands behind "left out". Nothing if there are none. */
void left_links_tell(const struct left_links *l, const char *why);

#endif
