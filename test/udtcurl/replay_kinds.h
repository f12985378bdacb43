/* test/udtcurl/replay_kinds.h: what of a nameserver's answer is another one each time: addresses and
 * ports, random numbers, lengths. Two lines are alike if the rest is the same, and such things are of one
 * kind. Pure. */
#ifndef HX_UDTCURL_REPLAY_KINDS_H
#define HX_UDTCURL_REPLAY_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#define KINDS_ID_MAX 33 /* a session's ID, with its NUL */

bool kinds_alike(const char *a, size_t a_len, const char *b, size_t b_len);
/* The ID of a "Session: ID KEY" line; false: it is none. */
bool kinds_session(char id[KINDS_ID_MAX], const char *line, size_t len);
/* The nonce of a line that has one (proto/authorization.h), into nonce[cap]. */
bool kinds_nonce(char *nonce, size_t cap, const char *line, size_t len);

#endif
