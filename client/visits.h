/* client/visits.h: the tickets that nameservers have given for the next visit (shim/udt/udt.h), one for each
 * address. No I/O. As text each is a line "IP:PORT HEX", in digits of either case; what is none is
 * passed over. */
#ifndef HX_CLIENT_VISITS_H
#define HX_CLIENT_VISITS_H

#include "proto/endpoint.h"
#include "shim/udt/udt.h"

#define VISITS_MAX      64
#define VISITS_LINE_MAX (ENDPOINT_TEXT_MAX + 2 * UDT_TICKET_MAX + 2)
#define VISITS_TEXT_MAX (VISITS_MAX * VISITS_LINE_MAX)

struct visit {
    struct endpoint at;
    size_t ticket_len; /* 0: it is used up */
    uint8_t ticket[UDT_TICKET_MAX];
};

struct visits { /* zeroed: none; the latest last */
    int count;
    struct visit list[VISITS_MAX];
};

/* In place of what was known of this address; where there are too many the oldest is forgotten. */
void visits_put(struct visits *v, const struct visit *visit);
/* NULL: there is none. */
struct visit *visits_find(struct visits *v, const struct endpoint *at);
/* Puts what the lines say. */
void visits_read(struct visits *v, const char *text, size_t len);
/* Returns the length. */
size_t visits_write(const struct visits *v, char text[VISITS_TEXT_MAX]);

#endif
