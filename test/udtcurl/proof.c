#include "test/udtcurl/proof.h"
#include "proto/authorization.h"
#include "test/udtcurl/codes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t cap, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    vsnprintf(why, cap, fmt, list);
    va_end(list);
    return UC_KEY;
}

static int read_key(struct identity *out, int fd, const char *path, char *why, size_t cap)
{
    char text[2 * IDENTITY_TEXT_MAX];
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return refuse(why, cap, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return refuse(why, cap, "%s: is no regular file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return refuse(why, cap, "%s: others may use it: chmod 600 it", path);
    ssize_t len = read(fd, text, sizeof text);
    int err = len < 0 ? HX_ESYS : identity_parse(out, text, (size_t)len);
    explicit_bzero(text, sizeof text);
    if (err < 0)
        return refuse(why, cap, "%s: holds no key of a device, as `hx key --device FILE` makes it", path);
    return UC_OK;
}

int proof_read_key(struct identity *out, const char *path, char *why, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int code = read_key(out, fd, path, why, cap);
    if (fd >= 0)
        close(fd);
    return code;
}

int proof_write(struct buf *out, const struct identity *key, const char *nonce, const char *method,
                const char *target, const char *host)
{
    char message[AUTHORIZATION_MESSAGE_MAX], text[AUTHORIZATION_TEXT_MAX];
    struct authorization proof = {.key.kind = AUTHORIZATION_ED25519};
    ssize_t len = authorization_message(message, nonce, method, target, host);
    if (len < 0)
        return (int)len;
    memcpy(proof.key.bytes, key->public_key, sizeof key->public_key);
    int err = identity_sign(key, message, (size_t)len, proof.proof);
    if (err < 0)
        return err;
    authorization_format(text, &proof);
    return buf_printf(out, "Authorization: %s\r\n", text);
}
