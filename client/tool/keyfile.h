/* client/tool/keyfile.h: where the keys of this host are kept: $HX_KEY or a file of mode 0600. A keyring is a
 * text of lines `KEY [LABEL]`; libhx reads it. Before the first key comes into memory, core dumps and other
 * processes' ptrace() are turned off for this process. */
#ifndef HX_CLIENT_TOOL_KEYFILE_H
#define HX_CLIENT_TOOL_KEYFILE_H

#include "client/tool/args.h"
#include <limits.h>

#define KEYFILE_ERROR_MAX 512
#define KEYFILE_TEXT_MAX  65536 /* bytes; KEYRING_MAX keys without long labels have room */

/* The keyring's text: of --key-file, else of $HX_KEY (which is wiped from the environment: children do not
 * inherit it), else of the default file. To be given to keyfile_wipe(). NULL: `error` says what is wrong and
 * what to do, in one line. Call it before there are threads that use the environment. */
char *keyfile_load(const struct args *a, char error[KEYFILE_ERROR_MAX]);
void keyfile_wipe(char *text); /* and frees it; NULL is fine */
/* Turns off core dumps and ptrace(), as the functions below do: before a key comes from elsewhere. */
void keyfile_guard(void);

/* What is on one line of a keyring's text. */
struct keyfile_entry {
    const char *key, *label;
    size_t key_len, label_len; /* the latter 0: it has none */
};
/* The next key from *at on, which moves behind it; false: there is none. Of a text that keyfile_check()
 * takes. */
bool keyfile_next(const char **at, struct keyfile_entry *out);

/* --file or --key-file, else $XDG_CONFIG_HOME/hx/key, else ~/.config/hx/key. HX_EINVAL: no home, or too long;
 * `error` says so. */
int keyfile_path(char out[PATH_MAX], const struct args *a, char error[KEYFILE_ERROR_MAX]);
/* *out as keyfile_load(). HX_ENOTFOUND: there is no such file. HX_ESYS; HX_EINVAL: others can read it, it is
 * no regular file, too large or no text. `error` says all of these. */
int keyfile_read(char **out, const char *path, char error[KEYFILE_ERROR_MAX]);
/* Whether `text` is a keyring; else `error` names its line in `from`, and says what to do. HX_OK or an
 * error. */
int keyfile_check(const char *text, const char *from, char error[KEYFILE_ERROR_MAX]);
/* Makes the file, and its directories (mode 0700), with `text` in it, whole or not at all. HX_ECONFLICT: it
 * exists, and stays as it is. HX_ESYS, HX_EINVAL. */
int keyfile_create(const char *path, const char *text, char error[KEYFILE_ERROR_MAX]);
/* Adds `line` to the file, or makes it, whole or not at all. As keyfile_create(). */
int keyfile_append(const char *path, const char *line, char error[KEYFILE_ERROR_MAX]);

#endif
