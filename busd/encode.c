/* Properties: from the text of the verb `show` (raw=) to D-Bus values. The signature decides the form; what has a form of
 * its own is in encode-forms.c. What PID 1 does not tell has the value that an untouched setting has. */
#include <ctype.h>
#include <stdio.h>

#include "busd.h"

static const char *skip_type(const char *s)
{
        if (*s == 'a')
                return skip_type(s + 1);
        if (*s == '(' || *s == '{') {
                unsigned depth = 0;

                do {
                        depth += *s == '(' || *s == '{';
                        depth -= *s == ')' || *s == '}';
                        s++;
                } while (*s && depth > 0);
                return s;
        }
        return *s ? s + 1 : s;
}

static int empty_one(sd_bus_message *m, const char *begin, const char *end)
{
        static const union {
                uint64_t u;
                double d;
        } zero = { 0 };
        char contents[64];
        int r;

        if (*begin == 'a' || *begin == '(') {
                snprintf(contents, sizeof(contents), "%.*s", (int)(end - begin) - 1 - (*begin == '('),
                        begin + 1);
                r = sd_bus_message_open_container(m, *begin == '(' ? 'r' : 'a', contents);
                if (r >= 0 && *begin == '(')
                        r = encode_empty(m, contents);
                return r < 0 ? r : sd_bus_message_close_container(m);
        }
        if (*begin == 's')
                return sd_bus_message_append_basic(m, 's', "");
        if (*begin == 'o')
                return sd_bus_message_append_basic(m, 'o', "/");
        return sd_bus_message_append_basic(m, *begin, &zero);
}

int encode_empty(sd_bus_message *m, const char *signature)
{
        int r = 0;

        while (*signature && r >= 0) {
                const char *end = skip_type(signature);

                r = empty_one(m, signature, end);
                signature = end;
        }
        return r;
}

/* ---- what is asked of PID 1 ---- */

/* Properties that are made from others than the one of their name. */
static const struct {
        const char *name, *sources;
} sources[] = {
        { "LoadError", "LoadState" },
        { "UnitFileState", "FragmentPath" },
        { "UnitFilePreset", "FragmentPath" },
        { "ControlGroupId", "ControlGroup" },
        { "TimersMonotonic", "NextElapseUSecMonotonic" },
        { "TimersCalendar", "NextElapseUSecRealtime" },
        { "SyslogPriority", "SyslogLevel,SyslogFacility" },
};

void encode_sources(struct strbuf *b, const struct property *p)
{
        static const char *const ends[] = { "Monotonic", "Ex" };

        strbuf_printf(b, ",%s", p->name);
        for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
                if (streq(sources[i].name, p->name))
                        strbuf_printf(b, ",%s", sources[i].sources);
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                const char *end = endswith(p->name, ends[i]);

                if (end)
                        strbuf_printf(b, ",%.*s", (int)(end - p->name), p->name);
        }
}

/* ---- numbers ---- */

static bool is_octal(const char *name)
{
        return endswith(name, "Mode") || streq(name, "UMask");
}

static bool is_span(const char *name)
{
        return strstr(name, "USec") != NULL; /* NextElapseUSecMonotonic, too */
}

int encode_u64_text(const char *name, const char *text, uint64_t *ret)
{
        usec_t span;
        mode_t mode;
        int64_t i;
        int r;

        if (streq(text, "infinity") || streq(text, "[not set]") || streq(text, "[no data]"))
                *ret = UINT64_MAX;
        else if (*text == '\0')
                *ret = 0;
        else if (*text == '@')
                return parse_u64(text + 1, ret);
        else if (is_octal(name)) {
                r = parse_mode(text, &mode);
                if (r < 0)
                        return r;
                *ret = mode;
        } else if (parse_u64(text, ret) >= 0)
                return 0;
        else if (parse_i64(text, &i) >= 0)
                *ret = (uint64_t)i;
        else if (is_span(name) || endswith(name, "NSec")) {
                r = parse_timespan(text, 1, &span);
                if (r < 0)
                        return r;
                *ret = span == USEC_INFINITY ? UINT64_MAX : (uint64_t)span;
        } else
                return -EINVAL;
        return 0;
}

