/* server/transcript_addresses.h: the bytes of a stream as a transcript may show them: with peers' addresses cut
 * as those in the log are (--log-addresses). Pure. */
#ifndef HX_SERVER_TRANSCRIPT_ADDRESSES_H
#define HX_SERVER_TRANSCRIPT_ADDRESSES_H

#include "base/buf.h"
#include "server/log_address.h"

#define TRANSCRIPT_NO_ADDRESS "0.0.0.0:0" /* stands for one that is not shown */

/* The last bytes of one direction that may be the beginning of an address: they wait for what follows. Zeroed
 * at first. */
struct transcript_tail {
    size_t len;
    char text[ENDPOINT_TEXT_MAX];
};

/* Appends data[0..len), behind what has waited, with each IP address in it, with or without a port, as it may be
 * shown. `data` NULL: that was all, and nothing waits. HX_OK, or an error of buf_append(). */
int transcript_addresses(struct buf *out, struct transcript_tail *tail, enum log_addresses shown,
                         const void *data, size_t len);

#endif
