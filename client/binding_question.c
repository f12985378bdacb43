#include "client/binding_question.h"
#include "proto/request.h"
#include <stdio.h>

int binding_question_write(struct buf *out, const struct settings *s, const char *id,
                           const struct peer_fields *own)
{
    char header[sizeof "Bind-Session: \r\n" + SESSION_ID_TEXT_MAX];
    snprintf(header, sizeof header, "%s-Session: %s\r\n", s->expect > 0 ? "Join" : "Bind", id);
    return s->expect > 0 ? request_write_join(out, s->name, s->expect, s->own_name, header, own)
                         : request_write_bind(out, s->name, header, own);
}

enum hx_event binding_question_agreed(const struct settings *s)
{
    return s->expect > 0 ? HX_EVENT_JOINED : HX_EVENT_BOUND;
}
