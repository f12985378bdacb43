/* client/files/choice.h: which entries of a tree are left out by hx cp --exclude. Pure. */
#ifndef HX_CLIENT_FILES_CHOICE_H
#define HX_CLIENT_FILES_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

struct choice {                  /* zeroed: nothing is left out */
    const char *const *excludes; /* patterns of fnmatch(3) */
    size_t count;
};

/* `path`, or a directory that it is in, matches: a pattern without '/' the last name, another one the path
 * from the top of the tree on. One with '/' at its end matches as without. */
bool choice_excludes(const struct choice *c, const char *path);

#endif
