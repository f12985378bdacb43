/* proto/transcript_secrets.h: where a stream of requests or answers has secrets: the KEY of a Session, what a
 * holder is known by (Bind-Session, Join-Session), and what proves who asks (Authorization,
 * Proxy-Authorization). A state machine over bytes. */
#ifndef HX_PROTO_TRANSCRIPT_SECRETS_H
#define HX_PROTO_TRANSCRIPT_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#define SECRETS_WORD_MAX 24 /* longer than every name that is looked for */

struct secrets_seen { /* of one direction, private; zeroed: at the beginning of a line */
    int place;
    bool quoted, escaped;
    char word[SECRETS_WORD_MAX]; /* in small letters, without a NUL */
    size_t word_len;
};

/* Takes the next byte; true: it is of a secret. Line ends and the blanks and quotes around one never are. */
bool secrets_take(struct secrets_seen *s, char byte);

#endif
