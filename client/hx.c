/* The calls of hx.h that belong to no handle. */
#include "client/api.h"
#include "client/engine.h"
#include "client/nameserver.h"
#include "client/portmap.h"
#include "client/visit_store.h"
#include "proto/authorization.h"
#include "proto/endpoint.h"
#include "proto/host_id.h"
#include "secure/identity.h"
#include "secure/key.h"
#include <string.h>

_Static_assert(HX_NAME_MAX == HOST_ID_MAX, "hx.h and proto/host_id.h agree");
_Static_assert(HX_ADDRESS_MAX == ENDPOINT_TEXT_MAX, "hx.h and proto/endpoint.h agree");
_Static_assert(HX_KEY_TEXT_MAX == KEY_TEXT_MAX, "hx.h and secure/key.h agree");
_Static_assert(HX_KEY_TEXT_MAX >= IDENTITY_TEXT_MAX && HX_KEY_TEXT_MAX >= AUTHORIZATION_KEY_TEXT_MAX,
               "it holds those of devices, too");
_Static_assert(HX_DEFAULT_PORT == UDT_DEFAULT_PORT, "hx.h and shim/udt/udt.h agree");

#define REPORTS_MS 250 /* for the last ones to arrive at the nameserver */

void hx_cleanup(void)
{
    nameserver_await_left(REPORTS_MS);
    engine_end(); /* while it waits for peers, the router hears that it may forget */
    portmap_await_end(PORTMAP_GIVE_BACK_MS);
    visit_store_flush();
}

int hx_key_generate(char text[HX_KEY_TEXT_MAX])
{
    return key_generate(text);
}

int hx_keys_check(const char *text, int *line)
{
    struct keyring ring;
    int err = keyring_parse(&ring, text, strlen(text), line);
    keyring_free(&ring);
    return err;
}

int hx_device_key_generate(char text[HX_KEY_TEXT_MAX])
{
    struct identity made;
    int err = identity_generate(&made);
    if (err == HX_OK)
        identity_write(text, &made);
    identity_wipe(&made);
    return err;
}

int hx_device_key_public(char text[HX_KEY_TEXT_MAX], const char *device_key)
{
    struct authorization_key key = {.kind = AUTHORIZATION_ED25519};
    struct identity read;
    int err = identity_parse(&read, device_key, strlen(device_key));
    if (err < 0)
        return err;
    memcpy(key.bytes, read.public_key, sizeof read.public_key);
    identity_wipe(&read);
    authorization_key_format(text, &key);
    return HX_OK;
}

const char *hx_strerror(int error)
{
    return hx_error_text(error);
}

const char *hx_version(void)
{
    return HX_VERSION;
}
