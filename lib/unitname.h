/* Unit names: "prefix@instance.type", escaping of systemd.unit(5), paths as names. */
#pragma once

#include "util.h"

enum unit_type {
        UNIT_SERVICE,
        UNIT_SOCKET,
        UNIT_DEVICE,
        UNIT_MOUNT,
        UNIT_AUTOMOUNT,
        UNIT_SWAP,
        UNIT_TARGET,
        UNIT_PATH,
        UNIT_TIMER,
        UNIT_SLICE,
        UNIT_SCOPE,
        UNIT_TYPE_MAX,
};

#define UNIT_NAME_MAX 255

const char *unit_type_to_string(enum unit_type t); /* "service" … */
/* Type by the suffix of a name; -EINVAL. */
int unit_type_from_name(const char *name);
/* Valid as the name of a plain unit, an instance, or (when template_ok) a template "a@.service". */
bool unit_name_valid(const char *name, bool template_ok);
bool unit_name_is_template(const char *name);
bool unit_name_is_instance(const char *name);
/* "getty@tty1.service" → "getty@.service"; -EINVAL when it is not an instance. */
int unit_name_template(const char *name, char **ret);
/* Instance without unescaping ("tty1"); of a template "", of a plain unit *ret is NULL. */
int unit_name_instance(const char *name, char **ret);
/* Before "@" or the suffix ("getty"). */
int unit_name_prefix(const char *name, char **ret);
/* "a@.service" + "x" → "a@x.service". */
int unit_name_replace_instance(const char *template, const char *instance, char **ret);
/* "foo.service" + "socket" → "foo.socket". */
int unit_name_change_suffix(const char *name, const char *type, char **ret);
/* Escaping of arbitrary strings and of paths ("/dev/sda1" ↔ "dev-sda1", "/" ↔ "-"). */
char *unit_name_escape(const char *s);
int unit_name_unescape(const char *s, char **ret);
int unit_name_path_escape(const char *path, char **ret);
int unit_name_path_unescape(const char *s, char **ret);
/* "/srv/data" + "mount" → "srv-data.mount". */
int unit_name_from_path(const char *path, const char *type, char **ret);
/* "srv-data.mount" → "/srv/data". */
int unit_name_to_path(const char *name, char **ret);
/* What a user typed: adds ".service" when there is no type, escapes, "/srv" → "srv.mount", "/dev/…" → .device. */
int unit_name_mangle(const char *typed, const char *default_type, char **ret);
