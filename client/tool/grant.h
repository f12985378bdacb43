/* client/tool/grant.h: hx bind --key-label LABEL:WHAT,WHAT...: what those may do who come with a key of that
 * label. */
#ifndef HX_CLIENT_TOOL_GRANT_H
#define HX_CLIENT_TOOL_GRANT_H

#include "client/hx.h"
#include <stdbool.h>

#define GRANT_TEXT_MAX  1024
#define GRANT_WHATS_MAX 64
#define GRANT_ERROR_MAX 256

enum grant_kind { GRANT_ALLOW, GRANT_ALLOW_LISTEN, GRANT_SHARE, GRANT_EXEC, GRANT_ECHO };

struct grant {
    char text[GRANT_TEXT_MAX]; /* what the others point into */
    const char *label;
    struct {
        enum grant_kind kind;
        const char *value; /* NULL: it takes none */
    } whats[GRANT_WHATS_MAX];
    int count;
};

/* HX_OK; HX_EINVAL: `error` says why, in one line. Do not copy *out. */
int grant_parse(struct grant *out, const char *text, char error[GRANT_ERROR_MAX]);
/* Whether `keys`, a keyring's text, has a key with that label. */
bool grant_is_label_of(const char *label, const char *keys);

#endif
