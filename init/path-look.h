/* Looking at paths: what conditions, PID files, timers' stamps and path units ask of the file system. PID 1 looks itself
 * where that cannot take long; else rouse-exec looks for it (probe.h), with these same functions. Nothing of PID 1's is
 * needed here. */
#pragma once

#include "lib/str.h"

enum path_question {
        LOOK_EXISTS,
        LOOK_GLOB,
        LOOK_DIRECTORY,
        LOOK_SYMLINK,
        LOOK_MOUNT_POINT,
        LOOK_READ_WRITE,
        LOOK_ENCRYPTED,
        LOOK_DIRECTORY_NOT_EMPTY,
        LOOK_FILE_NOT_EMPTY,
        LOOK_EXECUTABLE,
        LOOK_NEEDS_UPDATE, /* of /etc or /var: older than /usr? */
        LOOK_STAMP,        /* time of the file, which is made if it is not there */
        LOOK_TOUCH,        /* makes it anew */
        LOOK_PID_FILE,     /* the process in it, and whether root alone can have written that */
        LOOK_UNLINK,
        LOOK_DETACH,    /* what is mounted there, lazily */
        LOOK_TAKE_DOWN, /* the same, down to an autofs, which goes too */
        LOOK_PLACE,     /* to mount on, made if it is not there: path_place_text() says how */
        LOOK_MAX
};
extern const char *const path_question_names[LOOK_MAX];

/* The place to mount on. source (NULL: it is no bind mount) is made as a directory if it is not there; if it is a file,
 * so is the place. 0 or -errno. */
int path_make_place(const char *where, const char *source, mode_t directory_mode);
/* The same as LOOK_PLACE's path; NULL when out of memory. */
char *path_place_text(const char *where, const char *source, mode_t directory_mode);

struct path_answer {
        int64_t value; /* STAMP: µs, CLOCK_REALTIME, 0: it was made; PID_FILE: the number */
        bool trusted;  /* PID_FILE */
};
/* 1, 0, -errno. ret may be NULL where the answer is yes or no. */
int path_look(enum path_question q, const char *path, struct path_answer *ret);

/* ---- path units ---- */

enum path_kind { PATH_EXISTS, PATH_EXISTS_GLOB, PATH_CHANGED, PATH_MODIFIED, PATH_DIRECTORY_NOT_EMPTY };
struct probe;
struct path_spec {
        enum path_kind kind;
        char *path;
        int wd; /* of path itself, -1 */
        bool existed;
        struct path_unit *owner;
        struct probe *watcher; /* who watches it where PID 1 may not; what it said last: */
        bool watcher_holds;
        struct path_spec *next;
};
/* Is the state there that PathExists=, PathExistsGlob= or DirectoryNotEmpty= is about? */
bool path_spec_holds(const struct path_spec *s);
/* A path with PathChanged= or PathModified= came or went since it was looked at last. */
bool path_spec_came_or_went(struct path_spec *s);
/* Watches it and every directory above it, as far as there is one. 0, or -errno, and in *ret_what the directory. */
int path_spec_watch(struct path_spec *s, int inotify, char **ret_what);
/* Is this an event that PathChanged= or PathModified= is about? */
struct inotify_event;
bool path_spec_is_event(const struct path_spec *s, const struct inotify_event *e);
