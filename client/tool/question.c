#include "client/tool/question.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool question_possible(void)
{
    return isatty(STDIN_FILENO);
}

void question_end(struct question *q)
{
    if (q->loop)
        ev_io_stop(q->loop, &q->input);
}

static void on_input(struct ev_loop *loop, ev_io *w, int revents)
{
    struct question *q = w->data;
    (void)loop;
    (void)revents;
    ssize_t got = read(STDIN_FILENO, q->answer + q->len, sizeof q->answer - 1 - q->len);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    q->len += got > 0 ? (size_t)got : 0;
    q->answer[q->len] = '\0';
    if (got > 0 && !strchr(q->answer, '\n') && q->len < sizeof q->answer - 1)
        return; /* a terminal gives whole lines, mostly */
    char first = q->answer[strspn(q->answer, " \t")];
    question_end(q);
    q->answered(q->user, first == 'y' || first == 'Y' || (first == '\n' && q->by_default));
}

void question_ask(struct question *q, const char *text)
{
    dprintf(STDERR_FILENO, "%s %s ", text, q->by_default ? "[Y/n]" : "[y/N]");
    q->len = 0;
    ev_io_init(&q->input, on_input, STDIN_FILENO, EV_READ);
    q->input.data = q;
    ev_io_start(q->loop, &q->input);
}
