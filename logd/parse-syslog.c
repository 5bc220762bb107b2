/* RFC 3164 datagrams as libc's syslog(3) and logger(1) send them to /dev/log. */
#include "logd/record.h"

size_t syslog_prefix(const char *s, size_t len, int *ret_priority)
{
        size_t i = 1;
        int v = 0;

        if (len < 3 || s[0] != '<')
                return 0;
        for (; i < len && i <= 3 && s[i] >= '0' && s[i] <= '9'; i++)
                v = v * 10 + (s[i] - '0');
        if (i == 1 || i >= len || s[i] != '>' || v > 191)
                return 0;
        *ret_priority = v;
        return i + 1;
}

/* "Oct 11 22:14:15 ": its length, or 0. */
static size_t date_length(const char *s, size_t len)
{
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        static const char shape[] = "    d hh:mm:ss ";
        bool month = false;

        if (len < 16)
                return 0;
        for (size_t i = 0; i < sizeof(months) - 1; i += 3)
                month |= memcmp(s, months + i, 3) == 0;
        if (!month || s[3] != ' ' || (s[4] != ' ' && (s[4] < '0' || s[4] > '9')))
                return 0;
        for (size_t i = 5; i < 16; i++) {
                char c = s[i], want = shape[i - 1];

                if (want == ' ' || want == ':') {
                        if (c != want)
                                return 0;
                } else if (c < '0' || c > '9')
                        return 0;
        }
        return 16;
}

/* "tag[123]: " or "tag: " at the beginning. How many bytes it has. */
static size_t parse_tag(const char *s, size_t len, struct span *ret_tag, uint32_t *ret_pid)
{
        size_t i = 0, tag_end, end;
        uint64_t pid = 0;

        while (i < len && i < 128 && (unsigned char)s[i] > ' ' && s[i] != ':' && s[i] != '[')
                i++;
        tag_end = i;
        if (tag_end == 0)
                return 0;
        if (i < len && s[i] == '[') {
                for (i++; i < len && s[i] >= '0' && s[i] <= '9' && pid < UINT32_MAX; i++)
                        pid = pid * 10 + (s[i] - '0');
                if (i >= len || s[i] != ']')
                        return 0;
                i++;
        }
        if (i >= len || s[i] != ':')
                return 0;
        end = i + 1;
        if (end < len && s[end] == ' ')
                end++;
        *ret_tag = (struct span) { s, tag_end };
        if (pid > 0 && pid < UINT32_MAX)
                *ret_pid = pid;
        return end;
}

void syslog_parse(const char *data, size_t len, struct record *r, uint32_t *ret_syslog_pid)
{
        int priority;
        size_t n;

        while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == 0 || data[len - 1] == ' '))
                len--;
        n = syslog_prefix(data, len, &priority);
        if (n > 0) {
                r->priority = priority & 7;
                r->facility = priority >> 3;
                data += n;
                len -= n;
        }
        n = date_length(data, len);
        data += n;
        len -= n;
        n = parse_tag(data, len, &r->identifier, ret_syslog_pid);
        r->message = (struct span) { data + n, len - n };
}