/* Numbers that show() prints as words. */
static const struct {
        const char *name;
        const char *words; /* the number is the place */
} word_lists[] = {
        { "IOSchedulingClass", "none realtime best-effort idle" },
        { "CPUSchedulingPolicy", "other fifo rr batch - idle" },
        { "NUMAPolicy", "default preferred bind interleave local" },
        { "SyslogLevel", "emerg alert crit err warning notice info debug" },
        { "LogLevelMax", "emerg alert crit err warning notice info debug" },
        { "SyslogFacility",
                "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp - - - - local0 "
                "local1 local2 local3 local4 local5 local6 local7" },
};

static int place_of(const char *words, const char *text)
{
        size_t len = strlen(text);
        int n = 0;

        for (const char *w = words; *w; n++) {
                size_t k = strcspn(w, " ");

                if (k == len && strncmp(w, text, k) == 0)
                        return n;
                w += k + (w[k] == ' ');
        }
        return -EINVAL;
}

static const char *words_of(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(word_lists); i++)
                if (streq(word_lists[i].name, name))
                        return word_lists[i].words;
        return NULL;
}

int encode_number_of_word(const char *name, const char *text)
{
        const char *words = words_of(name);

        return words ? place_of(words, text) : -EINVAL;
}

/* What a number is when PID 1 does not tell it: accounting is "not set", a user nobody. */
static uint64_t untold(const struct property *p)
{
        static const char *const unset[] = { "Limit", "Memory", "IOR", "IOW", "IPI", "IPE", "CPUW", "CPUS",
                "StartupC", "StartupI", "StartupB", "BlockIOW", "CPUUsage", "Tasks", "CPUQuota",
                "TimeoutClean", "RuntimeMax", "TimeoutIdle", "DefaultTasksMax" };

        if (streq(p->name, "UID") || streq(p->name, "GID") || streq(p->name, "LogLevelMax") ||
                streq(p->name, "NUMAPolicy") || streq(p->name, "IPTOS"))
                return UINT64_MAX;
        if (*p->signature == 't')
                for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
                        if (startswith(p->name, unset[i]))
                                return UINT64_MAX;
        return 0;
}

static usec_t offset; /* 0: to be asked for */

usec_t encode_offset(void)
{
        if (!offset)
                offset = realtime_offset();
        return offset;
}

void encode_new_turn(void)
{
        offset = 0;
}

/* XTimestampMonotonic, where only XTimestamp is told. */
static int monotonic_of(const struct property *p, const struct ctl_record *rec, uint64_t *ret)
{
        const char *end = endswith(p->name, "Monotonic"), *text;
        char key[80];

        if (!end)
                return -ENOENT;
        snprintf(key, sizeof(key), "%.*s", (int)(end - p->name), p->name);
        text = record_get(rec, key);
        if (!text || *text != '@' || parse_u64(text + 1, ret) < 0)
                return -ENOENT;
        *ret -= (uint64_t)MIN((usec_t)*ret, encode_offset());
        return 0;
}

/* What is found out of a property once. */
struct form {
        encode_fn encode; /* NULL: no form of ours, always empty */
        const char *words, *usual;
        uint64_t untold;
        uint32_t hash; /* of its name */
        bool plain;    /* a number in decimal is just that */
};

static const struct form *form_of(const struct property *p);

static const char *text_of(const struct property *p, const struct ctl_record *rec)
{
        return record_get_hashed(rec, p->name, form_of(p)->hash);
}

