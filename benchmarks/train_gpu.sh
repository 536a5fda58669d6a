#!/usr/bin/env bash
# The whole training on a CUDA machine within 25 minutes, of the default network and then of its half, which that one
# teaches: `bash benchmarks/train_gpu.sh [FOLDER]`, again and again until it says that it is done.
#
# A call ends after PINCEL_SECONDS (520) with a checkpoint in FOLDER (build/train), from which the next goes on; the last
# leaves weights and cards in FOLDER/pincel and FOLDER/pincel-16. MINUTES (16) and MINUTES_16 (5) are how long all calls
# together train each; reading pictures comes on top.
# PHOTOS, PAINTINGS (colons between) and VGG name the data, by default that of PINCEL_SHARED. Where OUT names a folder,
# weights, card, metrics and preview are copied there. PINCEL_REHEARSE=1 does it on the CPU in a few tiny steps.
# Exit codes: 0 done, 3 call again, 1 it failed.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-build/train}
python=${PYTHON:-python3}
limit=${PINCEL_SECONDS:-520}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
for shared in "${PINCEL_SHARED:-}" shared ../shared; do
    if [ -d "$shared" ]; then break; fi
done
photos=${PHOTOS:-$shared/train/photos.tar}
paintings=${PAINTINGS:-$shared/train/paintings-0.tar:$shared/train/paintings-1.tar}
vgg=${VGG:-$shared/weights/vgg19_normalised_relu4_1.fp16.safetensors}

data=(--vgg "$vgg")
IFS=: read -ra each <<<"$photos" && for path in "${each[@]}"; do data+=(--photos "$path"); done
IFS=: read -ra each <<<"$paintings" && for path in "${each[@]}"; do data+=(--paintings "$path"); done
if [ "${PINCEL_REHEARSE:-}" != 1 ]; then "$python" -c 'import torch; assert torch.cuda.is_available(), "no GPU"'; fi

is_done() {
    [ -e "$1" ] && "$python" -c 'import json, sys; sys.exit(json.load(open(sys.argv[1]))["progress"] < 1)' "$1"
}

train() { # NETWORK MINUTES [ARGUMENT...]
    local network=$1 minutes=$2 own=$folder/$1
    local arguments=("${data[@]}" "${@:3}" --network "$network" --output "$own")
    if is_done "$own/$network.json"; then return; fi
    if [ "${PINCEL_REHEARSE:-}" = 1 ]; then
        arguments+=(--device cpu --steps 2 --minutes 0)
    else
        arguments+=(--device cuda --minutes "$minutes")
    fi
    if [ -e "$own/checkpoint.pt" ]; then arguments+=(--resume); fi
    # A call that is over its time must still save and export.
    local pause
    pause=$("$python" -c "print(max(0.0, ($limit - $SECONDS - 40) / 60))")
    "$python" -m realtime train "${arguments[@]}" --pause "$pause"
    if [ -n "${OUT:-}" ]; then
        mkdir -p "$OUT/$network"
        cp "$own/$network".* "$own/metrics.csv" "$own/preview.png" "$OUT/$network/"
    fi
    if ! is_done "$own/$network.json"; then
        echo "$network is not done yet: call again"
        exit 3
    fi
}

train pincel "${MINUTES:-16}"
train pincel-16 "${MINUTES_16:-5}" --teacher "$folder/pincel/pincel.safetensors"
echo "trained: $folder/pincel/pincel.safetensors and $folder/pincel-16/pincel-16.safetensors"
