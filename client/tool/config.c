#include "client/tool/config.h"
#include "base/error.h"
#include "client/tool/xdg.h"
#include "proto/host_id.h"
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 198 /* inih keeps 200 with the line's end, and would take the rest for another line */
#define WORD_MAX_BYTES 49  /* as long as inih keeps the name of a section or an option */
#define BLANKS         " \t\r\n\f\v"

struct reading {
    struct config *config;
    FILE *file;
    config_told told;
    void *user;
    int line;
    int err;
};

static void bad(struct reading *r, const char *what)
{
    r->told(r->user, r->line, what);
    r->err = HX_EINVAL;
}

bool config_path(char out[PATH_MAX])
{
    return xdg_config_file(out, "config") == HX_OK;
}

static const char *section_fault(const char *text)
{
    size_t len = strcspn(text + 1, "]");
    if (text[1 + len] != ']')
        return "a section is [NAME], or [*] for all names";
    if (len > WORD_MAX_BYTES)
        return "the names of sections have 49 bytes at most; [*] is for all names";
    if (!host_id_valid(text + 1, len))
        return "a section is [NAME], and that is no name; or [*] for all names";
    if (text[2 + len + strspn(text + 2 + len, BLANKS)] != '\0')
        return "something stands behind the section";
    return NULL;
}

/* inih would cut a command at its " ;". */
static const char *option_fault(const char *text)
{
    size_t key = strcspn(text, "=:");
    if (text[key] == '\0')
        return "not of the form OPTION = VALUE";
    if (key > WORD_MAX_BYTES)
        return "no such option";
    for (const char *semicolon = strchr(text, ';'); semicolon; semicolon = strchr(semicolon + 1, ';')) {
        if (semicolon > text && strchr(BLANKS, semicolon[-1]))
            return "a ';' behind a blank begins a comment: give comments their own line, commands a script";
    }
    return NULL;
}

/* What is wrong with it, as inih cuts or joins such lines without a word; NULL: nothing. */
static const char *fault(const char *text)
{
    if (*text == '\0' || *text == '#' || *text == ';')
        return NULL;
    return *text == '[' ? section_fault(text) : option_fault(text);
}

static void skip_rest(FILE *f)
{
    for (int c = fgetc(f); c != EOF && c != '\n';)
        c = fgetc(f);
}

/* inih calls this for each line. A line that is indented is one like others, and continues none; a bad one
 * is an empty one to it, so that the next ones are still looked at. */
static char *read_line(char *text, int cap, void *user)
{
    struct reading *r = user;
    const char *why = NULL;
    if (!fgets(text, cap, r->file))
        return NULL;
    r->line++;
    size_t len = strlen(text);
    if (len > LINE_MAX_BYTES && text[len - 1] != '\n') {
        why = "the line has more than 198 bytes";
        skip_rest(r->file);
    }
    size_t indent = strspn(text, BLANKS);
    memmove(text, text + indent, len - indent + 1);
    if (!why)
        why = fault(text);
    if (why) {
        bad(r, why);
        strcpy(text, "\n");
    }
    return text;
}

/* As a shell does it for the command line. */
static char *expand(const char *value)
{
    const char *home = getenv("HOME");
    char *out;
    if (strncmp(value, "~/", 2) != 0 || !home)
        return strdup(value);
    return asprintf(&out, "%s%s", home, value + 1) < 0 ? NULL : out;
}

static int take_line(void *user, const char *section, const char *key, const char *value)
{
    struct reading *r = user;
    struct config *c = r->config;
    if (section[0] == '\0')
        bad(r, "options stand in a section: put [NAME], or [*] for all names, before it");
    else if (c->count == CONFIG_LINES_MAX)
        bad(r, "that is one line too many");
    if (section[0] == '\0' || c->count == CONFIG_LINES_MAX)
        return 1;
    struct config_line *line = &c->lines[c->count++];
    *line = (struct config_line){strdup(section), strdup(key), expand(value), r->line};
    if (!line->section || !line->key || !line->value) {
        bad(r, "out of memory");
        r->err = HX_ENOMEM;
    }
    return 1;
}

static int check_file(int fd, config_told told, void *user)
{
    struct stat st;
    const char *why = NULL;
    if (fstat(fd, &st) < 0)
        why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        why = "is no regular file";
    else if (st.st_uid != 0 && st.st_uid != geteuid())
        why = "belongs to somebody else, who could have this host offer anything: make your own";
    else if (st.st_mode & (S_IWGRP | S_IWOTH))
        why = "others may write to it, and have this host offer anything: chmod go-w it";
    if (why)
        told(user, 0, why);
    return why ? HX_EINVAL : HX_OK;
}

static int read_file(struct config *out, FILE *f, config_told told, void *user)
{
    struct reading r = {.config = out, .file = f, .told = told, .user = user};
    out->lines = calloc(CONFIG_LINES_MAX, sizeof *out->lines);
    if (!out->lines) {
        told(user, 0, "out of memory");
        return HX_ENOMEM;
    }
    (void)ini_parse_stream(read_line, &r, take_line, &r); /* read_line() has seen what it would complain of */
    if (ferror(f) && r.err == HX_OK) {
        r.line = 0;
        bad(&r, strerror(errno));
    }
    return r.err;
}

int config_read(struct config *out, const char *path, config_told told, void *user)
{
    *out = (struct config){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO's open() would wait */
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return HX_ENOTFOUND;
    if (fd < 0) {
        told(user, 0, strerror(errno));
        return HX_ESYS;
    }
    int err = check_file(fd, told, user);
    FILE *f = err == HX_OK ? fdopen(fd, "r") : NULL;
    if (!f) {
        if (err == HX_OK)
            told(user, 0, strerror(errno));
        close(fd);
        return err == HX_OK ? HX_ESYS : err;
    }
    err = read_file(out, f, told, user);
    fclose(f);
    return err;
}

void config_wipe(struct config *c)
{
    for (int i = 0; i < c->count; i++) {
        free(c->lines[i].section);
        free(c->lines[i].key);
        free(c->lines[i].value);
    }
    free(c->lines);
    *c = (struct config){0};
}
