/* Settings of an interface: the table, and a function for each group of them that the kernel takes at once. */
#include "net-settings.h"

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "rtnl.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define VALUE_MAX UINT32_MAX /* "max": what the driver says is the most */

enum group { G_NETLINK, G_FEATURE, G_LINK, G_WOL, G_CHANNELS, G_RING, G_PAUSE, G_COALESCE, GROUPS };
enum kind { K_BOOL, K_NUMBER, K_OR_MAX, K_SIZE, K_BITS, K_MICROSECONDS, K_SECONDS, K_WORD };

struct word {
        const char *name;
        uint32_t value;
};

static const struct word duplex_words[] = { { "half", DUPLEX_HALF }, { "full", DUPLEX_FULL }, { NULL, 0 } };
static const struct word port_words[] = { { "tp", PORT_TP }, { "aui", PORT_AUI }, { "bnc", PORT_BNC },
        { "mii", PORT_MII }, { "fibre", PORT_FIBRE }, { NULL, 0 } };
static const struct word mdi_words[] = { { "straight", ETH_TP_MDI }, { "mdi", ETH_TP_MDI },
        { "crossover", ETH_TP_MDI_X }, { "mdi-x", ETH_TP_MDI_X }, { "mdix", ETH_TP_MDI_X },
        { "auto", ETH_TP_MDI_AUTO }, { NULL, 0 } };
static const struct word wol_words[] = { { "phy", WAKE_PHY }, { "unicast", WAKE_UCAST },
        { "multicast", WAKE_MCAST }, { "broadcast", WAKE_BCAST }, { "arp", WAKE_ARP },
        { "magic", WAKE_MAGIC }, { "secureon", WAKE_MAGICSECURE }, { NULL, 0 } };
static const struct word mode_words[] = { { "10baset-half", ETHTOOL_LINK_MODE_10baseT_Half_BIT },
        { "10baset-full", ETHTOOL_LINK_MODE_10baseT_Full_BIT },
        { "100baset-half", ETHTOOL_LINK_MODE_100baseT_Half_BIT },
        { "100baset-full", ETHTOOL_LINK_MODE_100baseT_Full_BIT },
        { "1000baset-half", ETHTOOL_LINK_MODE_1000baseT_Half_BIT },
        { "1000baset-full", ETHTOOL_LINK_MODE_1000baseT_Full_BIT },
        { "10000baset-full", ETHTOOL_LINK_MODE_10000baseT_Full_BIT },
        { "2500basex-full", ETHTOOL_LINK_MODE_2500baseX_Full_BIT },
        { "1000basekx-full", ETHTOOL_LINK_MODE_1000baseKX_Full_BIT },
        { "10000basekx4-full", ETHTOOL_LINK_MODE_10000baseKX4_Full_BIT },
        { "10000basekr-full", ETHTOOL_LINK_MODE_10000baseKR_Full_BIT },
        { "10000baser-fec", ETHTOOL_LINK_MODE_10000baseR_FEC_BIT },
        { "20000basemld2-full", ETHTOOL_LINK_MODE_20000baseMLD2_Full_BIT },
        { "20000basekr2-full", ETHTOOL_LINK_MODE_20000baseKR2_Full_BIT }, { NULL, 0 } };

