/* proto/membership.h: what a part of /join says of the member that it is about, as two of its fields:
 *
 *   Members: HERE/EXPECT   so many are in the session, the reader counted; so many the reader expects
 *   Member: WORD           what there is to tell of it: one of those below
 *
 * No I/O, no allocation. */
#ifndef HX_PROTO_MEMBERSHIP_H
#define HX_PROTO_MEMBERSHIP_H

#include <stddef.h>

#define MEMBERS_MAX 64 /* in one session, and what may be expected */
#define MEMBERS_MIN 2  /* that may be expected */

enum member_event {
    MEMBER_UNTOLD, /* no part of /join, or a word that is not known: there is nothing to do about it */
    MEMBER_SELF,   /* the reader itself: the first part of all */
    MEMBER_HERE,   /* was in the session before the reader */
    MEMBER_JOINED, /* has come */
    MEMBER_MOVED,  /* is the same one, with another address or other candidates */
    MEMBER_LEFT,   /* has gone; the address is its last one */
    MEMBER_WAITED, /* the reader itself, again: the time of its Prefer: wait is over, and some are missing */
    MEMBER_EVENTS
};

struct membership { /* zeroed: nothing is told */
    enum member_event event;
    int here, expect; /* 1 to MEMBERS_MAX, MEMBERS_MIN to MEMBERS_MAX; 0: not told */
};

#define MEMBERSHIP_TEXT_MAX (sizeof "Members: 64/64\r\nMember: waited\r\n")

/* Takes the field if it is a Members or a Member; what is neither, malformed, or the second one is
 * ignored. */
void membership_read(struct membership *m, const char *name, const char *value);
/* Writes the two lines, each with its CRLF, and the NUL. m->event is not MEMBER_UNTOLD. */
void membership_format(const struct membership *m, char text[MEMBERSHIP_TEXT_MAX]);
const char *member_event_text(enum member_event event); /* MEMBER_UNTOLD: "" */

#endif
