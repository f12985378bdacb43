#include "proto/host_id.h"

#include "base/error.h"
#include "base/percent.h"
#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* tchar (RFC 9110, 5.6.2), or '@' */
static bool is_host_id_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~@", c));
}

bool host_id_valid(const char *name, size_t len)
{
    if (len == 0 || len > HOST_ID_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_host_id_char(name[i]))
            return false;
    return true;
}

int host_id_encode(const char *name, char *out, size_t cap)
{
    if (!host_id_valid(name, strnlen(name, HOST_ID_MAX + 1)))
        return HX_EINVAL;
    return (int)percent_encode(out, cap, name, "");
}
