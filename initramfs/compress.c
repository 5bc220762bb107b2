/* zstd, lz4, xz and gzip over whole buffers: see compress.h. */

#include <endian.h>
#include <lz4.h>
#include <lz4hc.h>
#include <lzma.h>
#include <pthread.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "initramfs/compress.h"

static const char *const names[] = { "none", "zstd", "lz4", "xz", "gzip" };
static const struct {
        int lowest, highest, standard;
} levels[] = { { 0, 0, 0 }, { 1, 22, 6 }, { 1, 12, 9 }, { 1, 9, 6 }, { 1, 9, 6 } };

int compress_parse(const char *s, enum compression *ret, int *ret_level)
{
        const char *colon = strchr(s, ':');
        size_t l = colon ? (size_t)(colon - s) : strlen(s);

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                int level = 0;

                if (strlen(names[i]) != l || strncmp(names[i], s, l) != 0)
                        continue;
                if (colon && (parse_int(colon + 1, &level) < 0 || level < levels[i].lowest ||
                                     level > levels[i].highest))
                        return -EINVAL;
                *ret = i;
                *ret_level = level;
                return 0;
        }
        return -EINVAL;
}

const char *compress_name(enum compression c)
{
        return names[c];
}

static int reserve(struct strbuf *b, size_t n)
{
        if (b->cap - b->len > n)
                return 0;
        char *p = realloc(b->s, b->len + n + 1);
        if (!p)
                return -ENOMEM;
        b->s = p;
        b->cap = b->len + n + 1;
        return 0;
}

static int with_zstd(int level, unsigned threads, const void *data, size_t len, struct strbuf *ret)
{
        ZSTD_CCtx *c = ZSTD_createCCtx();
        int r = c ? reserve(ret, ZSTD_compressBound(len)) : -ENOMEM;

        if (r >= 0) {
                ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
                ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
                /* The kernel refuses windows above 128 MiB. From one worker on their number changes nothing in the
                 * result: jobs are cut by size. */
                ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 23);
                ZSTD_CCtx_setParameter(c, ZSTD_c_nbWorkers, threads);
                size_t n = ZSTD_compress2(c, ret->s + ret->len, ret->cap - ret->len, data, len);
                if (ZSTD_isError(n))
                        r = -EIO;
                else
                        ret->len += n;
        }
        ZSTD_freeCCtx(c);
        return r;
}

/* The legacy frame, the only one that the kernel knows: a magic, then blocks of 8 MiB with their lengths. */
#define LZ4_LEGACY_MAGIC 0x184c2102u
#define LZ4_LEGACY_BLOCK (8u << 20)

struct lz4_work {
        const char *data;
        size_t len, n; /* bytes, blocks */
        char *out;     /* a place of bound bytes for each block */
        int *packed, bound, level;
        unsigned stride;
};

struct lz4_thread {
        pthread_t id;
        const struct lz4_work *work;
        unsigned first;
};

static void *lz4_blocks(void *data)
{
        const struct lz4_thread *t = data;
        const struct lz4_work *w = t->work;

        for (size_t i = t->first; i < w->n; i += w->stride) {
                size_t at = i * LZ4_LEGACY_BLOCK;

                w->packed[i] = LZ4_compress_HC(w->data + at, w->out + i * w->bound,
                        MIN(w->len - at, (size_t)LZ4_LEGACY_BLOCK), w->bound, w->level);
        }
        return NULL;
}

