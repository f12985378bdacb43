#include "secure/tls_io.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OUT_SIZE (TLS_IO_FILL + 16384 + 1024) /* the record that passes the mark, and alerts behind it */

static BIO_METHOD *method; /* one for the process */
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int io_read(BIO *b, char *buf, int len)
{
    struct tls_io *io = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (len <= 0 || io->in_error < 0)
        return 0;
    ssize_t got = io->transport.read(io->transport.user, buf, (size_t)len);
    if (got == HX_EAGAIN)
        BIO_set_retry_read(b);
    else if (got < 0)
        io->in_error = (int)got;
    return got > 0 ? (int)got : -1;
}

static int io_write(BIO *b, const char *data, int len)
{
    struct tls_io *io = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (len <= 0 || io->out_error < 0)
        return len; /* nobody will see it */
    if (!io->out && !(io->out = malloc(OUT_SIZE)))
        io->out_error = HX_ENOMEM;
    if (io->out_error < 0)
        return -1;
    if ((size_t)len > OUT_SIZE - io->len) {
        BIO_set_retry_write(b);
        return -1;
    }
    if ((size_t)len > OUT_SIZE - io->start - io->len) {
        memmove(io->out, io->out + io->start, io->len);
        io->start = 0;
    }
    memcpy(io->out + io->start + io->len, data, (size_t)len);
    io->len += (size_t)len;
    return len;
}

static long io_ctrl(BIO *b, int command, long number, void *pointer)
{
    struct tls_io *io = BIO_get_data(b);
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return io->in_error == HX_EEOF;
    return command == BIO_CTRL_FLUSH; /* when to flush is tls.c's to say */
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hx transport");
    if (!method)
        return;
    BIO_meth_set_read(method, io_read);
    BIO_meth_set_write(method, io_write);
    BIO_meth_set_ctrl(method, io_ctrl);
}

BIO *tls_io_bio(struct tls_io *io)
{
    pthread_once(&method_once, make_method);
    BIO *b = method ? BIO_new(method) : NULL;
    if (!b)
        return NULL;
    BIO_set_data(b, io);
    BIO_set_init(b, 1);
    return b;
}

int tls_io_flush(struct tls_io *io)
{
    while (io->len > 0 && io->out_error == HX_OK) {
        ssize_t put = io->transport.write(io->transport.user, io->out + io->start, io->len);
        if (put == HX_EAGAIN)
            return HX_EAGAIN;
        if (put < 0) {
            io->out_error = (int)put;
            break;
        }
        io->start += (size_t)put;
        io->len -= (size_t)put;
    }
    io->start = io->len = 0;
    return io->out_error;
}

void tls_io_free(struct tls_io *io)
{
    free(io->out);
}
