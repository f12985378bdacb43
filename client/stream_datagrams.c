/* What the application sends and receives beside its stream. */
#include "client/datagrams.h"
#include "client/stream_parts.h"
#include <string.h>

/* The stream's mutex is held. Made on first use: who needs none pays nothing. */
static int ready(struct hx_stream *h)
{
    if (h->canceled)
        return HX_ECANCELED;
    if (h->datagrams)
        return HX_OK;
    if (h->gone || !h->s)
        return HX_ECLOSED;
    if (!h->channel->tls || !h->agent) /* nothing to seal them with, or a peer that does not know them */
        return HX_EINVAL;
    if (!h->channel->proven)
        return h->channel->error < 0 ? h->channel->error : HX_EAGAIN;
    return datagrams_create(&h->datagrams, h->channel->tls, h->connecting);
}

ssize_t hx_datagram_send(struct hx_stream *h, uint32_t flow, const void *data, size_t len)
{
    pthread_mutex_lock(&h->mutex);
    int err = ready(h);
    if (err == HX_OK && (h->gone || !h->agent))
        err = HX_ECLOSED;
    if (err == HX_OK)
        err = datagrams_send(h->datagrams, h->agent, flow, data, len);
    if (err == HX_OK)
        agent_wake(h->agent);
    pthread_mutex_unlock(&h->mutex);
    return err == HX_OK ? (ssize_t)len : err;
}

ssize_t hx_datagram_receive(struct hx_stream *h, uint32_t *flow, void *buf, size_t size)
{
    pthread_mutex_lock(&h->mutex);
    ssize_t got = ready(h);
    if (got == HX_OK)
        got = datagrams_receive(h->datagrams, flow, buf, size);
    if (got == HX_EAGAIN && h->gone)
        got = HX_ECLOSED;
    pthread_mutex_unlock(&h->mutex);
    return got;
}

int hx_datagram_counts_sized(struct hx_stream *h, struct hx_datagram_counts *out, size_t size)
{
    struct hx_datagram_counts counts = {0};
    pthread_mutex_lock(&h->mutex);
    if (h->datagrams)
        datagrams_counts(h->datagrams, &counts);
    pthread_mutex_unlock(&h->mutex);
    memset(out, 0, size);
    memcpy(out, &counts, size < sizeof counts ? size : sizeof counts);
    return HX_OK;
}

int hx_datagram_fd(struct hx_stream *h)
{
    pthread_mutex_lock(&h->mutex);
    int fd = ready(h);
    if (fd == HX_OK)
        fd = datagrams_fd(h->datagrams);
    pthread_mutex_unlock(&h->mutex);
    return fd;
}