static int with_lz4(int level, unsigned threads, const void *data, size_t len, struct strbuf *ret)
{
        size_t n = (len + LZ4_LEGACY_BLOCK - 1) / LZ4_LEGACY_BLOCK, begun = 1;
        int bound = LZ4_compressBound(LZ4_LEGACY_BLOCK);
        _cleanup_free_ char *out = malloc(n * bound + 1);
        _cleanup_free_ int *packed = calloc(n + 1, sizeof *packed);
        struct lz4_work w = { .data = data,
                .len = len,
                .n = n,
                .out = out,
                .packed = packed,
                .bound = bound,
                .level = level,
                .stride = MAX(MIN((size_t)threads, n), (size_t)1) };
        struct lz4_thread t[COMPRESS_THREADS_MAX];
        uint32_t magic = LZ4_LEGACY_MAGIC;

        if (!out || !packed)
                return -ENOMEM;
        for (unsigned i = 0; i < w.stride; i++)
                t[i] = (struct lz4_thread) { .work = &w, .first = i };
        while (begun < w.stride && pthread_create(&t[begun].id, NULL, lz4_blocks, &t[begun]) == 0)
                begun++;
        lz4_blocks(&t[0]);
        for (size_t i = begun; i < w.stride; i++) /* no thread for it */
                lz4_blocks(&t[i]);
        for (size_t i = 1; i < begun; i++)
                pthread_join(t[i].id, NULL);
        int r = strbuf_add(ret, &magic, sizeof magic);
        for (size_t i = 0; i < n && r >= 0; i++) {
                uint32_t length = htole32(packed[i]);

                if (packed[i] <= 0)
                        return -EIO;
                strbuf_add(ret, &length, sizeof length);
                r = strbuf_add(ret, out + i * bound, packed[i]);
        }
        return r;
}

static int with_xz(int level, unsigned threads, const void *data, size_t len, struct strbuf *ret)
{
        lzma_stream s = LZMA_STREAM_INIT;
        /* The kernel's decoder checks CRC32 only. */
        lzma_mt mt = {
                .threads = threads, .preset = level, .check = LZMA_CHECK_CRC32, .block_size = 16 << 20
        };
        int r = reserve(ret, len + len / 3 + 4096);

        if (r < 0)
                return r;
        if (lzma_stream_encoder_mt(&s, &mt) != LZMA_OK)
                return -ENOMEM;
        s.next_in = data;
        s.avail_in = len;
        s.next_out = (uint8_t *)ret->s + ret->len;
        s.avail_out = ret->cap - ret->len;
        r = lzma_code(&s, LZMA_FINISH) == LZMA_STREAM_END ? 0 : -EIO;
        ret->len += s.total_out;
        lzma_end(&s);
        return r;
}

