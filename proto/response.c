#include "proto/response.h"

#include "base/buf.h"
#include "base/error.h"
#include "proto/attempt_report.h"
#include "proto/multipart.h"
#include <string.h>

const char *response_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {414, "URI Too Long"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

int response_write_stream_head(struct buf *out, const struct endpoint *external, bool takes_reports,
                               bool chunked, const char *headers)
{
    char address[ENDPOINT_TEXT_MAX];

    endpoint_format(external, address);
    return buf_printf(out,
                      "HTTP/1.1 200 OK\r\n"
                      "Content-Type: multipart/x-mixed-replace;boundary=" MULTIPART_BOUNDARY "\r\n"
                      "%s"
                      "External-Address: %s\r\n"
                      "%s%s"
                      "\r\n",
                      chunked ? "Transfer-Encoding: chunked\r\n" : "Connection: close\r\n", address,
                      takes_reports ? "Report: " ATTEMPT_REPORT_WHERE "\r\n" : "", headers);
}

int response_write_text(struct buf *out, const struct response_text *r)
{
    return buf_printf(out,
                      "HTTP/1.1 %d %s\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Length: %zu\r\n"
                      "%s%s"
                      "\r\n"
                      "%s%s",
                      r->status, response_reason(r->status), strlen(r->body) + strlen("\r\n"),
                      r->headers ? r->headers : "", r->close ? "Connection: close\r\n" : "",
                      r->head_only ? "" : r->body, r->head_only ? "" : "\r\n");
}