static int encode_number(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const struct form *f = form_of(p);
        const char *text = text_of(p, rec);
        uint64_t v = f->untold;
        uint32_t u;
        uint16_t q;
        uint8_t y;

        if (text && (*text || *p->signature == 't')) {
                int word = f->words ? place_of(f->words, text) : -EINVAL;

                if (word >= 0)
                        v = (uint64_t)word;
                else if (!(f->plain && *text && parse_u64(text, &v) >= 0) &&
                         encode_u64_text(p->name, text, &v) < 0)
                        log_debug("Property %s: '%s' is not a number", p->name, text);
        } else if (!text)
                (void)monotonic_of(p, rec, &v);
        switch (*p->signature) {
        case 't':
        case 'x': return sd_bus_message_append_basic(m, *p->signature, &v);
        case 'q': q = (uint16_t)v; return sd_bus_message_append_basic(m, 'q', &q);
        case 'y': y = (uint8_t)v; return sd_bus_message_append_basic(m, 'y', &y);
        default: u = (uint32_t)v; return sd_bus_message_append_basic(m, *p->signature, &u);
        }
}

/* ---- the other plain forms ---- */

static int encode_boolean(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        int v = parse_boolean(text_of(p, rec) ?: "") > 0;

        return sd_bus_message_append_basic(m, 'b', &v);
}

static int encode_double(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        double v = strtod(text_of(p, rec) ?: "", NULL);

        return sd_bus_message_append_basic(m, 'd', &v);
}

/* Values of properties that PID 1 does not tell and that are not empty when nothing is set. */
static const struct {
        const char *name, *value;
} texts[] = {
        { "FreezerState", "running" },
        { "CollectMode", "inactive" },
        { "CleanResult", "success" },
        { "ManagedOOMSwap", "auto" },
        { "ManagedOOMMemoryPressure", "auto" },
        { "ManagedOOMPreference", "none" },
        { "RuntimeWatchdogPreGovernor", "" },
        { "LogTarget", "journal" },
        { "Features", "" },
        { "Tainted", "" },
        { "Following", "" },
        { "OnSuccessJobMode", "fail" },
        { "OnFailureJobMode", "replace" },
};

static int encode_string(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return sd_bus_message_append_basic(m, 's', text_of(p, rec) ?: form_of(p)->usual ?: "");
}

static int encode_list(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        int r = sd_bus_message_open_container(m, 'a', "s");

        CTL_RECORD_FOREACH(v, rec, p->name)
        if (r >= 0 && *v)
                r = sd_bus_message_append_basic(m, 's', v);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static encode_fn plain_form(const char *signature)
{
        if (streq(signature, "as"))
                return encode_list;
        if (signature[1])
                return NULL;
        switch (*signature) {
        case 's': return encode_string;
        case 'b': return encode_boolean;
        case 'd': return encode_double;
        default: return encode_number;
        }
}

static const char *usual_text(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (streq(texts[i].name, name))
                        return texts[i].value;
        return NULL;
}

static struct form find_form(const struct property *p)
{
        return (struct form) {
                .encode = encode_form(p) ?: plain_form(p->signature),
                .words = words_of(p->name),
                .usual = usual_text(p->name),
                .untold = untold(p),
                .hash = ctl_key_hash(p->name),
                .plain = !is_octal(p->name),
        };
}

static const struct form *form_of(const struct property *p)
{
        static struct form *found, spare;

        if (!found) {
                found = calloc(n_properties, sizeof(*found));
                for (size_t i = 0; found && i < n_properties; i++)
                        found[i] = find_form(&properties[i]);
        }
        if (found)
                return &found[p - properties];
        spare = find_form(p);
        return &spare;
}

int encode_property(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        encode_fn form = form_of(p)->encode;
        int r = sd_bus_message_open_container(m, 'v', p->signature);

        if (r >= 0)
                r = form ? form(m, p, rec) : encode_empty(m, p->signature);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int encode_all(sd_bus_message *m, enum interface i, const struct ctl_record *rec, int only)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        for (size_t n = 0; n < n_properties && r >= 0; n++) {
                const struct property *p = &properties[n];

                if (!interface_has(i, p->interface) || (only >= 0 && p->changes != (enum changes)only))
                        continue;
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', p->name);
                if (r >= 0)
                        r = encode_property(m, p, rec);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}