/* at: for rtnetlink the attribute; else where the value stands in the group's structure. most: where "max" is found. */
static const struct setting {
        const char *name;
        uint8_t group, kind;
        uint16_t at, most;
        const char *feature; /* the kernel's name; ending in '-': all that begin so */
        const struct word *words;
} table[] = {
#define NETLINK(name, kind, attr)                                                                           \
        {                                                                                                   \
                name, G_NETLINK, kind, attr, 0, NULL, NULL                                                  \
        }
#define FEATURE(name, feature)                                                                              \
        {                                                                                                   \
                name, G_FEATURE, K_BOOL, 0, 0, feature, NULL                                                \
        }
#define LINK(name, kind, field, words)                                                                      \
        {                                                                                                   \
                name, G_LINK, kind, offsetof(struct ethtool_link_settings, field), 0, NULL, words           \
        }
#define CHANNELS(name, field)                                                                               \
        {                                                                                                   \
                name, G_CHANNELS, K_OR_MAX, offsetof(struct ethtool_channels, field##_count),               \
                        offsetof(struct ethtool_channels, max_##field), NULL, NULL                          \
        }
#define RING(name, field)                                                                                   \
        {                                                                                                   \
                name, G_RING, K_OR_MAX, offsetof(struct ethtool_ringparam, field##_pending),                \
                        offsetof(struct ethtool_ringparam, field##_max_pending), NULL, NULL                 \
        }
#define PAUSE(name, field)                                                                                  \
        {                                                                                                   \
                name, G_PAUSE, K_BOOL, offsetof(struct ethtool_pauseparam, field), 0, NULL, NULL            \
        }
#define COALESCE(name, kind, field)                                                                         \
        {                                                                                                   \
                name, G_COALESCE, kind, offsetof(struct ethtool_coalesce, field), 0, NULL, NULL             \
        }
        NETLINK("TransmitQueues", K_NUMBER, IFLA_NUM_TX_QUEUES),
        NETLINK("ReceiveQueues", K_NUMBER, IFLA_NUM_RX_QUEUES),
        NETLINK("TransmitQueueLength", K_NUMBER, IFLA_TXQLEN),
        NETLINK("GenericSegmentOffloadMaxBytes", K_SIZE, IFLA_GSO_MAX_SIZE),
        NETLINK("GenericSegmentOffloadMaxSegments", K_NUMBER, IFLA_GSO_MAX_SEGS),
        FEATURE("ReceiveChecksumOffload", "rx-checksum"),
        FEATURE("TransmitChecksumOffload", "tx-checksum-"),
        FEATURE("GenericSegmentationOffload", "tx-generic-segmentation"),
        FEATURE("TCPSegmentationOffload", "tx-tcp-segmentation"),
        FEATURE("TCP6SegmentationOffload", "tx-tcp6-segmentation"),
        FEATURE("GenericReceiveOffload", "rx-gro"),
        FEATURE("GenericReceiveOffloadHardware", "rx-gro-hw"),
        FEATURE("LargeReceiveOffload", "rx-lro"),
        FEATURE("ReceiveVLANCTAGHardwareAcceleration", "rx-vlan-hw-parse"),
        FEATURE("TransmitVLANCTAGHardwareAcceleration", "tx-vlan-hw-insert"),
        FEATURE("ReceiveVLANCTAGFilter", "rx-vlan-filter"),
        FEATURE("TransmitVLANSTAGHardwareAcceleration", "tx-vlan-stag-hw-insert"),
        FEATURE("NTupleFilter", "rx-ntuple-filter"),
        LINK("BitsPerSecond", K_BITS, speed, NULL),
        LINK("Duplex", K_WORD, duplex, duplex_words),
        LINK("AutoNegotiation", K_BOOL, autoneg, NULL),
        LINK("Port", K_WORD, port, port_words),
        LINK("MDI", K_WORD, eth_tp_mdix_ctrl, mdi_words),
        { "WakeOnLan", G_WOL, K_WORD, 0, 0, NULL, wol_words },
        CHANNELS("RxChannels", rx),
        CHANNELS("TxChannels", tx),
        CHANNELS("OtherChannels", other),
        CHANNELS("CombinedChannels", combined),
        RING("RxBufferSize", rx),
        RING("RxMiniBufferSize", rx_mini),
        RING("RxJumboBufferSize", rx_jumbo),
        RING("TxBufferSize", tx),
        PAUSE("RxFlowControl", rx_pause),
        PAUSE("TxFlowControl", tx_pause),
        PAUSE("AutoNegotiationFlowControl", autoneg),
        COALESCE("UseAdaptiveRxCoalesce", K_BOOL, use_adaptive_rx_coalesce),
        COALESCE("UseAdaptiveTxCoalesce", K_BOOL, use_adaptive_tx_coalesce),
        COALESCE("RxCoalesceSec", K_MICROSECONDS, rx_coalesce_usecs),
        COALESCE("RxCoalesceIrqSec", K_MICROSECONDS, rx_coalesce_usecs_irq),
        COALESCE("RxCoalesceLowSec", K_MICROSECONDS, rx_coalesce_usecs_low),
        COALESCE("RxCoalesceHighSec", K_MICROSECONDS, rx_coalesce_usecs_high),
        COALESCE("TxCoalesceSec", K_MICROSECONDS, tx_coalesce_usecs),
        COALESCE("TxCoalesceIrqSec", K_MICROSECONDS, tx_coalesce_usecs_irq),
        COALESCE("TxCoalesceLowSec", K_MICROSECONDS, tx_coalesce_usecs_low),
        COALESCE("TxCoalesceHighSec", K_MICROSECONDS, tx_coalesce_usecs_high),
        COALESCE("RxMaxCoalescedFrames", K_NUMBER, rx_max_coalesced_frames),
        COALESCE("RxMaxCoalescedIrqFrames", K_NUMBER, rx_max_coalesced_frames_irq),
        COALESCE("RxMaxCoalescedLowFrames", K_NUMBER, rx_max_coalesced_frames_low),
        COALESCE("RxMaxCoalescedHighFrames", K_NUMBER, rx_max_coalesced_frames_high),
        COALESCE("TxMaxCoalescedFrames", K_NUMBER, tx_max_coalesced_frames),
        COALESCE("TxMaxCoalescedIrqFrames", K_NUMBER, tx_max_coalesced_frames_irq),
        COALESCE("TxMaxCoalescedLowFrames", K_NUMBER, tx_max_coalesced_frames_low),
        COALESCE("TxMaxCoalescedHighFrames", K_NUMBER, tx_max_coalesced_frames_high),
        COALESCE("CoalescePacketRateLow", K_NUMBER, pkt_rate_low),
        COALESCE("CoalescePacketRateHigh", K_NUMBER, pkt_rate_high),
        COALESCE("CoalescePacketRateSampleIntervalSec", K_SECONDS, rate_sample_interval),
        COALESCE("StatisticsBlockCoalesceSec", K_MICROSECONDS, stats_block_coalesce_usecs),
};
_Static_assert(ARRAY_SIZE(table) <= LINK_SETTINGS_MAX, "struct link_settings has room for the table");

/* --- reading ---------------------------------------------------------------------------------------- */

static int find_word(const struct word *words, const char *s, uint32_t *ret)
{
        for (; words->name; words++)
                if (streq(words->name, s)) {
                        *ret = words->value;
                        return 0;
                }
        return -EINVAL;
}

/* "off", or words that add up, line by line. */
static int parse_wol(const char *value, bool set, uint32_t *v)
{
        _cleanup_strv_ char **words = strv_split(value, " \t");
        uint32_t bits = set ? *v : 0, bit;

        if (streq(value, "off")) {
                *v = 0;
                return 0;
        }
        FOREACH_STR (w, words) {
                if (find_word(wol_words, *w, &bit) < 0)
                        return -EINVAL;
                bits |= bit;
        }
        *v = bits;
        return words ? 0 : -EINVAL;
}

/* "100M", "1G": to the base of 1000; in Mbit/s as the kernel counts. */
static int parse_bits(const char *s, uint32_t *ret)
{
        uint64_t factor = 1, n;
        char number[32];
        size_t len = strlen(s);

        if (!len || len >= sizeof(number))
                return -EINVAL;
        memcpy(number, s, len + 1);
        switch (number[len - 1]) {
        case 'K': factor = 1000; break;
        case 'M': factor = 1000000; break;
        case 'G': factor = 1000000000; break;
        case 'T': factor = UINT64_C(1000000000000); break;
        }
        if (factor > 1)
                number[len - 1] = 0;
        if (parse_u64(number, &n) < 0 || n > UINT64_MAX / factor || n * factor / 1000000 >= UINT32_MAX ||
                n * factor < 1000000)
                return -EINVAL;
        *ret = (uint32_t)(n * factor / 1000000);
        return 0;
}

static int parse_kind(const struct setting *t, const char *s, bool set, uint32_t *ret)
{
        uint64_t n;
        usec_t time;
        int b;

        switch ((enum kind)t->kind) {
        case K_BOOL:
                b = parse_boolean(s);
                if (b >= 0)
                        *ret = (uint32_t)b;
                return b < 0 ? b : 0;
        case K_OR_MAX:
                if (streq(s, "max")) {
                        *ret = VALUE_MAX;
                        return 0;
                }
                return parse_u32(s, ret) < 0 || *ret == 0 ? -EINVAL : 0;
        case K_NUMBER: return parse_u32(s, ret);
        case K_SIZE:
                if (parse_size(s, &n) < 0 || n == 0 || n > 65536)
                        return -EINVAL;
                *ret = (uint32_t)n;
                return 0;
        case K_BITS: return parse_bits(s, ret);
        case K_MICROSECONDS:
        case K_SECONDS:
                if (parse_timespan(s, USEC_PER_SEC, &time) < 0 || time < 0 || time > UINT32_MAX)
                        return -EINVAL;
                *ret = (uint32_t)(t->kind == K_SECONDS ? (time + USEC_PER_SEC - 1) / USEC_PER_SEC : time);
                return 0;
        case K_WORD: return t->group == G_WOL ? parse_wol(s, set, ret) : find_word(t->words, s, ret);
        }
        return -EINVAL;
}

static int parse_advertise(struct link_settings *s, const char *value)
{
        _cleanup_strv_ char **words = strv_split(value, " \t");
        uint64_t bits = 0;
        uint32_t bit;

        FOREACH_STR (w, words) {
                if (find_word(mode_words, *w, &bit) < 0)
                        return -EINVAL;
                bits |= UINT64_C(1) << bit;
        }
        s->advertise = bits ? s->advertise | bits : 0;
        return 1;
}

static int parse_six_bytes(const char *text, uint8_t ret[static 6])
{
        uint8_t p[6];

        if (strlen(text) != 17)
                return -EINVAL;
        for (int i = 0; i < 6; i++) {
                int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

                if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
                        return -EINVAL;
                p[i] = (uint8_t)(high << 4 | low);
        }
        memcpy(ret, p, sizeof(p));
        return 0;
}

static int parse_password(struct link_settings *s, const char *value)
{
        _cleanup_free_ char *content = NULL;
        struct stat st;
        int r;

        s->password_set = false;
        (void)str_replace(&s->password_socket, NULL);
        if (!*value)
                return 1;
        if (*value == '/') {
                if (stat(value, &st) < 0)
                        return -EINVAL;
                if (S_ISSOCK(st.st_mode)) {
                        r = str_replace(&s->password_socket, value);
                        return r < 0 ? r : 1;
                }
                if (!S_ISREG(st.st_mode) || read_one_line(value, &content) < 0)
                        return -EINVAL;
                value = str_strip(content);
        }
        r = parse_six_bytes(value, s->password);
        s->password_set = r >= 0;
        return r < 0 ? r : 1;
}

/* Waits until the socket's server has said all of it. */
static int ask_password(const char *path, uint8_t ret[static 6])
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        char text[64];
        size_t have = 0;
        ssize_t n;

        if (strlen(path) >= sizeof(a.sun_path))
                return -ENAMETOOLONG;
        strcpy(a.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
                return -errno;
        while ((n = read(fd, text + have, sizeof(text) - 1 - have)) != 0) {
                if (n < 0 && errno != EINTR)
                        return -errno;
                have += n > 0 ? (size_t)n : 0;
        }
        text[have] = '\0';
        return parse_six_bytes(str_strip(text), ret);
}

bool link_settings_want_password(const struct link_settings *s)
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (table[i].group == G_WOL && s->set[i] && s->value[i] & WAKE_MAGICSECURE)
                        return !s->password_set && !s->password_socket;
        return false;
}

int link_settings_parse(struct link_settings *s, const char *key, const char *value)
{
        if (streq(key, "Advertise"))
                return parse_advertise(s, value);
        if (streq(key, "WakeOnLanPassword"))
                return parse_password(s, value);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                uint32_t v = s->value[i];
                int r;

                if (!streq(table[i].name, key))
                        continue;
                if (!*value) {
                        s->set[i] = false;
                        return 1;
                }
                r = parse_kind(&table[i], value, s->set[i], &v);
                if (r < 0)
                        return -EINVAL;
                s->value[i] = v;
                s->set[i] = true;
                return 1;
        }
        return 0;
}

/* --- applying --------------------------------------------------------------------------------------- */

struct target {
        const struct link_settings *s;
        const char *name;
        int index, fd;
};

static int ethtool(const struct target *t, void *data)
{
        struct ifreq ifr = { 0 };

        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", t->name);
        ifr.ifr_data = data;
        return ioctl(t->fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

static bool any_of(const struct target *t, enum group group)
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (table[i].group == group && t->s->set[i])
                        return true;
        return false;
}

static void failed(const struct target *t, enum group group, int r)
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (table[i].group == group && t->s->set[i])
                        log_warning_errno(r, "%s: cannot set %s: %m", t->name, table[i].name);
}

static void apply_netlink(const struct target *t)
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                int r;

                if (table[i].group != G_NETLINK || !t->s->set[i])
                        continue;
                r = rtnl_set_link(t->index, table[i].at, &t->s->value[i], sizeof(t->s->value[i]));
                if (r < 0)
                        log_warning_errno(r, "%s: cannot set %s: %m", t->name, table[i].name);
        }
}

