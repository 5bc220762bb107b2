/* The tree of patterns that hwdb.bin holds, and how it is written. What a source file says is read by hwdb-source.c. */
#include "hwdb-build.h"

#include <endian.h>
#include <sys/stat.h>

#include "hwdb-compile.h"
#include "hwdb-format.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define TOOL_VERSION 252 /* whose format this is */

/* --- the tree --------------------------------------------------------------------------------------- */

static struct trie_node *new_node(uint32_t prefix)
{
        struct trie_node *n = calloc(1, sizeof(*n));

        if (n)
                n->prefix = prefix;
        return n;
}

static void free_node(struct trie_node *n)
{
        if (!n)
                return;
        for (size_t i = 0; i < n->n_children; i++)
                free_node(n->children[i].node);
        free(n->children);
        free(n->values);
        free(n);
}

static size_t child_place(const struct trie_node *n, uint8_t c)
{
        size_t i = 0;

        while (i < n->n_children && n->children[i].c < c)
                i++;
        return i;
}

static struct trie_node *find_child(const struct trie_node *n, uint8_t c)
{
        size_t i = child_place(n, c);

        return i < n->n_children && n->children[i].c == c ? n->children[i].node : NULL;
}

static int add_child(struct trie_node *n, uint8_t c, struct trie_node *child)
{
        size_t at = child_place(n, c);
        struct trie_child *v = realloc(n->children, (n->n_children + 1) * sizeof(*v));

        if (!v)
                return -ENOMEM;
        memmove(v + at + 1, v + at, (n->n_children - at) * sizeof(*v));
        v[at] = (struct trie_child) { c, child };
        n->children = v;
        n->n_children++;
        return 0;
}

static const char *text_at(const struct hwdb_source *s, uint32_t off)
{
        return s->strings.text.s + off;
}

static int add_string(struct hwdb_source *s, const char *text, size_t len, uint32_t *ret)
{
        return hwdb_strings_add(&s->strings, text, len, ret);
}

/* n's prefix ends after len characters; what it was goes on below. */
static int split(struct hwdb_source *s, struct trie_node *n, size_t len)
{
        struct trie_node *below = new_node(n->prefix + (uint32_t)len + 1);
        uint8_t c = (uint8_t)text_at(s, n->prefix)[len];
        _cleanup_free_ char *head = strndup(text_at(s, n->prefix), len);
        int r;

        if (!below || !head) {
                free(below);
                return -ENOMEM;
        }
        r = add_string(s, head, len, &n->prefix);
        if (r < 0) {
                free(below);
                return r;
        }
        below->children = n->children;
        below->n_children = n->n_children;
        below->values = n->values;
        below->n_values = n->n_values;
        n->children = NULL;
        n->values = NULL;
        n->n_children = n->n_values = 0;
        r = add_child(n, c, below);
        if (r < 0)
                free_node(below);
        return r;
}

static int set_value(
        struct hwdb_source *s, struct trie_node *n, const char *key, const char *value, unsigned line)
{
        struct trie_value v = { .line = line, .priority = s->priority }, *all;
        size_t at = 0;
        int r = 0, order = 1;

        if ((r = add_string(s, key, strlen(key), &v.key)) < 0 ||
                (r = add_string(s, value, strlen(value), &v.value)) < 0 ||
                (r = add_string(s, s->path, strlen(s->path), &v.file)) < 0)
                return r;
        while (at < n->n_values && (order = strcmp(text_at(s, n->values[at].key), key)) < 0)
                at++;
        if (at < n->n_values && order == 0) { /* a later line wins */
                n->values[at] = v;
                return 0;
        }
        all = realloc(n->values, (n->n_values + 1) * sizeof(*all));
        if (!all)
                return -ENOMEM;
        memmove(all + at + 1, all + at, (n->n_values - at) * sizeof(*all));
        all[at] = v;
        n->values = all;
        n->n_values++;
        return 0;
}

static int add_leaf(struct hwdb_source *s, struct trie_node *n, const char *match, struct trie_node **ret)
{
        struct trie_node *leaf;
        uint32_t prefix;
        int r = add_string(s, match + 1, strlen(match + 1), &prefix);

        if (r < 0)
                return r;
        leaf = new_node(prefix);
        r = leaf ? add_child(n, (uint8_t)*match, leaf) : -ENOMEM;
        if (r < 0)
                free(leaf);
        else
                *ret = leaf;
        return r;
}

int trie_insert(struct hwdb_source *s, const char *match, const char *key, const char *value, unsigned line)
{
        struct trie_node *n = s->root, *next;
        int r;

        for (;;) {
                const char *prefix = text_at(s, n->prefix);
                size_t same = 0;

                while (prefix[same] && prefix[same] == match[same])
                        same++;
                if (prefix[same]) {
                        r = split(s, n, same);
                        if (r < 0)
                                return r;
                }
                match += same;
                if (!*match)
                        break;
                next = find_child(n, (uint8_t)*match);
                if (!next) {
                        r = add_leaf(s, n, match, &n);
                        if (r < 0)
                                return r;
                        break;
                }
                n = next;
                match++;
        }
        return set_value(s, n, key, value, line);
}

/* --- writing ---------------------------------------------------------------------------------------- */

