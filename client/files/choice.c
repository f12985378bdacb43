#include "client/files/choice.h"
#include "client/files/path.h"
#include <fnmatch.h>
#include <string.h>

static bool matches(const char *pattern, const char *path)
{
    char plain[PATH_TEXT_MAX];
    size_t len = strlen(pattern);
    while (len > 1 && pattern[len - 1] == '/')
        len--;
    if (len >= sizeof plain)
        return false;
    memcpy(plain, pattern, len);
    plain[len] = '\0';
    if (!strchr(plain, '/'))
        return fnmatch(plain, path_leaf(path), 0) == 0;
    return fnmatch(plain + (plain[0] == '/'), path, FNM_PATHNAME) == 0;
}

bool choice_excludes(const struct choice *c, const char *path)
{
    char above[PATH_TEXT_MAX];
    if (c->count == 0 || path[0] == '\0')
        return false;
    for (const char *end = path;; end++) {
        end += strcspn(end, "/");
        memcpy(above, path, (size_t)(end - path));
        above[end - path] = '\0';
        for (size_t i = 0; i < c->count; i++)
            if (matches(c->excludes[i], above))
                return true;
        if (*end == '\0')
            return false;
    }
}
