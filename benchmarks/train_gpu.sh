#!/usr/bin/env bash
# The whole training of the default network on a CUDA machine within 25 minutes: `bash benchmarks/train_gpu.sh [FOLDER]`,
# again and again until it says that it is done.
#
# A call ends after PINCEL_SECONDS (520) with a checkpoint in FOLDER (build/train), from which the next goes on; the last
# leaves pincel.safetensors and its card. MINUTES (21) is how long all calls together train; reading pictures comes on top.
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

arguments=(--vgg "$vgg" --output "$folder")
IFS=: read -ra each <<<"$photos" && for path in "${each[@]}"; do arguments+=(--photos "$path"); done
IFS=: read -ra each <<<"$paintings" && for path in "${each[@]}"; do arguments+=(--paintings "$path"); done
if [ "${PINCEL_REHEARSE:-}" = 1 ]; then
    arguments+=(--device cpu --steps 2 --minutes 0)
else
    arguments+=(--device cuda --minutes "${MINUTES:-21}")
    "$python" -c 'import torch; assert torch.cuda.is_available(), "no GPU"'
fi
if [ -e "$folder/checkpoint.pt" ]; then arguments+=(--resume); fi
# A call that is over its time must still save and export.
pause=$("$python" -c "print(max(0.0, ($limit - 40) / 60))")
"$python" -m realtime train "${arguments[@]}" --pause "$pause"

if [ -n "${OUT:-}" ]; then cp "$folder"/pincel.* "$folder/metrics.csv" "$folder/preview.png" "$OUT/"; fi
if "$python" -c 'import json, sys; sys.exit(json.load(open(sys.argv[1]))["progress"] < 1)' "$folder/pincel.json"; then
    echo "trained: $folder/pincel.safetensors"
else
    echo "not done yet: call again"
    exit 3
fi
