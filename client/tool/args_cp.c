/* The command line of hx cp. */
#include "client/tool/args_parts.h"
#include "client/tool/options.h"
#include "proto/host_id.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum args_result take_exclude(struct reading *r)
{
    if (r->args->exclude_count == ARGS_EXCLUDES_MAX)
        return args_usage(r, "--exclude can be given %d times at most", ARGS_EXCLUDES_MAX);
    r->args->excludes[r->args->exclude_count++] = optarg;
    return ARGS_BIND;
}

static enum args_result take_links(struct reading *r, int links)
{
    if (r->args->links != 0 && r->args->links != links)
        return args_usage(r, "-L and -P (-a) contradict each other");
    r->args->links = links;
    return ARGS_BIND;
}

enum args_result args_cp_option(struct reading *r, int option, bool *taken)
{
    struct args *a = r->args;
    *taken = true;
    switch (option) {
    case 'r': /* for the habit of cp's and scp's users */
    case 'R':
    case 'f':
    case 'p':
        return ARGS_BIND;
    case 'a':
    case OPTION_ARCHIVE:
    case 'P':
        return take_links(r, 'P');
    case 'L':
    case OPTION_DEREFERENCE:
        return take_links(r, 'L');
    case 'n':
    case OPTION_NO_CLOBBER:
        a->no_clobber = true;
        return ARGS_BIND;
    case 'u':
        a->update = true;
        return ARGS_BIND;
    case OPTION_DRY_RUN:
        a->dry_run = true;
        return ARGS_BIND;
    case OPTION_EXCLUDE:
        return take_exclude(r);
    default:
        *taken = false;
        return ARGS_BIND;
    }
}

const char *args_remote_path(const char *word)
{
    const char *colon = strchr(word, ':');
    if (!colon || !host_id_valid(word, (size_t)(colon - word))) /* no name has a '/' */
        return NULL;
    return colon + 1;
}

/* How long the NAME of "NAME:PATH" is, 0 of a local path. */
static int peer_length(const char *word)
{
    const char *path = args_remote_path(word);
    return path ? (int)(path - word) - 1 : 0;
}

/* From one peer to another one. Its options are the same until the file says what is of its NAME. */
static void take_from(struct args *a, const char *word)
{
    static struct args from;
    from = *a;
    snprintf(from.peer, sizeof from.peer, "%.*s", peer_length(word), word);
    from.name = from.peer;
    a->from = &from;
}

/* All sources are with the peer of the first one, or all are here. */
static enum args_result check_sources(struct reading *r, bool up, const char *peer, int len)
{
    const struct args *a = r->args;
    for (int i = 0; i < a->source_count; i++) {
        const char *source = a->sources[i];
        int its = peer_length(source);
        if (!up && its == 0)
            return args_usage(r, "'%.80s' is here, and so is '%.80s': use cp", source, a->target);
        if (its == 0 && len > 0)
            return args_usage(r, "'%.80s' is here, and '%.80s' with a peer: one command for each", source,
                              peer);
        if (its != len || strncmp(source, peer, (size_t)len) != 0)
            return args_usage(r, "'%.80s' and '%.80s' are with different peers: one command for each", peer,
                              source);
    }
    return ARGS_BIND;
}

/* Here is no file, but what is read or written as it comes: /dev/null, <(COMMAND), a FIFO. */
static bool is_pipe(const char *word)
{
    struct stat st;
    return peer_length(word) == 0 && stat(word, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode));
}

/* "-" is standard input or output, and nothing else beside it. One pipe alone is as good. */
static enum args_result stream_operands(struct reading *r, char **words, int count)
{
    struct args *a = r->args;
    const char *target = words[count - 1];
    bool output = strcmp(target, "-") == 0;
    bool input = false;
    for (int i = 0; i < count - 1; i++)
        input = input || strcmp(words[i], "-") == 0;
    if (!input && !output && count == 2 && (is_pipe(words[0]) || is_pipe(target))) {
        output = is_pipe(target);
        input = !output;
        a->pipe = input ? words[0] : target;
    }
    if (!input && !output)
        return ARGS_BIND;
    if (count > 2)
        return args_usage(r, "'-' is standard %s, and nothing else beside it: write ./- for a file",
                          output ? "output, which takes one file" : "input");
    const char *path = args_remote_path(input ? target : words[0]);
    size_t len = path ? strlen(path) : 0;
    if (path && (len == 0 || path[len - 1] == '/') && input && a->pipe)
        return args_usage(r, "what '%.80s' gives has no name: say which file it shall be, NAME:PATH",
                          a->pipe);
    if (path && (len == 0 || path[len - 1] == '/'))
        return args_usage(r, input ? "standard input has no name: say which file it shall be, NAME:PATH"
                                   : "which file? One alone goes to standard output");
    const char *odd = a->update                 ? "-u"
                      : a->dry_run              ? "--dry-run"
                      : a->exclude_count > 0    ? "--exclude"
                      : a->json && output       ? "--json"
                      : a->no_clobber && output ? "-n"
                                                : NULL;
    if (odd)
        return args_usage(r, "%s has no meaning with '%.80s': leave out one of them", odd,
                          a->pipe ? a->pipe : "-");
    a->stream = input ? 'i' : 'o';
    return ARGS_BIND;
}

enum args_result args_cp_operands(struct reading *r, char **words, int count)
{
    struct args *a = r->args;
    if (count < 2)
        return args_usage(r, "copy what, and where to? hx cp NAME:PATH... DST, or hx cp SRC... NAME:PATH");
    enum args_result result = stream_operands(r, words, count);
    if (result != ARGS_BIND)
        return result;
    a->sources = words;
    a->source_count = count - 1;
    a->target = words[count - 1];
    bool up = peer_length(a->target) > 0;
    const char *peer = up ? a->target : words[0];
    int len = peer_length(peer);
    if (len == 0)
        return args_usage(r, "which peer? '%.80s' or '%.80s' must be NAME:PATH", words[0], a->target);
    result = check_sources(r, up, words[0], peer_length(words[0]));
    if (result != ARGS_BIND)
        return result;
    snprintf(a->peer, sizeof a->peer, "%.*s", len, peer);
    a->name = a->peer;
    if (up && peer_length(words[0]) > 0)
        take_from(a, words[0]);
    return ARGS_BIND;
}
