#include "client/files/glob.h"
#include "client/files/links.h"
#include "client/files/walk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_A_WORK 16 /* of glob_match() */

struct level {
    DIR *dir;
    size_t path_len;     /* of its own path in glob.path */
    const char *pattern; /* of the names in it, and what stands behind that */
};

struct glob {
    int root;
    enum reach reach;
    bool directories, links;
    bool named; /* what has the pattern's very name is to be told first, and alone */
    size_t matches, work, turn;
    int depth;
    struct level levels[PATH_DEPTH_MAX];
    char pattern[PATH_TEXT_MAX], path[PATH_TEXT_MAX], target[PATH_TEXT_MAX];
};

/* What is at g->path. */
static bool examine(struct glob *g, struct file_entry *e)
{
    struct stat st;
    memset(e, 0, sizeof *e);
    if (beneath_stat(g->root, g->path, &st, g->reach) < 0 && link_read(g->root, g->path, g->target, &st) < 0)
        return false;
    file_entry_from(e, &st);
    if (g->links && S_ISLNK(st.st_mode)) {
        e->type = 'l';
        e->target = g->target;
    }
    e->path = g->path;
    return g->path[0] && (!g->directories || e->type == 'd');
}

/* What is in the directory at g->path is next. One that cannot be read has nothing that matches. */
static void enter(struct glob *g, const char *pattern)
{
    struct level *l = &g->levels[g->depth];
    int fd = beneath_reach(g->root, g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, g->reach);
    if (fd < 0)
        return;
    *l = (struct level){.dir = fdopendir(fd), .path_len = strlen(g->path), .pattern = pattern};
    if (l->dir)
        g->depth++;
    else
        close(fd);
}

/* The name that a part of a pattern without '*' and the like means. */
static void unquote(char out[PATH_NAME_MAX + 1], const char *pattern, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < PATH_NAME_MAX; i++) {
        if (pattern[i] == '\\' && i + 1 < len)
            i++;
        out[n++] = pattern[i];
    }
    out[n] = '\0';
}

static bool is_special(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (pattern[i] == '\\')
            i++;
        else if (strchr("*?[", pattern[i]))
            return true;
    }
    return false;
}

/* From g->path on, by what is left of the pattern. True: *e is at its end. */
static bool descend(struct glob *g, const char *pattern, struct file_entry *e)
{
    char name[PATH_NAME_MAX + 1];
    while (*pattern) {
        size_t len = strcspn(pattern, "/");
        if (is_special(pattern, len)) {
            enter(g, pattern);
            return false;
        }
        unquote(name, pattern, len);
        if (path_join(g->path, g->path, name) < 0)
            return false;
        pattern += len + (pattern[len] == '/');
    }
    g->work++;
    return path_check(g->path) == HX_OK && !path_is_part(path_leaf(g->path)) && examine(g, e);
}

/* The next name in the innermost directory. */
static bool look(struct glob *g, struct file_entry *e)
{
    struct level *l = &g->levels[g->depth - 1];
    size_t len = strcspn(l->pattern, "/");
    size_t steps = 0;
    const struct dirent *found = readdir(l->dir);
    if (!found) {
        closedir(l->dir);
        g->depth--;
        return false;
    }
    bool matches = glob_match(l->pattern, len, found->d_name, &steps) && strcmp(found->d_name, ".") != 0 &&
                   strcmp(found->d_name, "..") != 0;
    g->work += 1 + steps / STEPS_A_WORK;
    g->path[l->path_len] = '\0';
    if (!matches || path_join(g->path, g->path, found->d_name) < 0)
        return false;
    const char *rest = l->pattern + len + (l->pattern[len] == '/');
    return descend(g, rest, e);
}

int glob_next(struct glob *g, struct file_entry *e)
{
    size_t until = g->work + GLOB_WORK_TURN;
    bool found = false;
    if (g->matches >= GLOB_MATCHES_MAX || g->work >= GLOB_WORK_MAX)
        return HX_ELIMIT;
    if (g->matches == 0 && g->work == 0) {
        memcpy(g->path, g->pattern, sizeof g->path);
        g->work = 1;
        g->named = examine(g, e);
        if (!g->named)
            g->path[0] = '\0';
        found = g->named || descend(g, g->pattern, e);
    }
    while (!found && g->depth > 0 && g->work < until)
        found = look(g, e);
    g->matches += found;
    return found ? HX_OK : g->depth > 0 ? HX_EAGAIN : HX_EEOF;
}

int glob_create(struct glob **out, int root, const char *pattern, enum reach reach, bool directories)
{
    struct glob *g = calloc(1, sizeof *g);
    if (!g)
        return HX_ENOMEM;
    g->root = root;
    g->reach = reach;
    g->directories = directories;
    memcpy(g->pattern, pattern, strlen(pattern) + 1);
    *out = g;
    return HX_OK;
}

void glob_copies_links(struct glob *g)
{
    g->links = true;
}

void glob_destroy(struct glob *g)
{
    if (!g)
        return;
    while (g->depth > 0)
        closedir(g->levels[--g->depth].dir);
    free(g);
}
