/* UPnP: what a gateway may say, as the answer to a search, as a description, and as the answer to an action.
 * No URL leads to another address than its own, and nothing in one ends a line or a word of what we send. */
#include "base/error.h"
#include "client/upnp.h"
#include "test/fuzz/fuzz.h"

static const struct endpoint gateway = {AF_INET, 1, {192, 168, 1, 1}};

static void check_url(const struct upnp_url *url)
{
    FUZZ_CHECK(endpoint_same_host(&url->at, &gateway) && url->at.port != 0);
    FUZZ_CHECK(url->path[0] == '/' && memchr(url->path, '\0', sizeof url->path));
    for (const char *c = url->path; *c; c++)
        FUZZ_CHECK(*c > ' ' && *c <= '~');
}

static void check_line(const struct buf *b, size_t blanks)
{
    const char *text = buf_data(b), *end = memchr(text, '\r', b->len);
    FUZZ_CHECK(end && end[1] == '\n');
    for (const char *c = text; c < end; c++)
        blanks -= *c == ' ';
    FUZZ_CHECK(blanks == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const struct upnp_argument none[] = {{NULL, NULL}};
    struct upnp_url url, from = {.at = gateway, .path = "/d"};
    struct upnp_service service;
    char value[UPNP_VALUE_MAX];
    struct buf out;
    buf_init(&out, 0);
    if (upnp_read_search(&url, text, size, &gateway) == HX_OK) {
        check_url(&url);
        FUZZ_CHECK(upnp_write_get(&out, &url) == HX_OK);
        check_line(&out, 2);
        buf_free(&out);
    }
    if (upnp_read_description(&service, text, size, &from) == HX_OK) {
        check_url(&service.control);
        FUZZ_CHECK(strlen(service.type) < UPNP_TYPE_MAX);
        FUZZ_CHECK(upnp_write_action(&out, &service, "GetExternalIPAddress", none) == HX_OK);
        check_line(&out, 2);
        buf_free(&out);
    }
    if (upnp_read_value(text, size, "NewExternalIPAddress", value))
        FUZZ_CHECK(strlen(value) < UPNP_VALUE_MAX);
    if (upnp_read_value(text, size, "errorCode", value))
        FUZZ_CHECK(strlen(value) < UPNP_VALUE_MAX);
    return 0;
}