/* Channels, rings, coalescing, pauses: a structure of 32-bit words that is read, changed and written back. */
static int change_words(const struct target *t, enum group group, void *data, uint32_t get, uint32_t set)
{
        uint32_t *command = data;
        bool differs = false;
        int r;

        *command = get;
        r = ethtool(t, data);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                uint32_t v = t->s->value[i], most, now;

                if (table[i].group != group || !t->s->set[i])
                        continue;
                if (table[i].kind == K_OR_MAX) {
                        memcpy(&most, (char *)data + table[i].most, sizeof(most));
                        v = v > most ? most : v;
                }
                memcpy(&now, (char *)data + table[i].at, sizeof(now));
                differs |= now != v;
                memcpy((char *)data + table[i].at, &v, sizeof(v));
        }
        *command = set;
        return differs ? ethtool(t, data) : 0;
}

static int apply_link(const struct target *t)
{
        union {
                struct ethtool_link_settings s;
                uint32_t room[(sizeof(struct ethtool_link_settings) + 3 * 4 * 128) / 4];
        } u = { .s = { .cmd = ETHTOOL_GLINKSETTINGS } };
        uint32_t *masks =
                (uint32_t *)((char *)&u + sizeof(u.s)); /* supported, advertised, the other end's */
        int8_t words;
        int r = ethtool(t, &u);

        if (r < 0)
                return r;
        words = (int8_t)-u.s.link_mode_masks_nwords; /* the kernel first says how long its masks are */
        if (words <= 0)
                return -EOPNOTSUPP;
        u.s = (struct ethtool_link_settings) { .cmd = ETHTOOL_GLINKSETTINGS,
                .link_mode_masks_nwords = words };
        r = ethtool(t, &u);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                uint32_t v = t->s->value[i];

                if (table[i].group != G_LINK || !t->s->set[i])
                        continue;
                if (table[i].kind == K_BITS)
                        u.s.speed = v;
                else
                        *((uint8_t *)&u + table[i].at) = (uint8_t)v;
        }
        if (t->s->advertise) {
                u.s.autoneg = AUTONEG_ENABLE;
                for (int i = 0; i < words; i++)
                        masks[words + i] = i < 2 ? (uint32_t)(t->s->advertise >> (32 * i)) : 0;
        }
        u.s.cmd = ETHTOOL_SLINKSETTINGS;
        return ethtool(t, &u);
}

