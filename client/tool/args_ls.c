/* The command line of hx ls. */
#include "client/tool/args_parts.h"
#include <stdio.h>

enum args_result args_ls_option(struct reading *r, int option, bool *taken)
{
    struct args *a = r->args;
    *taken = true;
    switch (option) {
    case '1': /* for the habit of ls(1)'s users */
    case 'A':
    case 'a':
        break;
    case 'l':
        a->details = true;
        break;
    case 'h':
    case OPTION_HUMAN:
        a->human = true;
        break;
    case 't':
    case 'S': /* the last one counts, as with ls(1) */
        a->order = (char)option;
        break;
    case 'r':
    case OPTION_REVERSE:
        a->reverse = true;
        break;
    case 'R':
        a->recursive = true;
        break;
    case 'd':
        a->directory = true;
        break;
    default:
        *taken = false;
        break;
    }
    return ARGS_BIND;
}

/* A NAME alone is what it shares. */
enum args_result args_ls_operand(struct reading *r, const char *word)
{
    struct args *a = r->args;
    const char *path = args_remote_path(word);
    a->remote = path ? path : "";
    if (!path)
        return ARGS_BIND;
    snprintf(a->peer, sizeof a->peer, "%.*s", (int)(path - word) - 1, word);
    a->name = a->peer;
    return ARGS_BIND;
}
