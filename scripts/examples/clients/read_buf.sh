#!/usr/bin/env bash
# Reads images with one call, and prints the words of each on a line: read_buf.sh PROTOS URL IMAGE...
set -euo pipefail
protos=$1 url=$2

# With a key, https:// and the service; without one, http:// and a local service.
options=(--header "Authorization: Api-Key ${YC_API_KEY:-}")
[[ -n ${YC_API_KEY:-} ]] || options=(--http2-prior-knowledge)

for image in "${@:3}"; do
  base64 -w0 "$image" | jq -R '{content: ., features: [{
    type: "TEXT_DETECTION", textDetectionConfig: {languageCodes: ["en", "ru"]}}]}'
done | jq -s '{analyzeSpecs: .}' |
  buf curl --schema "$protos" --protocol grpc "${options[@]}" --data @- \
    "$url/yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze" |
  jq -r '.results[] | if .error then "error: " + .error.message
    else [.results[].textDetection.pages[].blocks[].lines[].words[].text] | join(" ") end'
