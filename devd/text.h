/* What udev does to text that comes from hardware before it becomes a name or a property. */
#pragma once

#include "lib/util.h"

#define ALLOWED_INPUT "/ $%?," /* kept in attribute values and program results beside the plain set */

/* Replaces by '_' what is neither [A-Za-z0-9#+-.:=@_], nor in allowed, nor "\xNN", nor valid UTF-8; other white
 * space becomes a blank when a blank is allowed. Returns how many were replaced. */
size_t text_replace_chars(char *s, const char *allowed);
/* White space at the ends goes, runs inside become one '_'. Returns the new length. In place. */
size_t text_replace_blanks(char *s);
/* For interface names: '_' for what may not stand in one. */
size_t text_replace_ifname(char *s);
/* Trailing white space off. Returns s. */
char *text_strip_end(char *s);
/* Like blkid_encode_string(): everything unsafe as \xNN. -ENOSPC when buf is too small. */
int text_encode(const char *s, char *buf, size_t size);
/* Length of the valid UTF-8 sequence at s (1 for ASCII), 0 when it is none. */
size_t text_utf8_len(const char *s);
bool ifname_valid(const char *s);
/* Words of a command as rules write it: white space separates, quotes group, a backslash is a character like any other.
 * -EINVAL when there is none. */
int command_split(const char *command, char ***ret);
/* The same for a program: one without a slash at its beginning is looked for where packages put those of rules. */
int program_split(const char *command, char ***ret);
