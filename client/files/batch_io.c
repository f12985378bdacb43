#include "client/files/batch_io.h"

int batch_io_init(struct batch_io *io)
{
    io->at = io->len = 0;
    buf_init(&io->out, 0); /* its owner writes it before it adds more than one thing's bytes */
    return batch_input_init(&io->in);
}

void batch_io_free(struct batch_io *io)
{
    batch_input_free(&io->in);
    buf_free(&io->out);
}

int batch_io_write(struct batch_io *io, struct mux_stream *s)
{
    while (io->out.len > 0) {
        ssize_t put = mux_stream_write(s, buf_data(&io->out), io->out.len);
        if (put <= 0)
            return put < 0 ? (int)put : HX_EAGAIN;
        buf_consume(&io->out, (size_t)put);
    }
    return HX_OK;
}

int batch_io_read(struct batch_io *io, struct mux_stream *s)
{
    for (;;) {
        const char *data = io->chunk + io->at;
        int err = batch_input_feed(&io->in, &data, &io->len);
        io->at = (size_t)(data - io->chunk);
        if (err != HX_EAGAIN)
            return err;
        ssize_t got = mux_stream_read(s, io->chunk, sizeof io->chunk);
        if (got == HX_EEOF)
            return batch_input_empty(&io->in) ? HX_EEOF : HX_EPROTO;
        if (got <= 0)
            return got < 0 ? (int)got : HX_EAGAIN;
        io->at = 0;
        io->len = (size_t)got;
    }
}

int batch_io_answer(struct batch_io *io, const struct batch_answer *a, const void *bytes)
{
    char line[BATCH_ANSWER_MAX + 1];
    int err = buf_append(&io->out, line, (size_t)batch_format_answer(line, a));
    return err == HX_OK && a->bytes > 0 ? buf_append(&io->out, bytes, (size_t)a->bytes) : err;
}
