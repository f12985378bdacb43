#include "client/tool/keyfile.h"
#include "base/write_aside.h"
#include "client/tool/xdg.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN  "%.300s" /* of a path in an error */
#define BLANKS " \t\r"

static int __attribute__((format(printf, 3, 4)))
fail(int err, char error[KEYFILE_ERROR_MAX], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(error, KEYFILE_ERROR_MAX, format, values);
    va_end(values);
    return err;
}

static int fail_system(char error[KEYFILE_ERROR_MAX], const char *what, const char *path)
{
    return fail(HX_ESYS, error, "cannot %s '" SHOWN "': %s", what, path, strerror(errno));
}

/* Keys shall not be found in core dumps. RLIMIT_CORE alone does not stop a kernel that pipes them to a
 * program (core(5)); PR_SET_DUMPABLE does, and forbids ptrace() by other processes of the same user. */
void keyfile_guard(void)
{
    static const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void keyfile_wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

/* Without $HOME nothing is guessed: a key in the wrong place is worse than a question. */
int keyfile_path(char out[PATH_MAX], const struct args *a, char error[KEYFILE_ERROR_MAX])
{
    int err = HX_OK;
    if (!a->key_file)
        err = xdg_config_file(out, "key");
    else if (snprintf(out, PATH_MAX, "%s", a->key_file) >= PATH_MAX)
        err = HX_ETOOBIG;
    if (err == HX_ENOTFOUND)
        return fail(HX_EINVAL, error, "where is the key? Set HOME, or give %s FILE",
                    a->command == ARGS_KEY ? "--file" : "--key-file");
    if (err < 0 || out[0] == '\0')
        return fail(HX_EINVAL, error, "the key's file name is empty or too long");
    return HX_OK;
}

/* As ssh does it: a key that others can read is none. */
static int check_file(const struct stat *st, const char *path, char error[KEYFILE_ERROR_MAX])
{
    if (!S_ISREG(st->st_mode))
        return fail(HX_EINVAL, error, "'" SHOWN "' is no regular file: put the key into one", path);
    if (st->st_mode & (S_IRWXG | S_IRWXO))
        return fail(HX_EINVAL, error,
                    "others may use the key in '" SHOWN "' (mode %03o): chmod 600 it, and make a new key "
                    "if others were here",
                    path, (unsigned)(st->st_mode & 07777));
    if (st->st_size > KEYFILE_TEXT_MAX)
        return fail(HX_EINVAL, error, "'" SHOWN "' has more than %d bytes: that is no file of keys", path,
                    KEYFILE_TEXT_MAX);
    return HX_OK;
}

/* Up to `cap` bytes. */
static ssize_t read_all(int fd, char *out, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, out + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static int read_text(char **out, int fd, const char *path, char error[KEYFILE_ERROR_MAX])
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fail_system(error, "look at", path);
    int err = check_file(&st, path, error);
    if (err < 0)
        return err;
    char *text = calloc(1, (size_t)st.st_size + 1);
    if (!text)
        return fail_system(error, "read", path);
    ssize_t len = read_all(fd, text, (size_t)st.st_size);
    if (len < 0)
        err = fail_system(error, "read", path);
    else if (strlen(text) != (size_t)len)
        err = fail(HX_EINVAL, error, "'" SHOWN "' is no text: that is no file of keys", path);
    if (err < 0) {
        explicit_bzero(text, (size_t)st.st_size);
        free(text);
        return err;
    }
    *out = text;
    return HX_OK;
}

int keyfile_read(char **out, const char *path, char error[KEYFILE_ERROR_MAX])
{
    keyfile_guard();
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO's open() would wait */
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return fail(HX_ENOTFOUND, error, "there is no file '" SHOWN "'", path);
    if (fd < 0)
        return fail_system(error, "open", path);
    int err = read_text(out, fd, path, error);
    close(fd);
    return err;
}

/* The words that the kernel gave us are wiped as well: /proc/PID/environ shows them. */
static char *from_environment(void)
{
    char *value = getenv("HX_KEY");
    if (!value || value[0] == '\0')
        return NULL;
    keyfile_guard();
    char *text = strdup(value);
    explicit_bzero(value, strlen(value));
    unsetenv("HX_KEY");
    return text;
}

int keyfile_check(const char *text, const char *from, char error[KEYFILE_ERROR_MAX])
{
    int line = 0;
    int err = hx_keys_check(text, &line);
    if (err == HX_EINVAL)
        return fail(err, error, SHOWN ", line %d: no key, or mistyped; lines are KEY [LABEL]", from, line);
    if (err == HX_ENOTFOUND)
        return fail(err, error, SHOWN " holds no key: remove it, then `hx key` makes one", from);
    if (err < 0)
        return fail(err, error, SHOWN ": %s", from, hx_strerror(err));
    return HX_OK;
}

bool keyfile_next(const char **at, struct keyfile_entry *out)
{
    while (**at) {
        const char *word = *at + strspn(*at, BLANKS);
        size_t len = strcspn(word, BLANKS "\n");
        const char *label = word + len + strspn(word + len, BLANKS);
        *out = (struct keyfile_entry){word, label, len, strcspn(label, BLANKS "\n")};
        *at = label + strcspn(label, "\n");
        *at += **at == '\n';
        if (len > 0 && *word != '#')
            return true;
    }
    return false;
}

char *keyfile_load(const struct args *a, char error[KEYFILE_ERROR_MAX])
{
    char path[PATH_MAX] = "$HX_KEY";
    char *text = a->key_file ? NULL : from_environment();
    int err = HX_OK;
    if (!text && keyfile_path(path, a, error) < 0)
        return NULL;
    if (!text)
        err = keyfile_read(&text, path, error);
    if (err == HX_ENOTFOUND && !a->key_file)
        fail(err, error, "there is no key yet: `hx key` makes one, `hx key --set` takes the other host's");
    if (text && keyfile_check(text, path, error) < 0) {
        keyfile_wipe(text);
        text = NULL;
    }
    return text;
}

/* `before` and `text` into a new file next to `path`: its name goes to `temporary`. */
static int write_new(char temporary[PATH_MAX], const char *path, const char *before, const char *text,
                     char error[KEYFILE_ERROR_MAX])
{
    struct iovec pieces[] = {{(void *)before, strlen(before)}, {(void *)text, strlen(text)}};
    if (write_aside(temporary, path, pieces, 2, true))
        return HX_OK;
    if (errno == ENAMETOOLONG)
        return fail(HX_EINVAL, error, "the key's file name is too long");
    return fail_system(error, "write", temporary);
}

int keyfile_create(const char *path, const char *text, char error[KEYFILE_ERROR_MAX])
{
    char temporary[PATH_MAX];
    keyfile_guard();
    if (!write_aside_parents(path, temporary))
        return fail_system(error, "make the directory", temporary);
    int err = write_new(temporary, path, "", text, error);
    if (err < 0)
        return err;
    if (link(temporary, path) < 0) /* unlike rename() it replaces nothing */
        err = errno == EEXIST ? fail(HX_ECONFLICT, error, "'" SHOWN "' exists", path)
                              : fail_system(error, "make", path);
    unlink(temporary);
    return err;
}

static int append_locked(const char *path, const char *line, char error[KEYFILE_ERROR_MAX])
{
    char temporary[PATH_MAX];
    char *text = NULL;
    int err = keyfile_read(&text, path, error);
    if (!text)
        return err;
    size_t len = strlen(text);
    if (len + strlen(line) + 1 > KEYFILE_TEXT_MAX) {
        keyfile_wipe(text);
        return fail(HX_EINVAL, error, "'" SHOWN "' is full: remove keys from it", path);
    }
    char *added = NULL;
    if (asprintf(&added, "%s%s", len > 0 && text[len - 1] != '\n' ? "\n" : "", line) < 0)
        err = fail_system(error, "write", path);
    else
        err = write_new(temporary, path, text, added, error);
    keyfile_wipe(text);
    if (added)
        keyfile_wipe(added);
    if (err == HX_OK && rename(temporary, path) < 0) {
        err = fail_system(error, "replace", path);
        unlink(temporary);
    }
    return err;
}

int keyfile_append(const char *path, const char *line, char error[KEYFILE_ERROR_MAX])
{
    char real[PATH_MAX];
    char above[PATH_MAX];
    int err = keyfile_create(path, line, error);
    if (err != HX_ECONFLICT)
        return err;
    if (!realpath(path, real)) /* what a symbolic link points to is replaced, not the link */
        return fail_system(error, "find", path);
    snprintf(above, sizeof above, "%s", real);
    strrchr(above, '/')[1] = '\0';
    int lock = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* two that append at once: both are kept */
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        err = fail_system(error, "lock", above);
    else
        err = append_locked(real, line, error);
    if (lock >= 0)
        close(lock);
    return err;
}
