#include "client/files/path.h"
#include "base/hex.h"
#include "base/percent.h"
#include "secure/digest.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART_INFIX    ".hx-part-"
#define PART_ID_BYTES 8
#define PART_KEEP     200 /* bytes of the name that a part's name shows: the rest has room below 255 */

static int check_component(const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
        return HX_EINVAL;
    return len > PATH_NAME_MAX ? HX_ETOOBIG : HX_OK;
}

int path_check(const char *path)
{
    int depth = 0;
    if (path[0] == '\0')
        return HX_OK;
    if (strnlen(path, PATH_TEXT_MAX) == PATH_TEXT_MAX)
        return HX_ETOOBIG;
    for (const char *at = path;; at++) {
        size_t len = strcspn(at, "/");
        int err = check_component(at, len);
        if (err < 0)
            return err;
        if (++depth > PATH_DEPTH_MAX)
            return HX_ETOOBIG;
        at += len;
        if (*at == '\0')
            return HX_OK;
    }
}

int path_clean(char out[PATH_TEXT_MAX], const char *written, bool *slash)
{
    size_t n = 0;
    if (written[0] == '/')
        return HX_EINVAL;
    *slash = false;
    for (const char *at = written; *at;) {
        size_t len = strcspn(at, "/");
        bool here = len == 0 || (len == 1 && at[0] == '.');
        if (!here && n + len + 2 > PATH_TEXT_MAX)
            return HX_ETOOBIG;
        if (!here && n > 0)
            out[n++] = '/';
        if (!here)
            memcpy(out + n, at, len);
        n += here ? 0 : len;
        at += len;
        *slash = *at == '/' || here;
        at += *at == '/';
    }
    out[n] = '\0';
    return path_check(out);
}

int path_decode(char out[PATH_TEXT_MAX], const char *encoded, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)encoded[i];
        if (byte == '%') {
            byte = percent_byte(encoded + i, len - i);
            if (byte == '/')
                byte = -1;
            i += 2;
        } else if (byte <= ' ' || byte >= 0x7f || byte == '?' || byte == '#') { /* RFC 3986, 3.3 */
            byte = -1;
        }
        if (byte < 0)
            return HX_EINVAL;
        if (n == PATH_TEXT_MAX - 1)
            return HX_ETOOBIG;
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return path_check(out);
}

int path_encode(char out[PATH_ENCODED_MAX + 1], const char *path)
{
    return (int)percent_encode(out, PATH_ENCODED_MAX + 1, path, "/");
}

int path_written_leaf(char out[PATH_NAME_MAX + 1], const char *written)
{
    size_t end = strlen(written);
    while (end > 0 && written[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && written[begin - 1] != '/')
        begin--;
    if (end - begin > PATH_NAME_MAX)
        return HX_ETOOBIG;
    memcpy(out, written + begin, end - begin);
    out[end - begin] = '\0';
    if (strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
        out[0] = '\0';
    return HX_OK;
}

int path_join(char out[PATH_TEXT_MAX], const char *directory, const char *name)
{
    size_t before = strlen(directory);
    size_t len = strlen(name);
    size_t slash = before > 0 && len > 0;
    if (before + slash + len >= PATH_TEXT_MAX)
        return HX_ETOOBIG;
    if (out != directory)
        memcpy(out, directory, before + 1);
    if (slash)
        out[before] = '/';
    memcpy(out + before + slash, name, len + 1);
    return HX_OK;
}

const char *path_leaf(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *path_split(char directory[PATH_TEXT_MAX], const char *path)
{
    const char *leaf = path_leaf(path);
    size_t len = leaf == path ? 0 : (size_t)(leaf - path) - 1;
    memcpy(directory, path, len);
    directory[len] = '\0';
    return leaf;
}

int path_part_name(char out[PATH_NAME_MAX + 1], const char *name, int64_t size, int64_t mtime_ns)
{
    char id[PATH_NAME_MAX + 64];
    uint8_t sum[DIGEST_BYTES];
    struct digest d;
    int len = snprintf(id, sizeof id, "%" PRId64 " %" PRId64 " %s", size, mtime_ns, name);
    int err = digest_init(&d);
    if (err < 0)
        return err;
    digest_update(&d, id, (size_t)len);
    err = digest_final(&d, sum);
    digest_free(&d);
    int n = snprintf(out, PATH_NAME_MAX + 1, ".%.*s" PART_INFIX, PART_KEEP, name);
    hex_write(out + n, sum, PART_ID_BYTES);
    return err;
}

bool path_is_part(const char *name)
{
    size_t tail = strlen(PART_INFIX) + 2 * PART_ID_BYTES;
    size_t len = strlen(name);
    if (name[0] != '.' || len <= tail)
        return false;
    const char *at = name + len - tail;
    return strncmp(at, PART_INFIX, strlen(PART_INFIX)) == 0 &&
           strspn(at + strlen(PART_INFIX), HEX_DIGITS) == 2 * PART_ID_BYTES;
}
