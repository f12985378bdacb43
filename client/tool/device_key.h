/* client/tool/device_key.h: the key that this device has for itself: ~/.config/hx/device.key, of mode
 * 0600. It proves to a nameserver who asks. */
#ifndef HX_CLIENT_TOOL_DEVICE_KEY_H
#define HX_CLIENT_TOOL_DEVICE_KEY_H

#include "client/tool/args.h"
#include "client/tool/keyfile.h"
#include <stdbool.h>

/* `file`, or where it is by default. HX_EINVAL: no home, or too long; `error` says so. */
int device_key_path(char out[PATH_MAX], const char *file, char error[KEYFILE_ERROR_MAX]);
/* Its text, for keyfile_wipe(), and the public half of it. HX_ENOTFOUND: there is no such file; else as
 * keyfile_read(), or it holds no such key; `error` says which. */
int device_key_read(char **out, char public_key[HX_KEY_TEXT_MAX], const char *path,
                    char error[KEYFILE_ERROR_MAX]);
/* Of a command that reaches others: args->device_key, and that of args->from. None is fine, unless
 * --device-key names it. False: what is wrong was told. */
bool device_keys_load(struct args *args);
/* When the library has ended: threads of it that hang may still read them, so they stay allocated. */
void device_keys_wipe(struct args *args);

#endif
