#include "client/report.h"
#include <string.h>

void report(const struct reporter *r, const struct hx_event_info *info, const struct endpoint *address)
{
    char text[ENDPOINT_TEXT_MAX] = "";
    if (!r->on_event)
        return;
    struct hx_event_info told = *info;
    if (address && endpoint_tunnelled(address))
        strcpy(text, HX_ADDRESS_TCP);
    else if (address)
        endpoint_format(address, text);
    told.address = text;
    told.name = told.name ? told.name : "";
    told.text = told.text ? told.text : "";
    r->on_event(r->user, &told);
}
