/* client/tool/info_words.h: what hx info shows, for people and as JSON. All that a peer says is escaped. */
#ifndef HX_CLIENT_TOOL_INFO_WORDS_H
#define HX_CLIENT_TOOL_INFO_WORDS_H

#include "base/buf.h"
#include "client/hx.h"
#include <stdbool.h>

struct info_words {
    const char *name;
    struct hx_path path;
    int64_t rtt_us;                           /* the least; 0: not measured */
    int64_t found_ms;                         /* from the search's beginning to the path's being found */
    bool older;                               /* the peer's hx tells nothing of what follows */
    char version[64], label[HX_NAME_MAX + 1]; /* "": not said, none */
    char share[16], exec[16];                 /* as client/tool/info.h has them; "": none */
    bool echo, pipe;
    struct buf allow, listen; /* texts, each with its NUL */
};

void info_words_init(struct info_words *w, const char *name);
void info_words_free(struct info_words *w);
/* A line of client/tool/info.h. HX_ENOMEM. */
int info_words_take(struct info_words *w, const char *key, const char *value);
/* Appends it. HX_ETOOBIG, HX_ENOMEM. */
int info_words_print(const struct info_words *w, struct buf *out);
int info_words_json(const struct info_words *w, struct buf *out);

#endif
