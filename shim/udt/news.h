/* shim/udt/news.h: what there is to tell of a connection, and who is told of it by UDT's worker itself. */
#ifndef HX_SHIM_UDT_NEWS_H
#define HX_SHIM_UDT_NEWS_H

#include <stdbool.h>

enum tap_news {
    TAP_READABLE = 1,  /* UDT has bytes for the application, or the peer's direction has ended */
    TAP_WRITABLE = 2,  /* the peer has acknowledged something; or there is room that was wanted (unsent.h) */
    TAP_CLOSED = 4,    /* the peer's shutdown has come */
    TAP_HANDSHAKE = 8, /* a connecting socket took a packet: its state may have changed */
    TAP_REFUSED = 16,  /* a connecting socket was refused; UDT has not been told */
    TAP_HALF_CLOSED = 32, /* the peer's application has read everything */
    TAP_TICKET = 128,     /* the listener has given a ticket */
    TAP_ACCEPT = 64       /* instead of an id: how many more connections accept() has */
};

#define NEWS_WATCHED (unsigned)(TAP_READABLE | TAP_WRITABLE) /* only these are for a watcher */

struct udt_watch {
    /* On a thread of UDT's, no lock held. False: not now, the port's descriptor shall tell. */
    bool (*tell)(void *context, unsigned news); /* NULL: nobody is told */
    void *context;
};

#endif