static int apply_wol(const struct target *t)
{
        struct ethtool_wolinfo w = { .cmd = ETHTOOL_GWOL };
        int r = ethtool(t, &w);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (table[i].group == G_WOL && t->s->set[i])
                        w.wolopts = t->s->value[i];
        if (t->s->password_set) {
                w.wolopts |= WAKE_MAGICSECURE;
                memcpy(w.sopass, t->s->password, sizeof(w.sopass));
        }
        w.cmd = ETHTOOL_SWOL;
        return ethtool(t, &w);
}

static bool feature_matches(const char *want, const char *name)
{
        return want[strlen(want) - 1] == '-' ? startswith(name, want) != NULL : streq(name, want);
}

static int feature_names(const struct target *t, struct ethtool_gstrings **ret)
{
        union { /* the kernel's structure and room for the count behind it */
                struct ethtool_sset_info info;
                uint32_t room[sizeof(struct ethtool_sset_info) / 4 + 1];
        } sset = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_FEATURES } };
        uint32_t count;
        struct ethtool_gstrings *names;
        int r = ethtool(t, &sset);

        count = sset.room[sizeof(struct ethtool_sset_info) / 4];
        if (r < 0 || !sset.info.sset_mask || !count || count > 1024)
                return r < 0 ? r : -EOPNOTSUPP;
        names = calloc(1, sizeof(*names) + count * ETH_GSTRING_LEN);
        if (!names)
                return -ENOMEM;
        *names = (struct ethtool_gstrings) {
                .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = count
        };
        r = ethtool(t, names);
        if (r < 0)
                free(names);
        else
                *ret = names;
        return r;
}

