/* example NAMESERVER NAME TEXT: sends TEXT to whoever holds NAME, and prints the answer. */
#include <hx.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct hx_stream *stream;
    struct hx_config config = {.nameserver = argc == 4 ? argv[1] : "localhost"};
    int err = argc == 4 ? hx_connect(&stream, &config, argv[2], 15000) : HX_EINVAL;
    if (err == HX_OK) {
        char answer[4096];
        ssize_t got = hx_write(stream, argv[3], strlen(argv[3]), -1);
        if (got > 0 && hx_shutdown(stream) == HX_OK)
            while ((got = hx_read(stream, answer, sizeof answer, -1)) > 0)
                fwrite(answer, 1, (size_t)got, stdout);
        err = got < 0 ? (int)got : HX_OK;
        int arrived = hx_close(stream);
        err = err < 0 ? err : arrived;
    }
    if (err < 0)
        fprintf(stderr, "example: %s\n", hx_strerror(err));
    hx_cleanup();
    return err == HX_OK ? 0 : 1;
}
