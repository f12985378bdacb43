#include "client/tool/coming.h"
#include "client/files/beneath.h"
#include "client/files/walk.h"
#include "client/forward/say.h"
#include "client/tool/progress.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "3 files, 12.3 MB" */
static void count_text(char out[64], uint64_t files, int64_t bytes)
{
    char size[16];
    progress_bytes(size, (double)bytes);
    snprintf(out, 64, "%" PRIu64 " file%s, %s", files, files == 1 ? "" : "s", size);
}

/* What has that size and time is an earlier copy of it, which is compared, not replaced unseen. */
static bool would_replace(const struct coming *c, const struct file_entry *e)
{
    struct stat st;
    struct file_entry here;
    int fd = c->root < 0 ? -1 : beneath_open(c->root, e->path, O_PATH);
    if (fd < 0)
        return false; /* nothing is there, or nothing that can be replaced */
    bool found = fstat(fd, &st) == 0;
    close(fd);
    if (!found)
        return false;
    file_entry_from(&here, &st);
    return here.type == 'f' && (here.size != e->size || here.mtime_ns != e->mtime_ns);
}

/* A new name at the top. */
static void begin_top(struct coming *c, const char *name)
{
    snprintf(c->top, sizeof c->top, "%s", name);
    if (c->tops < COMING_SHOWN)
        memcpy(c->items[c->tops].name, c->top, sizeof c->top);
    else
        c->hidden += name[0] == '.';
    c->tops++;
}

bool coming_add(struct coming *c, const struct file_entry *e)
{
    char top[PATH_NAME_MAX + 1];
    if (!e) {
        *c = (struct coming){.root = c->root};
        return false;
    }
    size_t len = strcspn(e->path, "/");
    snprintf(top, sizeof top, "%.*s", (int)len, e->path);
    if (strcmp(top, c->top) != 0)
        begin_top(c, top);
    struct coming_item *item = c->tops <= COMING_SHOWN ? &c->items[c->tops - 1] : NULL;
    if (item && (e->type == 'd' || e->path[len] == '/'))
        item->directory = true;
    if (e->type != 'f')
        return false;
    c->files++;
    c->bytes += e->size;
    if (item) {
        item->files++;
        item->bytes += e->size;
    }
    if (!would_replace(c, e))
        return false;
    if (c->replaced++ < COMING_REPLACED)
        snprintf(c->replaced_names[c->replaced - 1], PATH_TEXT_MAX, "%s", e->path);
    return true;
}

static void say_item(const struct coming_item *item)
{
    char name[SAY_NAME_MAX], size[64];
    printable_name(name, sizeof name, item->name);
    if (item->directory)
        count_text(size, item->files, item->bytes);
    else
        progress_bytes(size, (double)item->bytes);
    say_always("  %s%s  %s", name, item->directory ? "/" : "", size);
}

void coming_say(const struct coming *c, const char *from)
{
    char all[64], name[SAY_NAME_MAX];
    count_text(all, c->files, c->bytes);
    say_always("%s offers %s:", from, all);
    for (uint64_t i = 0; i < c->tops && i < COMING_SHOWN; i++)
        say_item(&c->items[i]);
    if (c->tops > COMING_SHOWN && c->hidden > 0)
        say_always("  and %" PRIu64 " more, %" PRIu64 " of them hidden (they begin with '.')",
                   c->tops - COMING_SHOWN, c->hidden);
    else if (c->tops > COMING_SHOWN)
        say_always("  and %" PRIu64 " more", c->tops - COMING_SHOWN);
    if (c->replaced > 0)
        say_always("%" PRIu64 " of them would replace what is here with another size or time:", c->replaced);
    for (uint64_t i = 0; i < c->replaced && i < COMING_REPLACED; i++) {
        printable_name(name, sizeof name, c->replaced_names[i]);
        say_always("  %s", name);
    }
    if (c->replaced > COMING_REPLACED)
        say_always("  and %" PRIu64 " more", c->replaced - COMING_REPLACED);
    left_links_tell(&c->links, "");
}

void coming_from(char *out, size_t size, struct link *l)
{
    struct hx_path path = {.kind = ""};
    (void)link_path(l, &path);
    snprintf(out, size, "%s%s%s%s", path.address[0] ? path.address : "the sender", path.kind[0] ? " (" : "",
             path.kind, path.kind[0] ? ")" : "");
}