static int apply_features(const struct target *t)
{
        _cleanup_free_ struct ethtool_gstrings *names = NULL;
        _cleanup_free_ struct ethtool_sfeatures *f = NULL;
        uint32_t blocks;
        int r = feature_names(t, &names);

        if (r < 0)
                return r;
        blocks = (names->len + 31) / 32;
        f = calloc(1, sizeof(*f) + blocks * sizeof(f->features[0]));
        if (!f)
                return -ENOMEM;
        f->cmd = ETHTOOL_SFEATURES;
        f->size = blocks;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                bool known = false;

                if (table[i].group != G_FEATURE || !t->s->set[i])
                        continue;
                for (uint32_t k = 0; k < names->len; k++) {
                        char name[ETH_GSTRING_LEN + 1] = "";

                        memcpy(name, names->data + k * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
                        if (!feature_matches(table[i].feature, name))
                                continue;
                        known = true;
                        f->features[k / 32].valid |= UINT32_C(1) << k % 32;
                        if (t->s->value[i])
                                f->features[k / 32].requested |= UINT32_C(1) << k % 32;
                }
                if (!known)
                        log_warning("%s: %s is not known to this kernel", t->name, table[i].name);
        }
        return ethtool(t, f);
}

static int apply_group(const struct target *t, enum group group)
{
        union {
                struct ethtool_channels channels;
                struct ethtool_ringparam ring;
                struct ethtool_pauseparam pause;
                struct ethtool_coalesce coalesce;
        } u = { 0 };

        switch (group) {
        case G_NETLINK: apply_netlink(t); return 0;
        case G_FEATURE: return apply_features(t);
        case G_LINK: return apply_link(t);
        case G_WOL: return apply_wol(t);
        case G_CHANNELS: return change_words(t, group, &u, ETHTOOL_GCHANNELS, ETHTOOL_SCHANNELS);
        case G_RING: return change_words(t, group, &u, ETHTOOL_GRINGPARAM, ETHTOOL_SRINGPARAM);
        case G_PAUSE: return change_words(t, group, &u, ETHTOOL_GPAUSEPARAM, ETHTOOL_SPAUSEPARAM);
        case G_COALESCE: return change_words(t, group, &u, ETHTOOL_GCOALESCE, ETHTOOL_SCOALESCE);
        default: return 0;
        }
}

