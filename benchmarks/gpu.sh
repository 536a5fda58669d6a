#!/usr/bin/env bash
# Everything that needs a GPU: `bash benchmarks/gpu.sh [FOLDER]`, again and again until it says that all is done.
#
# It works in parts, each of which leaves a file in FOLDER (build/gpu); a part whose file is there is skipped. A call
# stops beginning parts when PINCEL_SECONDS (520) are used up, and stops a part that runs on until then. Where OUT names a
# folder, what there is so far is packed into OUT/gpu.tar.gz. PINCEL_REHEARSE=1 does it all on the CPU, tiny.
# Exit codes: 0 all done, 3 parts are left, 1 a part failed.
set -uo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build/gpu}
python=${PYTHON:-python3}
limit=${PINCEL_SECONDS:-520}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PINCEL_HOME=${PINCEL_HOME:-$PWD/build/home}
mkdir -p "$folder"

if [ "${PINCEL_REHEARSE:-}" = 1 ]; then
    engines=torch sizes=32x24 batches= half=fp32 seconds=0.01 compared=48x32 profiled=32x24 profile_precision=fp32
else
    export PINCEL_REQUIRE_GPU=1
    sizes="1080p 4k 720p 480p" batches="4 8" half=fp16 seconds=2 compared=480p,1080p,4k profiled=1080p profile_precision=fp16
    "$python" -c 'import torch; assert torch.cuda.is_available(), "no GPU"' || exit 1
    engines=$("$python" -c 'from engines import BACKENDS; print(",".join(name for name in BACKENDS if name != "openvino"))') || exit 1
fi
networks=$("$python" -c 'from engines.networks import NETWORKS; print(*(n for n, c in NETWORKS.items() if c.weights.exists()))') || exit 1

failed=0 left=0
part() { # FILE COMMAND...: the command writes what is called FILE in FOLDER; {} stands for its draft
    local file=$folder/$1 draft=$folder/draft-$1 remaining=$((limit - SECONDS)) status
    shift
    if [ -e "$file" ]; then return; fi
    if [ "$remaining" -lt 30 ]; then
        left=$((left + 1))
        return
    fi
    echo "+ $file"
    timeout -k 10 "$remaining" "${@//\{\}/$draft}"
    status=$?
    if [ "$status" = 0 ] && [ -e "$draft" ]; then
        mv "$draft" "$file"
    elif [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo "  stopped: the time is up"
        left=$((left + 1))
    else
        echo "  failed with status $status"
        failed=$((failed + 1))
    fi
}
bench() { # NETWORK SIZE BATCH PRECISION: one file of figures
    part "bench-$1-$2-$3-$4.json" "$python" -m realtime bench --network "$1" --engine "$engines" --precision "$4" \
        --size "$2" --batch "$3" --seconds "$seconds" --json {}
}

# The most telling parts first.
part facts.json "$python" -c 'import json, sys; from engines.machine import facts; json.dump(facts(), open(sys.argv[1], "w"), indent=1)' {}
if [ "${PINCEL_REHEARSE:-}" != 1 ]; then
    part tests.txt bash -o pipefail -c '"$1" -m pytest -q -m gpu tests 2>&1 | tee "$2"' tests "$python" {}
fi
bench pincel "${sizes%% *}" 1 "$half"
part parity-pincel.json "$python" -m benchmarks.parity --engine "$engines" --size "$compared" --json {}
part profile.txt "$python" -m benchmarks.profile --size "$profiled" --precision "$profile_precision" --output {}
for network in $networks; do
    for size in $sizes; do bench "$network" "$size" 1 "$half"; done
    for batch in $batches; do bench "$network" "${sizes%% *}" "$batch" "$half"; done
    bench "$network" "${sizes%% *}" 1 fp32
    part "parity-$network.json" "$python" -m benchmarks.parity --network "$network" --engine "$engines" --size "$compared" --json {}
done

if [ -n "${OUT:-}" ]; then tar -czf "$OUT/gpu.tar.gz" -C "$folder" .; fi
if [ "$failed" -gt 0 ]; then
    echo "$failed parts failed, $left are left"
    exit 1
fi
if [ "$left" -gt 0 ]; then
    echo "$left parts are left: call again"
    exit 3
fi
echo "all parts are done: $folder"
