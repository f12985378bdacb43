/* client/binding_question.h: what a binding asks the nameserver for: a name (/bind), or a membership in a
 * session (/join), as its settings say. */
#ifndef HX_CLIENT_BINDING_QUESTION_H
#define HX_CLIENT_BINDING_QUESTION_H

#include "base/buf.h"
#include "client/settings.h"
#include "proto/peer_fields.h"

/* `id`: 32 hex digits, by which the nameserver knows that it is the same holder. request_write_bind()'s
 * errors. */
int binding_question_write(struct buf *out, const struct settings *s, const char *id,
                           const struct peer_fields *own);
/* What is told when the nameserver agrees. */
enum hx_event binding_question_agreed(const struct settings *s);

#endif