void link_settings_apply(const struct link_settings *s, const char *ifname, int ifindex)
{
        struct target t = { .s = s, .name = ifname, .index = ifindex, .fd = -1 };

        for (enum group group = 0; group < GROUPS; group++) {
                int r;

                if (group == G_WOL && s->password_socket)
                        continue;
                if (!any_of(&t, group) && !(group == G_LINK && s->advertise) &&
                        !(group == G_WOL && s->password_set))
                        continue;
                if (t.fd < 0)
                        t.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
                r = t.fd < 0 ? -errno : apply_group(&t, group);
                if (r < 0)
                        failed(&t, group, r);
        }
        close_fd(t.fd);
}

void link_settings_apply_late(const struct link_settings *s, const char *ifname)
{
        struct link_settings told = *s;
        struct target t = { .s = &told, .name = ifname, .fd = -1 };
        int r = ask_password(s->password_socket, told.password);

        if (r < 0) {
                log_warning_errno(
                        r, "%s: %s tells no password for Wake-on-LAN: %m", ifname, s->password_socket);
                return;
        }
        told.password_set = true;
        t.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        r = t.fd < 0 ? -errno : apply_wol(&t);
        if (r < 0)
                log_warning_errno(r, "%s: cannot set Wake-on-LAN with a password: %m", ifname);
        close_fd(t.fd);
}

void link_settings_done(struct link_settings *s)
{
        (void)str_replace(&s->password_socket, NULL);
}