/* Nodes come after those below them; their strings lie behind all nodes. */
static int write_node(struct strbuf *b, const struct trie_node *n, uint64_t strings, uint64_t *ret_at)
{
        struct file_node f = { .prefix = htole64(strings + n->prefix),
                .n_children = (uint8_t)n->n_children,
                .n_values = htole64(n->n_values) };
        _cleanup_free_ uint64_t *below = calloc(MAX(n->n_children, (size_t)1), sizeof(*below));

        if (!below)
                return -ENOMEM;
        for (size_t i = 0; i < n->n_children; i++) {
                int r = write_node(b, n->children[i].node, strings, &below[i]);

                if (r < 0)
                        return r;
        }
        *ret_at = b->len;
        strbuf_add(b, &f, sizeof(f));
        for (size_t i = 0; i < n->n_children; i++) {
                struct file_child c = { .c = n->children[i].c, .node = htole64(below[i]) };

                strbuf_add(b, &c, sizeof(c));
        }
        for (size_t i = 0; i < n->n_values; i++) {
                const struct trie_value *v = &n->values[i];
                struct file_value w = { .key = htole64(strings + v->key),
                        .value = htole64(strings + v->value),
                        .file_name = htole64(strings + v->file),
                        .line = htole32(v->line),
                        .priority = htole16(v->priority) };

                strbuf_add(b, &w, sizeof(w));
        }
        return b->failed ? -ENOMEM : 0;
}

static uint64_t size_of_nodes(const struct trie_node *n)
{
        uint64_t size = sizeof(struct file_node) + n->n_children * sizeof(struct file_child) +
                        n->n_values * sizeof(struct file_value);

        for (size_t i = 0; i < n->n_children; i++)
                size += size_of_nodes(n->children[i].node);
        return size;
}

int hwdb_source_compile(struct hwdb_source *s, void **ret, size_t *ret_size)
{
        uint64_t nodes = size_of_nodes(s->root), root, strings = sizeof(struct file_header) + nodes;
        struct file_header h = { .signature = HWDB_SIGNATURE,
                .tool_version = htole64(TOOL_VERSION),
                .file_size = htole64(strings + s->strings.text.len),
                .header_size = htole64(sizeof(h)),
                .node_size = htole64(sizeof(struct file_node)),
                .child_size = htole64(sizeof(struct file_child)),
                .value_size = htole64(sizeof(struct file_value)),
                .nodes_len = htole64(nodes),
                .strings_len = htole64(s->strings.text.len) };
        _cleanup_strbuf_ struct strbuf b = { 0 };
        int r;

        strbuf_add(&b, &h, sizeof(h));
        r = write_node(&b, s->root, strings, &root);
        if (r < 0)
                return r;
        if (strbuf_add(&b, s->strings.text.s, s->strings.text.len) < 0)
                return -ENOMEM;
        h.root = htole64(root);
        memcpy(b.s, &h, sizeof(h));
        *ret_size = b.len;
        *ret = strbuf_take(&b);
        return 0;
}

/* --- the whole -------------------------------------------------------------------------------------- */

int hwdb_source_new(struct hwdb_source **ret)
{
        struct hwdb_source *s = calloc(1, sizeof(*s));
        int r = s ? hwdb_strings_init(&s->strings) : -ENOMEM;

        if (r >= 0 && !(s->root = new_node(0)))
                r = -ENOMEM;
        if (r < 0)
                hwdb_source_free(s);
        else
                *ret = s;
        return r;
}

void hwdb_source_free(struct hwdb_source *s)
{
        if (!s)
                return;
        free_node(s->root);
        hwdb_strings_done(&s->strings);
        strv_free(s->matches);
        free(s);
}

unsigned hwdb_source_problems(const struct hwdb_source *s)
{
        return s->problems;
}

static int read_all(struct hwdb_source *s, char *const *files)
{
        FOREACH_STR (f, files) {
                _cleanup_free_ char *text = NULL;
                int r = read_file(*f, 256 * 1024 * 1024, &text, NULL);

                if (r < 0)
                        return log_error_errno(r, "%s: %m", *f);
                r = hwdb_source_read(s, *f, text);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_compiled(struct hwdb_source *s, const char *root, bool usr)
{
        _cleanup_free_ char *path =
                path_join(root ? root : "/", usr ? "lib/udev/hwdb.bin" : "etc/udev/hwdb.bin");
        _cleanup_free_ void *data = NULL;
        size_t size;
        int r;

        if (!path)
                return -ENOMEM;
        r = hwdb_source_compile(s, &data, &size);
        if (r >= 0)
                r = mkdir_parents(path, 0755);
        if (r >= 0)
                r = write_file_atomic(path, data, size, 0444, true);
        return r < 0 ? log_error_errno(r, "%s cannot be written: %m", path) : 0;
}

int hwdb_update(const char *root, bool usr, bool strict)
{
        char *dirs[] = { (char *)"/etc/udev/hwdb.d", (char *)"/lib/udev/hwdb.d", NULL };
        _cleanup_strv_ char **files = NULL;
        _cleanup_free_ char *top = root ? strdup(root) : NULL;
        struct hwdb_source *s = NULL;
        int r;

        if (root && !top)
                return -ENOMEM;
        root = top ? path_simplify(top) : NULL; /* it is part of the file names that are stored */
        r = conf_files_list(root, dirs, ".hwdb", &files);
        if (r < 0)
                return r;
        if (!files) {
                log_notice("No hwdb files found, nothing is written.");
                return 1;
        }
        r = hwdb_source_new(&s);
        if (r >= 0)
                r = read_all(s, files);
        if (r >= 0)
                r = write_compiled(s, root, usr);
        if (r >= 0 && strict && s->problems)
                r = -EBADMSG;
        hwdb_source_free(s);
        return r;
}
