/* client/tool/question.h: a question that is answered on the terminal with yes or no, while the loop runs. */
#ifndef HX_CLIENT_TOOL_QUESTION_H
#define HX_CLIENT_TOOL_QUESTION_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#define QUESTION_ANSWER_MAX 64 /* bytes of an answer */

struct question {
    struct ev_loop *loop;
    bool by_default; /* what an empty line says; the end of input is no yes */
    void (*answered)(void *user, bool yes);
    void *user;
    ev_io input;
    char answer[QUESTION_ANSWER_MAX];
    size_t len;
};

/* Can anybody be asked? */
bool question_possible(void);
/* The fields up to `user` are set. `text` is ours; "[Y/n]" is added. */
void question_ask(struct question *q, const char *text);
void question_end(struct question *q); /* zeroed is fine */

#endif
