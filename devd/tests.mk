# Unit tests of the rules engine, device objects, database, nodes and builtins. Included by devd/build.mk.
DEVD_RULES_SRC := $(filter devd/rules%.c devd/device%.c devd/db.c devd/node%.c devd/text.c devd/builtin%.c devd/constants.c devd/net-functions.c devd/net-settings.c devd/rtnl.c,$(DEVD_SRC))

$(eval $(call unit_test,test-devd-rules,tests/unit/test-devd-rules.c $(DEVD_RULES_SRC),))
$(eval $(call unit_test,test-devd-device,tests/unit/test-devd-device.c $(DEVD_RULES_SRC),))
$(eval $(call unit_test,test-devd-builtins,tests/unit/test-devd-builtins.c $(DEVD_RULES_SRC),))
$(eval $(call unit_test,test-devd-hwdb,tests/unit/test-devd-hwdb.c $(sort $(wildcard devd/hwdb-*.c)) devd/builtin-hwdb-trie.c,))
