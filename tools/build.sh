# Shared by run-tests and run-demo (sourced): configures and builds presets.
# A file that includes LibTorch takes a gigabyte and a half to compile, so the number of jobs follows the memory as well
# as the cores. VEER_JOBS overrides it.
build_jobs() {
  if [[ -n ${VEER_JOBS:-} ]]; then
    echo "$VEER_JOBS"
    return
  fi
  local cores memory_gib by_memory
  cores=$(nproc)
  memory_gib=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
  by_memory=$((memory_gib * 2 / 3))
  ((by_memory >= 1)) || by_memory=1
  ((cores < by_memory)) && echo "$cores" || echo "$by_memory"
}

# build_preset PRESET [TARGET ...]
# A build folder that is new here compiles several sources at once (VEER_UNITY): a whole build takes about half the work,
# the next one after an edit takes longer. `cmake --preset PRESET -DVEER_UNITY=OFF` suits who edits.
build_preset() {
  local preset=$1 unity=()
  shift
  [[ -e build/$preset/CMakeCache.txt ]] || unity=(-DVEER_UNITY=ON)
  cmake --preset "$preset" "${unity[@]}" >"build/$preset.configure.log" 2>&1 || {
    cat "build/$preset.configure.log" >&2
    return 1
  }
  local targets=()
  [[ $# -eq 0 ]] || targets=(--target "$@")
  cmake --build --preset "$preset" -j "$(build_jobs)" "${targets[@]}"
}
