/* Messages of rouse's own protocols (control socket, PID 1 ↔ devd, PID 1 ↔ early helper): one SOCK_SEQPACKET
 * datagram each, at most WIRE_MAX bytes.
 *
 *     u32 magic ('rous')   u16 version   u16 type   u32 id   u32 body length   body
 *
 * The body is a run of fields; the reader takes them in the order in which they were written:
 *     u8 'u' u32 | u8 'q' u64 | u8 's' u32 length, bytes, NUL | u8 'n' (null string)
 * All in host order: both ends are always on one machine. A reader never looks beyond what was received;
 * after the first error it gives zeros and NULLs, and wire_end() says -EBADMSG. Unread fields at the end are
 * allowed (a newer peer), unknown types are skipped by the caller. */
#pragma once

#include "str.h"

#define WIRE_MAGIC   0x73756f72u
#define WIRE_VERSION 1
#define WIRE_MAX     (128u * 1024)

struct wire_header {
        uint32_t magic;
        uint16_t version, type;
        uint32_t id;  /* chosen by the asker, repeated in answers; 0 = not an answer */
        uint32_t len; /* of the body */
};

/* Zero-initialise; wire_begin() may be called again and reuses the memory. */
struct wire_writer {
        struct strbuf b;
};

struct wire_reader {
        struct wire_header h;
        const uint8_t *p, *end;
        bool bad;
};

void wire_begin(struct wire_writer *w, uint16_t type, uint32_t id);
void wire_u32(struct wire_writer *w, uint32_t v);
void wire_u64(struct wire_writer *w, uint64_t v);
void wire_str(struct wire_writer *w, const char *s);   /* NULL allowed */
void wire_strv(struct wire_writer *w, char *const *v); /* u32 count, then strings */
/* A string "KEYOPVALUE" of parts, as wire_str() writes it; len: of the value. */
void wire_setting(struct wire_writer *w, const char *key, const char *op, const char *value, size_t len);
/* What wire_send() does in two steps: puts the length into the header, so that w->b is a whole message (0, -ENOMEM,
 * -E2BIG); sends what is in w->b, which may be several of them. */
int wire_finish(struct wire_writer *w);
int wire_send_bytes(int fd, const struct wire_writer *w, int fd_to_pass);
void wire_done(struct wire_writer *w);
#define _cleanup_wire_ _cleanup_(wire_done)
/* Sends without blocking. 0, -EAGAIN (peer slow), -E2BIG, -errno. fd_to_pass -1: none. */
int wire_send(int fd, struct wire_writer *w, int fd_to_pass);
/* One datagram into buf (WIRE_MAX). 1 with *r ready, 0 peer closed, -EAGAIN, -EBADMSG (dropped: also one of
 * another WIRE_VERSION). Strings that *r gives lie in buf.
 * ret_fd (may be NULL) gets a passed descriptor or -1. */
int wire_recv(int fd, void *buf, size_t size, struct wire_reader *r, int *ret_fd);
/* The same for a datagram that may have several messages, one after the other: 1 with its length. */
int wire_recv_bytes(int fd, void *buf, size_t size, size_t *ret_len, int *ret_fd);
/* Takes the next message off what is left of such a datagram: 1, 0 at its end, -EBADMSG. */
int wire_next(const uint8_t **p, size_t *left, struct wire_reader *r);
/* Reads a message already in memory. */
int wire_parse(const void *buf, size_t len, struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
const char *wire_get_str(struct wire_reader *r);       /* into the buffer; NULL for null or on error */
int wire_get_strv(struct wire_reader *r, char ***ret); /* copies */
bool wire_more(struct wire_reader *r);                 /* is a further field there? */
int wire_end(struct wire_reader *r);                   /* 0 or -EBADMSG */
