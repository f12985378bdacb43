#include "proto/address.h"

static enum address_class class_of_ipv4(const uint8_t a[4])
{
    if (a[0] == 0 || a[0] == 127 || a[0] >= 224) /* RFC 6890 */
        return ADDRESS_UNUSABLE;
    if (a[0] == 169 && a[1] == 254)
        return ADDRESS_UNUSABLE;
    if (a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
        (a[0] == 100 && (a[1] & 0xc0) == 64))
        return ADDRESS_PRIVATE;
    return ADDRESS_GLOBAL;
}

/* RFC 4291, 2.4: what is unicast and leaves its link is in 2000::/3, or local to a site. */
static enum address_class class_of_ipv6(const uint8_t a[16])
{
    if ((a[0] & 0xfe) == 0xfc)
        return ADDRESS_PRIVATE;
    return (a[0] & 0xe0) == 0x20 ? ADDRESS_GLOBAL : ADDRESS_UNUSABLE;
}

enum address_class address_class(const struct endpoint *e)
{
    if (e->family == AF_INET)
        return class_of_ipv4(e->address);
    return e->family == AF_INET6 ? class_of_ipv6(e->address) : ADDRESS_UNUSABLE;
}

bool address_is_near(const struct endpoint *e)
{
    if (e->family == AF_INET)
        return address_class(e) != ADDRESS_GLOBAL;
    return address_class(e) == ADDRESS_PRIVATE || endpoint_link_local(e);
}
