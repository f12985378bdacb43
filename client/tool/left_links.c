#include "client/tool/left_links.h"
#include <stdio.h>

void left_links_add(struct left_links *l, const char *path)
{
    if (l->count < LEFT_LINKS_SHOWN)
        printable_name(l->names[l->count], SAY_NAME_MAX, path);
    l->count++;
}

void left_links_tell(const struct left_links *l, const char *why)
{
    char names[LEFT_LINKS_SHOWN * (SAY_NAME_MAX + 2)] = "";
    size_t len = 0;
    for (size_t i = 0; i < l->count && i < LEFT_LINKS_SHOWN; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "", l->names[i]);
    if (l->count > 0)
        say_always("%zu symbolic link%s left out%s: %s%s", l->count, l->count == 1 ? "" : "s", why, names,
                   l->count > LEFT_LINKS_SHOWN ? ", ..." : "");
}
