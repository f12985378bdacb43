/* client/visit_store.h: where this process, and those after it, find the tickets of visits.h: in memory,
 * and in the file "visits" of a directory if there is one. Whatever is wrong with that file or its
 * directory, there is no ticket then, and a visit is one like the first. Safe from any thread; only
 * visit_store_use() and visit_store_flush() touch the file, which may take long: the engine's lock is not
 * held then. */
#ifndef HX_CLIENT_VISIT_STORE_H
#define HX_CLIENT_VISIT_STORE_H

#include "client/visits.h"

/* It is made when it is needed. The first that is named holds for the process; NULL names none. The file
 * is read, anew each time: what this process knows better stays as it is. */
void visit_store_use(const char *directory);
/* Writes what the file does not have. */
void visit_store_flush(void);
/* Likewise in a second, in a thread of its own: who has just met a peer has something to say to it. The
 * engine's lock is held. What has not been written when the library ends is left to visit_store_flush(). */
void visit_store_flush_later(void);
/* A ticket for a visit to this address, once. Returns its length; 0: there is none. */
size_t visit_store_take(const struct sockaddr *to, socklen_t len, uint8_t ticket[UDT_TICKET_MAX]);
void visit_store_keep(const struct sockaddr *to, socklen_t len, const uint8_t *ticket, size_t ticket_len);

#endif
