#include "base/error.h"

const char *hx_error_text(int err)
{
    switch (err) {
    case HX_OK:
        return "success";
#define HX_ERROR_CASE(name, value, text) \
    case HX_##name:                      \
        return text;
        HX_ERROR_MAP(HX_ERROR_CASE)
#undef HX_ERROR_CASE
    default:
        return "unknown error";
    }
}
