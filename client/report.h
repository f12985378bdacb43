/* client/report.h: progress, told to whoever asked for it in hx_config. */
#ifndef HX_CLIENT_REPORT_H
#define HX_CLIENT_REPORT_H

#include "client/api.h"
#include "proto/endpoint.h"

struct reporter {
    void (*on_event)(void *user, const struct hx_event_info *info); /* may be NULL */
    void *user;
};

/* Tells *info; NULL strings become "". `address` may be NULL, else its text goes to info->address. */
void report(const struct reporter *r, const struct hx_event_info *info, const struct endpoint *address);

/* An address as people are told it: "ip:port", or HX_ADDRESS_TCP for one that stands for a tunnel.
 * Returns its length. */
size_t report_address(const struct endpoint *e, char text[ENDPOINT_TEXT_MAX]);

#endif
