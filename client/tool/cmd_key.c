/* hx key: makes, shows or stores the key that both hosts must have. */
#include "client/forward/say.h"
#include "client/hx.h"
#include "client/tool/keyfile.h"
#include "client/tool/program.h"
#include "client/tool/qr.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#define BLANKS       " \t\r\n"
#define INPUT_MAX    512 /* bytes of a key as it is given, with room for blanks */
#define KEY_LINE_MAX (HX_KEY_TEXT_MAX + ARGS_LABEL_MAX + 2) /* "KEY LABEL\n" */

static int failed(const char *error)
{
    say_error("%s", error);
    return STATUS_FAILED;
}

static int print_key(const char *key, bool qr)
{
    if (dprintf(STDOUT_FILENO, "%s\n", key) > 0)
        return !qr || qr_draw(key) ? STATUS_OK : STATUS_FAILED;
    say_error("cannot write to standard output: %s", strerror(errno));
    return STATUS_FAILED;
}

/* The first key of a keyring's text, and how many there are. */
static int first_key(char out[HX_KEY_TEXT_MAX], const char *text)
{
    struct keyfile_entry e;
    int count = 0;
    while (keyfile_next(&text, &e)) {
        if (count++ == 0)
            snprintf(out, HX_KEY_TEXT_MAX, "%.*s", (int)e.key_len, e.key);
    }
    return count;
}

static int show(const char *path, bool qr)
{
    char error[KEYFILE_ERROR_MAX];
    char key[HX_KEY_TEXT_MAX] = "";
    char *text = NULL;
    if (keyfile_read(&text, path, error) < 0)
        return failed(error);
    if (keyfile_check(text, path, error) < 0) {
        keyfile_wipe(text);
        return failed(error);
    }
    int count = first_key(key, text);
    keyfile_wipe(text);
    int status = print_key(key, qr);
    explicit_bzero(key, sizeof key);
    say_note("the key in '%s'%s; on the other host: hx key --set", path,
             count > 1 ? ", the first one: hx connect uses it" : "");
    return status;
}

/* Input until its end, or the end of a line of a terminal. False: interrupted, too long, or errno. */
static bool read_input(char out[INPUT_MAX], bool terminal)
{
    size_t len = 0;
    while (len < INPUT_MAX - 1) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = interrupt_fd(), .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return false;
        if (fds[1].revents) {
            errno = EINTR;
            return false;
        }
        ssize_t got = fds[0].revents ? read(STDIN_FILENO, out + len, INPUT_MAX - 1 - len) : 0;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        len += got > 0 ? (size_t)got : 0;
        out[len] = '\0';
        if ((fds[0].revents && got == 0) || (terminal && strchr(out, '\n')))
            return true;
    }
    errno = E2BIG;
    return false;
}

/* From a terminal as a password is: nobody reads it there later. */
static bool ask(char out[INPUT_MAX])
{
    struct termios before;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        struct termios silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        silent.c_lflag |= ECHONL;
        /* First silence, then the question: what is typed in between would be shown, and thrown away. */
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        (void)!write(STDERR_FILENO, "Key (not shown): ", strlen("Key (not shown): "));
    }
    bool good = read_input(out, terminal);
    int error = errno;
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    errno = error;
    return good;
}

/* One key, without a label. */
static bool read_key(char key[HX_KEY_TEXT_MAX])
{
    char input[INPUT_MAX] = "";
    int line;
    bool good = ask(input);
    const char *word = input + strspn(input, BLANKS);
    size_t len = strcspn(word, BLANKS);
    if (!good) {
        say_error("no key came from standard input: %s", errno == E2BIG ? "too much text" : strerror(errno));
    } else if (word[len + strspn(word + len, BLANKS)] != '\0') {
        say_error("give one key alone, as `hx key` shows it on the other host; --label LABEL names it");
        good = false;
    } else {
        snprintf(key, HX_KEY_TEXT_MAX, "%.*s", (int)len, word);
        good = len < HX_KEY_TEXT_MAX && hx_keys_check(key, &line) == HX_OK;
        if (!good)
            say_error("that is no key, or mistyped: `hx key` on the other host shows it");
    }
    explicit_bzero(input, sizeof input);
    return good;
}

/* Case and dashes do not matter within a key. */
static bool same_key(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "-");
        b += strspn(b, "-");
        if (strncasecmp(a, b, 1) != 0)
            return false;
        if (*a == '\0')
            return true;
    }
}

/* There is a file already: fine if it begins with the same key. */
static int keep(const char *path, const char *key)
{
    char error[KEYFILE_ERROR_MAX];
    char first[HX_KEY_TEXT_MAX] = "";
    char *text = NULL;
    if (keyfile_read(&text, path, error) < 0)
        return failed(error);
    first_key(first, text);
    keyfile_wipe(text);
    bool same = same_key(first, key);
    explicit_bzero(first, sizeof first);
    if (same) {
        say_note("'%s' has this key already", path);
        return STATUS_OK;
    }
    say_error(
        "'%s' holds another key: remove it first, or add this one with --label LABEL for hx bind to let "
        "in, too",
        path);
    return STATUS_FAILED;
}

static int store(const char *path, const char *key, const char *label)
{
    char error[KEYFILE_ERROR_MAX];
    char line[KEY_LINE_MAX];
    snprintf(line, sizeof line, "%s%s%s\n", key, label ? " " : "", label ? label : "");
    int err = label ? keyfile_append(path, line, error) : keyfile_create(path, line, error);
    explicit_bzero(line, sizeof line);
    if (err == HX_ECONFLICT)
        return keep(path, key);
    if (err < 0)
        return failed(error);
    say_note("the key is stored in '%s'", path);
    return STATUS_OK;
}

static int make(const char *path, const char *label, bool qr)
{
    char key[HX_KEY_TEXT_MAX];
    int err = hx_key_generate(key);
    if (err < 0) {
        say_error("cannot make a key: %s", hx_strerror(err));
        return STATUS_FAILED;
    }
    int status = store(path, key, label);
    if (status == STATUS_OK)
        status = print_key(key, qr);
    explicit_bzero(key, sizeof key);
    if (status == STATUS_OK)
        say_note("on the other host: hx key --set, then paste that line; nobody else must have it");
    return status;
}

int cmd_key(const struct args *args)
{
    char path[PATH_MAX];
    char error[KEYFILE_ERROR_MAX];
    char key[HX_KEY_TEXT_MAX];
    if (args->device || args->auth)
        return cmd_key_device(args);
    if (keyfile_path(path, args, error) < 0)
        return failed(error);
    if (!args->set)
        return !args->label && access(path, F_OK) == 0 ? show(path, args->qr)
                                                       : make(path, args->label, args->qr);
    keyfile_guard();
    int status = read_key(key) ? store(path, key, args->label) : STATUS_FAILED;
    explicit_bzero(key, sizeof key);
    return status;
}