static int with_gzip(int level, const void *data, size_t len, struct strbuf *ret)
{
        z_stream s = { 0 };

        if (deflateInit2(&s, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        int r = reserve(ret, deflateBound(&s, len) + 64);
        if (r >= 0) {
                s.next_in = (void *)data;
                s.avail_in = len;
                s.next_out = (uint8_t *)ret->s + ret->len;
                s.avail_out = ret->cap - ret->len;
                r = deflate(&s, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
                ret->len += s.total_out;
        }
        deflateEnd(&s);
        return r;
}

int compress_data(
        enum compression c, int level, unsigned threads, const void *data, size_t len, struct strbuf *ret)
{
        if (threads == 0)
                threads = MIN(8l, MAX(1l, sysconf(_SC_NPROCESSORS_ONLN)));
        threads = MIN(threads, COMPRESS_THREADS_MAX);
        if (level == 0)
                level = levels[c].standard;
        switch (c) {
        case COMPRESS_NONE: return strbuf_add(ret, data, len);
        case COMPRESS_ZSTD: return with_zstd(level, threads, data, len, ret);
        case COMPRESS_LZ4: return with_lz4(level, threads, data, len, ret);
        case COMPRESS_XZ: return with_xz(level, threads, data, len, ret);
        case COMPRESS_GZIP: return with_gzip(level, data, len, ret);
        }
        return -EINVAL;
}

/* --- the way back --- */

enum compression compress_detect(const void *data, size_t len)
{
        static const struct {
                const char *magic;
                size_t len;
                enum compression c;
        } magics[] = { { "\x28\xb5\x2f\xfd", 4, COMPRESS_ZSTD }, { "\x02\x21\x4c\x18", 4, COMPRESS_LZ4 },
                { "\xfd"
                  "7zXZ",
                        5, COMPRESS_XZ },
                { "\x1f\x8b", 2, COMPRESS_GZIP } };

        for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
                if (len >= magics[i].len && memcmp(data, magics[i].magic, magics[i].len) == 0)
                        return magics[i].c;
        return COMPRESS_NONE;
}

static int more_room(struct strbuf *b, size_t max)
{
        if (b->len >= max)
                return -E2BIG;
        return reserve(b, MIN(MAX(b->len, (size_t)1 << 20), max - b->len));
}

static int from_zstd(const void *data, size_t len, size_t max, struct strbuf *ret)
{
        ZSTD_DCtx *d = ZSTD_createDCtx();
        ZSTD_inBuffer in = { data, len, 0 };
        int r = d ? 0 : -ENOMEM;
        size_t left = 1;

        while (r >= 0 && left != 0) {
                if ((r = more_room(ret, max)) < 0)
                        break;
                ZSTD_outBuffer out = { ret->s + ret->len, ret->cap - ret->len - 1, 0 };
                size_t before = in.pos;
                left = ZSTD_decompressStream(d, &out, &in);
                ret->len += out.pos;
                if (ZSTD_isError(left) || (left && out.pos == 0 && in.pos == before))
                        r = -EBADMSG;
        }
        ZSTD_freeDCtx(d);
        return r;
}

static int from_lz4(const uint8_t *data, size_t len, size_t max, struct strbuf *ret)
{
        for (size_t at = 4; at + 4 <= len;) {
                uint32_t n;

                memcpy(&n, data + at, 4);
                at += 4;
                if (n == 0 || n == LZ4_LEGACY_MAGIC)
                        break;
                if (n > len - at)
                        return -EBADMSG;
                if (ret->len + LZ4_LEGACY_BLOCK > max + LZ4_LEGACY_BLOCK)
                        return -E2BIG;
                int r = reserve(ret, LZ4_LEGACY_BLOCK);
                if (r < 0)
                        return r;
                int out =
                        LZ4_decompress_safe((const char *)data + at, ret->s + ret->len, n, LZ4_LEGACY_BLOCK);
                if (out < 0)
                        return -EBADMSG;
                ret->len += out;
                at += n;
        }
        return 0;
}

static int from_xz(const void *data, size_t len, size_t max, struct strbuf *ret)
{
        lzma_stream s = LZMA_STREAM_INIT;
        lzma_ret l = lzma_stream_decoder(&s, UINT64_MAX, 0);
        int r = l == LZMA_OK ? 0 : -ENOMEM;

        s.next_in = data;
        s.avail_in = len;
        while (r >= 0 && l == LZMA_OK) {
                if ((r = more_room(ret, max)) < 0)
                        break;
                size_t room = ret->cap - ret->len - 1;
                s.next_out = (uint8_t *)ret->s + ret->len;
                s.avail_out = room;
                l = lzma_code(&s, LZMA_RUN);
                ret->len += room - s.avail_out;
                if (l != LZMA_OK && l != LZMA_STREAM_END)
                        r = -EBADMSG;
        }
        lzma_end(&s);
        return r;
}

static int from_gzip(const void *data, size_t len, size_t max, struct strbuf *ret)
{
        z_stream s = { .next_in = (void *)data, .avail_in = len };
        int z = inflateInit2(&s, 15 + 16), r = z == Z_OK ? 0 : -ENOMEM;

        while (r >= 0 && z == Z_OK) {
                if ((r = more_room(ret, max)) < 0)
                        break;
                size_t room = ret->cap - ret->len - 1;
                s.next_out = (uint8_t *)ret->s + ret->len;
                s.avail_out = room;
                z = inflate(&s, Z_NO_FLUSH);
                ret->len += room - s.avail_out;
                if (z != Z_OK && z != Z_STREAM_END)
                        r = -EBADMSG;
        }
        inflateEnd(&s);
        return r;
}

int decompress_data(enum compression c, const void *data, size_t len, size_t max, struct strbuf *ret)
{
        int r = -EINVAL;

        switch (c) {
        case COMPRESS_NONE: r = len > max ? -E2BIG : strbuf_add(ret, data, len); break;
        case COMPRESS_ZSTD: r = from_zstd(data, len, max, ret); break;
        case COMPRESS_LZ4: r = from_lz4(data, len, max, ret); break;
        case COMPRESS_XZ: r = from_xz(data, len, max, ret); break;
        case COMPRESS_GZIP: r = from_gzip(data, len, max, ret); break;
        }
        if (r >= 0 && ret->s)
                ret->s[ret->len] = 0;
        return r;
}
