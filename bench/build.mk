# `make bench`: who is ready when, on a person's clock; `make bench-exact`: the same on the clock that
# counts instructions and repeats. SYSTEMS and RUNS are taken from the command line or the environment;
# the rest of what bench/boot.py can do, its --help says.

BENCH_VARIABLES := SYSTEMS RUNS
export $(BENCH_VARIABLES)

$(eval $(call program,bench/probe,bench/probe.c bench/probe-conditions.c bench/probe-perf.c,STATIC,))
$(eval $(call program,bench/ideal,bench/ideal.c bench/ideal-initrd.c,STATIC,))
$(eval $(call program,bench/devices,bench/devices.c,STATIC,))
BENCH_PROGRAMS := $(OUT)/bench/probe $(OUT)/bench/ideal $(OUT)/bench/devices
$(BENCH_PROGRAMS): | $(OUT)/bench
$(OUT)/bench:
	@mkdir -p $@

.PHONY: bench-programs bench-devices
bench-programs: $(BENCH_PROGRAMS)

bench: all
	@OUT='$(abspath $(OUT))' bench/boot.py

bench-exact: all
	@OUT='$(abspath $(OUT))' bench/boot.py --exact

bench-devices: all
	@OUT='$(abspath $(OUT))' bench/devices.py --exact
	@OUT='$(abspath $(OUT))' bench/devices.py

bench-scale: all
	@OUT='$(abspath $(OUT))' bench/scale.py
