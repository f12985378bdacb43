#include "client/report.h"
#include <string.h>

size_t report_address(const struct endpoint *e, char text[ENDPOINT_TEXT_MAX])
{
    if (!endpoint_tunnelled(e))
        return endpoint_format(e, text);
    strcpy(text, HX_ADDRESS_TCP);
    return strlen(text);
}

void report(const struct reporter *r, const struct hx_event_info *info, const struct endpoint *address)
{
    char text[ENDPOINT_TEXT_MAX] = "";
    if (!r->on_event)
        return;
    struct hx_event_info told = *info;
    if (address)
        report_address(address, text);
    told.address = text;
    told.name = told.name ? told.name : "";
    told.text = told.text ? told.text : "";
    r->on_event(r->user, &told);
}
