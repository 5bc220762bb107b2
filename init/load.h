/* What the load-*.c files share: the index of unit names and the reading of one file. The public side is in unit.h.
 *
 * The index knows, for every name in the unit directories, which file, alias or mask counts (the first directory of
 * the search path that has the name), and which NAME.d, NAME.wants, NAME.requires and NAME.upholds directories there
 * are. It is made by one getdents a directory and one readlink a symbolic link; no file is opened or looked at.
 * Everything in it lives in one arena, which is freed at once when the index is made anew. */
#pragma once

#include <sys/stat.h>

#include "unit.h"

enum entry_kind { ENTRY_FILE, ENTRY_ALIAS, ENTRY_MASK, ENTRY_VIRTUAL };

struct index_entry {
        const char *path; /* as people see it: without manager->root */
        const char *name; /* the end of path */
        enum entry_kind kind;
        int pos;                        /* of its directory in the search path: lower counts more */
        const char *target;             /* ENTRY_ALIAS: the name that it stands for */
        const char *text;               /* ENTRY_VIRTUAL */
        struct index_entry *next_alias; /* of the same target */
};

enum sub_kind { SUB_DROPIN, SUB_WANTS, SUB_REQUIRES, SUB_UPHOLDS, SUB_MAX };

/* A file or link that exists only in memory, inside a sub-directory. */
struct index_virtual {
        const char *name, *path, *text;
        struct index_virtual *next;
};
struct index_sub {
        const char *path; /* …/NAME.wants */
        int pos;
        bool on_disk;
        struct index_virtual *virtuals;
        struct index_sub *next; /* lower in the search path */
};
struct index_subdirs {
        const char *name; /* "ssh.service", "service", "foo-.service" */
        struct index_sub *kind[SUB_MAX];
};

struct index_dir {
        const char *path;
        dev_t dev;
        ino_t ino;
        bool there;
};

struct arena_chunk;
struct index {
        struct arena_chunk *arena;
        struct index_dir dirs[32];
        int n_dirs, gen_pos[3];
        usec_t made;                     /* CLOCK_REALTIME; or when it was looked at last */
        struct index_entry *new_aliases; /* not in aliases yet; by next_alias */
        struct hash entries;             /* name → struct index_entry */
        struct hash subdirs;             /* name → struct index_subdirs */
        struct hash aliases;             /* target name → struct index_entry, a list by next_alias */
        struct hash virtual_paths;       /* path → text */
        struct load_stats stats;
};

static inline struct index *index_of(struct manager *m)
{
        return m->index;
}

/* load-index.c */
void *index_alloc(struct index *x, size_t n); /* NULL: out of memory; zeroed */
char *index_strdup(struct index *x, const char *s);
char *index_join(struct index *x, const char *dir, const char *name);
extern const char *const index_gen_dirs[], *const index_sub_suffixes[SUB_MAX];
/* The name that a link called alias to target stands for, by systemd.unit(5)'s restrictions. -EINVAL, -ELOOP (itself). */
int index_alias_target(struct index *x, const char *alias, const char *target, const char **ret);
int index_link_alias(struct manager *m, struct index_entry *e); /* into the list of its target's aliases */
/* Entry for a name, or for its template; alias chains are NOT followed. NULL. */
const struct index_entry *index_find(struct manager *m, const char *name);
/* The sub-directories made for a name; NULL. With add it is made. */
struct index_subdirs *index_subdirs(struct index *x, const char *name, bool add);
struct index_sub *index_sub_add(
        struct index *x, struct index_subdirs *d, enum sub_kind k, const char *path, int pos);
/* path below manager->root; path itself (a copy) when there is none. */
char *root_path(struct manager *m, const char *path);

/* load-stale.c: the sources of a unit, one by one, into u->files_hash while they are read or into load_hash(). */
uint64_t hash_file(uint64_t h, const char *path, const struct stat *st /* NULL: only the name */);
uint64_t hash_text(uint64_t h, const char *path, const char *text);
uint64_t hash_aliases(struct unit *u, uint64_t h);
/* load-dropin.c: the same for drop-ins and .wants … links. */
uint64_t hash_subdirs(struct unit *u, uint64_t h);

/* load.c: one unit file or drop-in; *ret_st of the file. -ENODATA: it is empty (a mask). */
int load_read(struct manager *m, const char *path, char **ret_text, size_t *ret_len, struct stat *ret_st);
/* Parses text as path's into u. */
int load_parse(struct unit *u, const char *path, char *text, size_t len);

/* load-dropin.c */
int load_dropins(struct unit *u);
int load_wants(struct unit *u);

/* load-implicit.c */
int load_slice(struct unit *u);     /* u->slice, unless a file set it */
int load_exec_deps(struct unit *u); /* of the execution context: systemd.exec(5), "Implicit Dependencies" */
int load_mounts_for(struct unit *u);
