/* The image in memory: a set of entries by path, each with where its content is and why it is there.
 *
 * Contents come from files below a root that may not be this machine's ("sysroot"): every path is resolved
 * inside it (openat2 with RESOLVE_IN_ROOT), so an absolute link there never leads outside. Links are followed
 * once, here: the image holds regular files, except that the same file under a second name becomes a link.
 *
 * image_write() turns the set into a newc archive. Equal sets give equal bytes: entries are sorted by path,
 * owned by root, numbered from 1, and carry one time. */
#pragma once

#include <sys/stat.h>
#include "lib/hash.h"
#include "lib/str.h"

struct image_entry {
        char *path;            /* without a leading slash: "usr/sbin/fsck.ext4" */
        char *why;             /* for --list and --inspect: "needed by /init" */
        mode_t mode;           /* with the type */
        struct strbuf data;    /* content of a regular file, target of a link */
        unsigned major, minor; /* of a device node */
        dev_t dev;             /* which file it was; for hard duplicates */
        ino_t ino;
};

struct image {
        char *sysroot; /* NULL: "/" */
        int root_fd;
        struct image_entry **entry;
        size_t n;
        struct hash by_path;
        uint32_t mtime;      /* SOURCE_DATE_EPOCH or 0 */
        bool secret;         /* holds a file that not everyone may read */
        struct strbuf early; /* an archive that stands in front, uncompressed: microcode */
        char **missing;      /* what was asked for and is not there, as messages */
};

int image_open(struct image *im, const char *sysroot);
void image_done(struct image *im);

/* Opens a path inside the sysroot. fd or -errno. */
int image_open_source(const struct image *im, const char *path);
int image_read_source(const struct image *im, const char *path, struct strbuf *ret, struct stat *ret_st);

struct image_entry *image_find(const struct image *im, const char *path);
/* Each makes the parent directories too; one that is there already is left as it is (0; 1 when it was added). */
int image_add_dir(struct image *im, const char *path, mode_t mode, const char *why);
int image_add_link(struct image *im, const char *path, const char *target, const char *why);
int image_add_node(
        struct image *im, const char *path, mode_t mode, unsigned maj, unsigned min, const char *why);
/* Takes the data over. */
int image_add_data(struct image *im, const char *path, mode_t mode, struct strbuf *data, const char *why);
/* SYSROOT/source as path (NULL: the same path), with what a program needs (elf.h). On an error nothing is there under
 * that path. */
int image_add_file(struct image *im, const char *source, const char *path, const char *why);
/* Remembers "what is missing" for the report at the end; the message is also logged. */
void image_missing(struct image *im, int level, const char *fmt, ...) _printf_(3, 4);

/* The newc archive, with its trailer, padded to 512 bytes. */
int image_write(struct image *im, struct strbuf *ret);
